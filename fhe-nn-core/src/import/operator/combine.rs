//! Sums, differences and products of different tensors.

use std::rc::Rc;

use fhe_nn_proof::spec::Op;

use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line, zip};
use crate::import::net::Net;
use crate::import::onnx::Node;
use crate::import::place::{NOTHING, View};

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
    let (written_a, written_b) = (net.written(a)?, net.written(b)?);
    let lines = (net.by_channel(&written_a)?, net.by_channel(&written_b)?);
    let (tensors, line) = match lines {
        (line, other) if line.slope == other.slope => {
            let offset = zip(&line.offset, &other.offset, |a, b| a + b);
            let slope = line.slope;
            ([written_a.tensor, written_b.tensor], Line { slope, offset })
        }
        _ => ([net.plain(a)?, net.plain(b)?], Line::itself()),
    };
    combined(net, (a, b), tensors, "sum", Op::Add, line)
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
    let places = net.places(a);
    if places != net.places(b) || places.iter().any(|&place| place == NOTHING) {
        return refuse(
            "it combines values of different places: its operands have other shapes or orders",
        );
    }
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
