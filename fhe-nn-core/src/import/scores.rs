//! The last layer: what the client decrypts.

use std::rc::Rc;

use fhe_nn_proof::spec::TensorKind;
use ndarray::{Array2, Axis};

use super::error::Refusal;
use super::expr::Expr;
use super::layers::Linear;
use super::line::Line;
use super::linear::{Weights, dense};
use super::net::{Net, Source};
use super::recognize::recognize;
use super::signal::{NOTHING, Signal};

/// Ends the network with the values of a signal. A function of single values behind them is the client's.
pub(super) fn scores(net: &mut Net, signal: &Signal) -> Result<(), Refusal> {
    let line = match signal.expr.line() {
        Some(line) => Some(line),
        None => recognize(&signal.expr).map(|found| {
            net.notes.push(format!(
                "{} is the client's: it computes it after it decrypts",
                found.text("the scores")
            ));
            found.inner
        }),
    };
    let lined = |line: &Line| Signal {
        expr: line.expr(),
        ..signal.clone()
    };
    let source = net.bases[signal.base].source.clone();
    match (&source, &line) {
        (Source::Linear(linear), Some(line)) => {
            if let Some(linear) = rows(linear, signal) {
                return net.linear(&linear, line).map(|_| ());
            }
        }
        (Source::Tensor(tensor), Some(line)) => {
            let last = *tensor == net.layers.len();
            let sums = net.facts[*tensor].kind == TensorKind::Sums;
            if last && sums && line.is_itself() && signal.is_whole(net.facts[*tensor].len()) {
                return Ok(());
            }
        }
        _ => {}
    }
    // a layer that picks the values
    let signal = line.as_ref().map_or_else(|| signal.clone(), lined);
    let count = signal.places.len();
    if count > 1 << 10 {
        return super::error::refuse(format!("it has {count} scores"));
    }
    let weights = Weights {
        matrix: Array2::eye(count),
        bias: vec![0.0; count],
        scales: None,
        name: "scores".to_owned(),
    };
    let places = signal.places.iter().copied().collect();
    let base = dense(net, &signal, places, weights)?;
    let whole = Signal {
        expr: Expr::itself(),
        ..Signal::whole(base, &[count])
    };
    scores(net, &whole)
}

/// A linear layer with the outputs that a signal has, in its order; `None` if it would be another layer.
fn rows(linear: &Rc<Linear>, signal: &Signal) -> Option<Rc<Linear>> {
    let outputs = linear.weights.nrows();
    match &linear.window {
        Some((window, _)) => signal.is_whole(window.output_len()).then(|| linear.clone()),
        None if signal.is_whole(outputs) => Some(linear.clone()),
        None => {
            let places = signal.places.iter();
            let places: Vec<usize> = places.map(|&place| place as usize).collect();
            if places.contains(&(NOTHING as usize)) {
                return None;
            }
            Some(Rc::new(Linear {
                name: linear.name.clone(),
                reads: linear.reads,
                window: None,
                weights: linear.weights.select(Axis(0), &places),
                bias: places.iter().map(|&place| linear.bias[place]).collect(),
                scales: linear
                    .scales
                    .as_ref()
                    .map(|scales| places.iter().map(|&place| scales[place]).collect()),
            }))
        }
    }
}
