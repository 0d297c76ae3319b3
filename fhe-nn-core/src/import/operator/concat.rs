//! Tensors that are concatenated.

use std::rc::Rc;

use fhe_nn_proof::spec::Op;
use ndarray::{ArrayD, Axis, concatenate};

use super::formula::sigmoid;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line};
use crate::import::net::{Net, sigmoids};
use crate::import::onnx::Node;
use crate::import::place::{NOTHING, View, axis_of};

/// `Concat` of views.
pub(super) fn concat(
    net: &mut Net,
    node: &Node,
    views: &[View],
    budget: &Budget,
) -> Result<View, Refusal> {
    let axis = axis_of(
        node.integer("axis", 1),
        views.first().map_or(0, |s| s.shape().len()),
    )?;
    if let [one] = views {
        return Ok(one.clone());
    }
    if let Some(base) = sigmoids(net, views)? {
        return of_sigmoids(base, views, axis);
    }
    let mut tensors = Vec::with_capacity(views.len());
    let mut lines = Vec::with_capacity(views.len());
    let mut places: Vec<ArrayD<u32>> = Vec::with_capacity(views.len());
    let mut before = 0;
    for view in views {
        let written = net.written(view)?;
        // lines of whole channels are applied after the layer
        let line = net.by_channel(&written)?;
        let tensor = net.of_one_scale(written.tensor)?;
        let own = net.places(view);
        budget.take(own.len(), &node.name)?;
        places.push(own.mapv(|place| match place {
            NOTHING => NOTHING,
            place => place + before,
        }));
        let own = u32::try_from(net.facts[tensor].len()).ok();
        before = match own.and_then(|own| before.checked_add(own)) {
            Some(before) if before < NOTHING => before,
            _ => return refuse("it has too many values"),
        };
        lines.push((line, net.facts[tensor].shape[0]));
        tensors.push(tensor);
    }
    let arrays: Vec<_> = places.iter().map(|places| places.view()).collect();
    let Ok(places) = concatenate(Axis(axis), &arrays) else {
        return refuse("its operands have different shapes");
    };
    net.share_scales(&tensors);
    let tensor = net.push("concat", tensors, Op::Concat)?;
    let all = |of: fn(&Line, usize) -> f64| -> Vec<f64> {
        let each = lines.iter();
        let own = each.flat_map(|(line, channels)| (0..*channels).map(|c| of(line, c)));
        let own: Vec<f64> = own.collect();
        if own.iter().all(|x| *x == own[0]) {
            vec![own[0]]
        } else {
            own
        }
    };
    let line = Line {
        slope: all(Line::slope_at),
        offset: all(Line::offset_at),
    };
    let base = net.base_of(tensor);
    Ok(View {
        base,
        places: Rc::new(places),
        expr: Expr::from(&line),
        by: "".into(),
        is_integer: false,
    })
}

/// Views that are sigmoids of the sums of one layer, in the order of its sums.
fn of_sigmoids(base: usize, views: &[View], axis: usize) -> Result<View, Refusal> {
    let mut next = 0..;
    let places = views
        .iter()
        .map(|view| view.places.mapv(|_| next.next().unwrap_or(NOTHING)));
    let places: Vec<ArrayD<u32>> = places.collect();
    let count: usize = places.iter().map(|places| places.len()).sum();
    let arrays: Vec<_> = places.iter().map(|places| places.view()).collect();
    let Ok(places) = concatenate(Axis(axis), &arrays) else {
        return refuse("its operands have different shapes");
    };
    Ok(View {
        expr: sigmoid(Expr::itself()),
        ..View::whole(base, &[count]).at(places)
    })
}
