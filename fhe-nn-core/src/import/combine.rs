//! Operators on several values at once: functions of single values, sums, products, tensors one behind the
//! other.

use std::rc::Rc;

use fhe_nn_proof::spec::Op;
use ndarray::{ArrayD, Axis, concatenate};

use super::axes::{axis_of, broadcast, joined};
use super::error::{Refusal, refuse};
use super::expr::Expr;
use super::graph::Node;
use super::line::{Line, zip};
use super::net::Net;
use super::signal::{NOTHING, Signal, Value};
use super::tensor::{Budget, Constant};

/// More operations between two layers are not read.
const MAX_SIZE: usize = 1000;
/// Nor more for all channels together.
const MAX_WORK: usize = 1 << 17;

/// What a formula computes of operands, at least one of which is a signal.
pub(super) fn elementwise(
    net: &mut Net,
    node: &Node,
    formula: &Expr,
    operands: &[Value],
    budget: &Budget,
) -> Result<Signal, Refusal> {
    let mut shape = Vec::new();
    for operand in operands {
        match operand {
            Value::Signal(signal) => shape = joined(&shape, signal.shape())?,
            Value::Constant(constant) => shape = joined(&shape, constant.values.shape())?,
            Value::Levels(..) | Value::Scores(..) | Value::Unknown => {}
        }
    }
    let mut signals: Vec<Signal> = Vec::new();
    for operand in operands {
        if let Value::Signal(signal) = operand {
            signals.push(match signal.shape() == shape {
                true => signal.clone(),
                false => signal.at(broadcast(&signal.places, &shape, node, budget)?),
            });
        }
    }
    let Some(first) = signals.first().cloned() else {
        return refuse("none of its operands is known");
    };
    if signals.iter().any(|signal| !signal.goes_with(&first)) {
        return several(net, node, &signals, operands.len());
    }
    if first.is_padded() {
        return refuse("it computes something of padding");
    }
    let mut own = signals.iter();
    let mut arguments = Vec::with_capacity(operands.len());
    for operand in operands {
        arguments.push(match operand {
            Value::Signal(_) => own
                .next()
                .map_or_else(Expr::itself, |signal| signal.expr.clone()),
            Value::Constant(constant) => by_channel(net, node, &first, constant, budget)?,
            Value::Levels(..) | Value::Scores(..) | Value::Unknown => Expr::itself(),
        });
    }
    let expr = formula.of(&arguments);
    if expr.size() > MAX_SIZE || expr.size().saturating_mul(expr.channels()) > MAX_WORK {
        return refuse("too many operations between two layers");
    }
    let by = node.name.as_str().into();
    Ok(Signal { expr, by, ..first })
}

/// Constants for the values of a signal: one number, or one for each channel of its tensor.
fn by_channel(
    net: &Net,
    node: &Node,
    signal: &Signal,
    constant: &Constant,
    budget: &Budget,
) -> Result<Expr, Refusal> {
    let mut distinct = constant.values.iter();
    let first = distinct.next().copied().unwrap_or(f64::NAN);
    if distinct.all(|&value| value == first) {
        return Ok(Expr::constant(vec![first]));
    }
    let (channels, positions) = net.channels(signal.base);
    let values = broadcast(&constant.values, signal.shape(), node, budget)?;
    // channels that are not looked at may have any
    let mut own = vec![None; channels];
    for (&place, &value) in signal.places.iter().zip(&values) {
        match own.get_mut(place as usize / positions.max(1)) {
            Some(known @ None) => *known = Some(value),
            Some(Some(known)) if *known == value => {}
            _ => return refuse("its constants differ within one channel"),
        }
    }
    Ok(Expr::constant(
        own.into_iter().map(|value| value.unwrap_or(1.0)).collect(),
    ))
}

/// A sum, difference or product of different tensors.
fn several(
    net: &mut Net,
    node: &Node,
    signals: &[Signal],
    operands: usize,
) -> Result<Signal, Refusal> {
    let known = matches!(node.operator.as_str(), "Add" | "Sub" | "Mul" | "Sum");
    if !known || signals.len() != operands {
        return refuse("it combines different values");
    }
    let mut signals = signals.iter().cloned();
    let mut result = signals
        .next()
        .map_or_else(|| refuse("it has no operands"), Ok)?;
    for mut other in signals {
        if node.operator == "Sub" {
            other.expr = other.expr * -1.0;
        }
        result = match node.operator == "Mul" {
            true => product(net, &result, &other)?,
            false => sum(net, &result, &other)?,
        };
    }
    Ok(result)
}

fn sum(net: &mut Net, a: &Signal, b: &Signal) -> Result<Signal, Refusal> {
    let (values_a, values_b) = (net.values(a)?, net.values(b)?);
    let lines = (net.by_channel(&values_a)?, net.by_channel(&values_b)?);
    let (tensors, line) = match lines {
        (line, other) if line.slope == other.slope => {
            let offset = zip(&line.offset, &other.offset, |a, b| a + b);
            let slope = line.slope;
            ([values_a.tensor, values_b.tensor], Line { slope, offset })
        }
        _ => ([net.plain(a)?, net.plain(b)?], Line::itself()),
    };
    combined(net, (a, b), tensors, "sum", Op::Add, line)
}

fn product(net: &mut Net, a: &Signal, b: &Signal) -> Result<Signal, Refusal> {
    let scale = |line: &Line| match line.slope.as_slice() {
        [one] if !line.shifts() => Some(*one),
        _ => None,
    };
    let mut factor = 1.0;
    let mut tensors = [0, 0];
    for (tensor, signal) in tensors.iter_mut().zip([a, b]) {
        let values = net.values(signal)?;
        *tensor = match scale(&values.line) {
            Some(own) => {
                factor *= own;
                net.of_tables(values.tensor)?
            }
            None => net.plain_values(signal)?,
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
    (a, b): (&Signal, &Signal),
    mut tensors: [usize; 2],
    name: &str,
    op: Op,
    line: Line,
) -> Result<Signal, Refusal> {
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
    let base = net.written(tensor);
    Ok(Signal {
        base,
        places: Rc::new(places),
        expr: line.expr(),
        by: a.by.clone(),
        is_integer: false,
    })
}

/// `Concat` of signals.
pub(super) fn concat(
    net: &mut Net,
    node: &Node,
    signals: &[Signal],
    budget: &Budget,
) -> Result<Signal, Refusal> {
    let axis = axis_of(
        node.integer("axis", 1),
        signals.first().map_or(0, |s| s.shape().len()),
    )?;
    if let [one] = signals {
        return Ok(one.clone());
    }
    let mut tensors = Vec::with_capacity(signals.len());
    let mut lines = Vec::with_capacity(signals.len());
    let mut places: Vec<ArrayD<u32>> = Vec::with_capacity(signals.len());
    let mut before = 0;
    for signal in signals {
        let values = net.values(signal)?;
        // lines that shift and scale all channels stay behind the layer
        let line = net.by_channel(&values)?;
        let tensor = net.of_one_scale(values.tensor)?;
        let own = net.places(signal);
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
    let views: Vec<_> = places.iter().map(|places| places.view()).collect();
    let Ok(places) = concatenate(Axis(axis), &views) else {
        return refuse("its operands have different shapes");
    };
    net.share_scales(&tensors);
    let tensor = net.push("concat", tensors, Op::Concat)?;
    let all = |of: fn(&Line, usize) -> f64| -> Vec<f64> {
        let each = lines.iter();
        let own = each.flat_map(|(line, channels)| (0..*channels).map(|c| of(line, c)));
        let own: Vec<f64> = own.collect();
        match own.iter().all(|x| *x == own[0]) {
            true => vec![own[0]],
            false => own,
        }
    };
    let line = Line {
        slope: all(Line::slope_at),
        offset: all(Line::offset_at),
    };
    let base = net.written(tensor);
    Ok(Signal {
        base,
        places: Rc::new(places),
        expr: line.expr(),
        by: "".into(),
        is_integer: false,
    })
}
