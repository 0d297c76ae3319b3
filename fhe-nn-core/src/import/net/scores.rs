//! The last layer, whose sums the client decrypts as scores, and what the client makes of them.

use std::rc::Rc;

use ndarray::{Array2, Axis};

use super::linear::dense;
use super::network::{Net, Source};
use super::pending::{PendingLinear, Weights};
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line, recognize};
use crate::import::place::View;

/// Ends the network with the values of a view as its outputs. What only moves scores is the client's, and a function
/// of single values after them is left to the client.
pub(crate) fn scores(net: &mut Net, view: &View) -> Result<(), Refusal> {
    let line = match view.expr.line() {
        Some(line) => Some(line),
        None => recognize(&view.expr).map(|found| {
            net.notes.push(format!(
                "{} is the client's: it computes it after it decrypts",
                found.text("the scores")
            ));
            if view.expr.channels() == 1 {
                net.tail.each = Some(view.expr.of_line(&found.inner));
            }
            found.inner
        }),
    };
    let source = net.bases[view.base].source.clone();
    match (&source, &line) {
        (Source::Linear(linear), Some(line)) => {
            let (linear, rows) = rows(linear, view);
            if linear.weights.bias.is_empty() {
                return refuse("its outputs do not depend on the input");
            }
            net.linear(&linear, &of_rows(line, rows.as_deref()))?;
            return net.put_out(view, rows.as_deref(), &Line::itself());
        }
        (Source::Tensor(tensor) | Source::Each(tensor), Some(line))
            if net.is_last_sums(*tensor) =>
        {
            return net.put_out(view, None, line);
        }
        (Source::Client(values), Some(line)) => return net.put_out_values(view, values, line),
        _ => {}
    }
    // another layer picks the values
    let view = match &line {
        Some(line) => View {
            expr: Expr::from(line),
            ..view.clone()
        },
        None => view.clone(),
    };
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
    let base = dense(net, &view, weights)?;
    scores(net, &View::whole(base, &[count]))
}

/// The line of each of these channels; of all channels if there are no rows.
fn of_rows(line: &Line, rows: Option<&[u32]>) -> Line {
    let Some(rows) = rows else {
        return line.clone();
    };
    let rows = || rows.iter().map(|&row| row as usize);
    Line {
        slope: rows().map(|row| line.slope_at(row)).collect(),
        offset: rows().map(|row| line.offset_at(row)).collect(),
    }
}

/// The linear layer reduced to the outputs that a view has, each once and in the view's order, and the places of
/// these; no places if the layer keeps all outputs.
fn rows(linear: &Rc<PendingLinear>, view: &View) -> (Rc<PendingLinear>, Option<Vec<u32>>) {
    let weights = &linear.weights;
    let outputs = weights.matrix.nrows();
    if linear.window.is_some() || view.is_whole(outputs) {
        return (linear.clone(), None);
    }
    let mut is_there = vec![false; outputs];
    let mut places: Vec<u32> = view.places.iter().copied().collect();
    places.retain(|&place| {
        let own = is_there.get_mut(place as usize);
        own.is_some_and(|own| !std::mem::replace(own, true))
    });
    let rows: Vec<usize> = places.iter().map(|&place| place as usize).collect();
    let picked = |all: &Vec<f64>| rows.iter().map(|&row| all[row]).collect();
    let reduced = PendingLinear {
        reads: linear.reads,
        window: None,
        weights: Weights {
            name: weights.name.clone(),
            matrix: weights.matrix.select(Axis(0), &rows),
            bias: picked(&weights.bias),
            scales: weights.scales.as_ref().map(picked),
        },
    };
    (Rc::new(reduced), Some(places))
}
