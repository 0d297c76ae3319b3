//! Sums, differences and products of different tensors.

use std::rc::Rc;

use fhe_nn_proof::spec::{Combine, Op};
use ndarray::ArrayD;

use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line, zip};
use crate::import::net::Net;
use crate::import::onnx::Node;
use crate::import::place::View;

/// A sum, difference or product of different tensors.
pub(super) fn several(
    net: &mut Net,
    node: &Node,
    views: &[View],
    operands: usize,
) -> Result<View, Refusal> {
    let known = matches!(node.operator.as_str(), "Add" | "Sub" | "Mul" | "Sum");
    if !known || views.len() != operands {
        return refuse("it combines different values");
    }
    let mut views = views.iter().cloned();
    let mut result = views
        .next()
        .map_or_else(|| refuse("it has no operands"), Ok)?;
    for mut other in views {
        if node.operator == "Sub" {
            other.expr = other.expr * -1.0;
        }
        result = if node.operator == "Mul" {
            product(net, &result, &other)?
        } else {
            sum(net, &result, &other)?
        };
    }
    Ok(result)
}

fn sum(net: &mut Net, a: &View, b: &View) -> Result<View, Refusal> {
    let written = [net.written(a)?, net.written(b)?];
    let tensors = [written[0].tensor, written[1].tensor];
    let lines = written.each_ref().map(|written| net.by_channel(written));
    let is_padded = a.is_padded() || b.is_padded();
    let (tensors, line) = match lines {
        // the same line for both, and for all channels unless they are the same ones
        [Ok(line), Ok(other)]
            if line.slope == other.slope
                && !is_padded
                && (are_aligned(net, a, b, tensors) || line.is_uniform() && other.is_uniform()) =>
        {
            let offset = zip(&line.offset, &other.offset, |a, b| a + b);
            let slope = line.slope;
            (tensors, Line { slope, offset })
        }
        _ => ([net.plain(a)?, net.plain(b)?], Line::itself()),
    };
    combined(net, (a, b), tensors, "sum", Op::Add, line)
}

/// Whether two tensors of one shape have the values that are combined at the same places.
fn are_aligned(net: &Net, a: &View, b: &View, tensors: [usize; 2]) -> bool {
    let [own, other] = tensors.map(|tensor| &net.facts[tensor].shape);
    own == other && !a.is_padded() && net.places(a) == net.places(b)
}

fn product(net: &mut Net, a: &View, b: &View) -> Result<View, Refusal> {
    let scale = |line: &Line| match line.slope.as_slice() {
        [one] if !line.shifts() => Some(*one),
        _ => None,
    };
    let mut factor = 1.0;
    let mut tensors = [0, 0];
    for (tensor, view) in tensors.iter_mut().zip([a, b]) {
        let written = net.written(view)?;
        *tensor = match scale(&written.line) {
            Some(own) => {
                factor *= own;
                net.of_tables(written.tensor)?
            }
            None => net.plain_values(view)?,
        };
    }
    let line = Line {
        slope: vec![factor],
        offset: vec![0.0],
    };
    combined(net, (a, b), tensors, "product", Op::Mul, line)
}

fn combined(
    net: &mut Net,
    (a, b): (&View, &View),
    mut tensors: [usize; 2],
    name: &str,
    op: Op,
    line: Line,
) -> Result<View, Refusal> {
    let places = if are_aligned(net, a, b, tensors) {
        net.places(a)
    } else {
        aligned(net, &[net.places(a), net.places(b)], &mut tensors)?
    };
    if op == Op::Add {
        for tensor in &mut tensors {
            *tensor = net.of_one_scale(*tensor)?;
        }
        net.share_scales(&tensors);
    }
    let tensor = net.push(name, tensors.to_vec(), op)?;
    let base = net.base_of(tensor);
    Ok(View {
        base,
        places: Rc::new(places),
        expr: Expr::from(&line),
        by: a.by.clone(),
        is_integer: false,
    })
}

/// Brings two tensors into one order: that of the one of which all values are combined, each once. The other one may
/// have a value for each channel; else its values are gathered. The result is the places in this order.
fn aligned(
    net: &mut Net,
    places: &[ArrayD<u32>; 2],
    tensors: &mut [usize; 2],
) -> Result<ArrayD<u32>, Refusal> {
    for which in [0, 1] {
        let (frame, other) = (tensors[which], tensors[1 - which]);
        let len = net.facts[frame].len();
        let Some(wanted) = in_order(&places[which], &places[1 - which], len) else {
            continue;
        };
        let (shape, own) = (
            net.facts[frame].shape.clone(),
            net.facts[other].shape.clone(),
        );
        let positions = Combine::repeats(&shape, &own);
        let is_each = |positions: usize| {
            let each = (0..len as u32).map(|place| place / positions as u32);
            wanted.iter().copied().eq(each)
        };
        let other = if positions.is_some_and(is_each) {
            other
        } else if wanted.iter().copied().eq(0..net.facts[other].len() as u32) {
            net.flattened(other)?
        } else {
            net.gathered(other, &wanted, &shape)?
        };
        let flat = Combine::repeats(&shape, &net.facts[other].shape).is_none();
        let frame = if flat { net.flattened(frame)? } else { frame };
        // the one that may be repeated comes second
        *tensors = [frame, other];
        return Ok(places[which].clone());
    }
    // neither has all values of its tensor
    let shape = match places[0].shape() {
        [1, shape @ ..] if !shape.is_empty() => shape.to_vec(),
        shape => shape.to_vec(),
    };
    let wanted: Vec<u32> = places[0].iter().copied().collect();
    tensors[0] = net.gathered(tensors[0], &wanted, &shape)?;
    let whole = (0..wanted.len() as u32).collect();
    let whole = ArrayD::from_shape_vec(places[0].raw_dim(), whole).unwrap_or_default();
    aligned(net, &[whole, places[1].clone()], tensors)
}

/// The places of `other` in the order of a tensor of `len` values, of which `frame` has each once.
fn in_order(frame: &ArrayD<u32>, other: &ArrayD<u32>, len: usize) -> Option<Vec<u32>> {
    if frame.len() != len {
        return None;
    }
    let mut ordered: Vec<Option<u32>> = vec![None; len];
    for (&place, &value) in frame.iter().zip(other) {
        match ordered.get_mut(place as usize) {
            Some(free @ None) => *free = Some(value),
            _ => return None,
        }
    }
    ordered.into_iter().collect()
}
