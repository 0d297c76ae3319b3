//! The last layer, whose sums the client decrypts as scores.

use std::rc::Rc;

use fhe_nn_proof::spec::TensorKind;
use ndarray::{Array2, Axis};

use super::linear::dense;
use super::network::{Net, Source};
use super::pending::{PendingLinear, Weights};
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line, recognize};
use crate::import::place::{NOTHING, View};

/// Ends the network with the values of a view as its scores. A function of single values after them is left
/// to the client.
pub(crate) fn scores(net: &mut Net, view: &View) -> Result<(), Refusal> {
    let line = match view.expr.line() {
        Some(line) => Some(line),
        None => recognize(&view.expr).map(|found| {
            net.notes.push(format!(
                "{} is the client's: it computes it after it decrypts",
                found.text("the scores")
            ));
            found.inner
        }),
    };
    let lined = |line: &Line| View {
        expr: Expr::from(line),
        ..view.clone()
    };
    let source = net.bases[view.base].source.clone();
    match (&source, &line) {
        (Source::Linear(linear), Some(line)) => {
            if let Some(linear) = rows(linear, view) {
                return net.linear(&linear, line).map(|_| ());
            }
        }
        (Source::Tensor(tensor), Some(line)) => {
            let last = *tensor == net.layers.len();
            let sums = net.facts[*tensor].kind == TensorKind::Sums;
            if last && sums && line.is_itself() && view.is_whole(net.facts[*tensor].len()) {
                return Ok(());
            }
        }
        _ => {}
    }
    // another layer picks the values
    let view = line.as_ref().map_or_else(|| view.clone(), lined);
    let count = view.places.len();
    if count > 1 << 10 {
        return refuse(format!("it has {count} scores"));
    }
    let weights = Weights {
        matrix: Array2::eye(count),
        bias: vec![0.0; count],
        scales: None,
        name: "scores".to_owned(),
    };
    let places = view.places.iter().copied().collect();
    let base = dense(net, &view, places, weights)?;
    let whole = View {
        expr: Expr::itself(),
        ..View::whole(base, &[count])
    };
    scores(net, &whole)
}

/// The linear layer reduced to the outputs that a view has, in its order; `None` if that needs another layer.
fn rows(linear: &Rc<PendingLinear>, view: &View) -> Option<Rc<PendingLinear>> {
    let weights = &linear.weights;
    let outputs = weights.matrix.nrows();
    match &linear.window {
        Some((window, _)) => view.is_whole(window.output_len()).then(|| linear.clone()),
        None if view.is_whole(outputs) => Some(linear.clone()),
        None => {
            let places = view.places.iter();
            let places: Vec<usize> = places.map(|&place| place as usize).collect();
            if places.contains(&(NOTHING as usize)) {
                return None;
            }
            let picked = |all: &Vec<f64>| places.iter().map(|&place| all[place]).collect();
            Some(Rc::new(PendingLinear {
                reads: linear.reads,
                window: None,
                weights: Weights {
                    name: weights.name.clone(),
                    matrix: weights.matrix.select(Axis(0), &places),
                    bias: picked(&weights.bias),
                    scales: weights.scales.as_ref().map(picked),
                },
            }))
        }
    }
}
