//! Which activation computes a function. It is found by the function's values, not by how an exporter wrote it.
//!
//! A function `e(x)` is an activation `f` if there are lines with `e(x) = c f(a x + b) + d`, where every channel
//! has its own. The inner line is one of the largest parts of `e` that are lines; the outer one is what `e` ends
//! with, or a factor. The parameters of `f` follow from single values; then both are compared at many points.

use fhe_nn_proof::spec::Function;

use super::channel::shared;
use super::code::function;
use super::compare::{TOLERANCE, around, points, size};
use super::expr::Expr;
use super::line::Line;
use super::parameters::fit;

/// `outer f(inner x)`.
#[derive(Debug, Clone)]
pub(crate) struct Recognized {
    pub(crate) inner: Line,
    pub(crate) function: Function,
    /// The parameters by name: one number each, or one for each channel.
    pub(crate) parameters: Vec<(&'static str, Vec<f64>)>,
    pub(crate) outer: Line,
    /// The function that a `Custom` computes.
    pub(crate) own: Option<Expr>,
}

/// The most inner lines that are tried.
const MAX_LINES: usize = 6;

impl Recognized {
    /// The function of `argument`, in words.
    pub(crate) fn text(&self, argument: &str) -> String {
        let number = |values: &[f64]| match values {
            [one] => one.to_string(),
            _ => "its own number for each channel".to_owned(),
        };
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|(name, values)| format!(", {name} = {}", number(values)));
        let parameters: String = parameters.collect();
        let mut text = format!("`{}({argument}{parameters})`", self.function.name());
        if !self.outer.is_itself() {
            let (slope, offset) = (number(&self.outer.slope), number(&self.outer.offset));
            text += &format!(" times {slope} plus {offset}");
        }
        text
    }
}

/// The activation that computes `e`.
pub(crate) fn recognize(e: &Expr) -> Option<Recognized> {
    let channels = e.channels();
    let lines: Vec<Line> = e.lines_inside().into_iter().take(MAX_LINES).collect();
    let negative = Line {
        slope: vec![-1.0],
        offset: vec![0.0],
    };
    let negatives = lines.iter().map(|line| negative.after(line));
    let inner: Vec<Line> = lines.iter().cloned().chain(negatives).collect();
    let mut outer = Line::itself();
    let mut rest = e.clone();
    loop {
        for inner in &inner {
            if let Some(found) = try_inner(&rest, inner, channels) {
                return Some(Recognized {
                    outer: outer.after(&found.outer),
                    ..found
                });
            }
        }
        let (line, part) = rest.outermost()?;
        if line.is_constant() {
            return None;
        }
        outer = outer.after(&line);
        rest = part;
    }
}

/// `e` as a `Custom` function of one of its own lines; `None` if it cannot be written in Rust, as when channels
/// differ.
pub(crate) fn custom(e: &Expr) -> Option<Recognized> {
    let lines = e.lines_inside();
    let inner = match lines.as_slice() {
        [one] => one.clone(),
        _ => Line::itself(),
    };
    let own = e.of_line(&inner);
    function("own", &own)?;
    Some(Recognized {
        inner,
        function: Function::Custom,
        parameters: Vec::new(),
        outer: Line::itself(),
        own: Some(own),
    })
}

/// Whether `e` never decreases, for every channel.
pub(crate) fn never_decreases(e: &Expr) -> bool {
    (0..e.channels()).all(|channel| {
        let mut xs: Vec<f64> = points().chain(around(&e.constants(channel))).collect();
        xs.sort_by(f64::total_cmp);
        let values: Vec<f64> = xs.iter().map(|&x| e.value(&[x], channel)).collect();
        let slack = TOLERANCE * size(values.iter().copied());
        values
            .windows(2)
            .all(|two| two[0] <= two[1] + slack.max(TOLERANCE * two[1].abs()))
    })
}

fn try_inner(e: &Expr, inner: &Line, channels: usize) -> Option<Recognized> {
    let usable = |channel| {
        let (slope, offset) = (inner.slope_at(channel), inner.offset_at(channel));
        (slope.is_normal() || slope == 0.0) && offset.is_finite()
    };
    if !(0..channels).all(usable) || inner.is_constant() {
        return None;
    }
    let mut candidates = Function::all().filter(|function| !is_excluded(*function));
    candidates.find_map(|function| try_function(function, e, inner, channels))
}

/// Whether a function is not tried, as it is a line, repeats, or is not known here.
fn is_excluded(function: Function) -> bool {
    matches!(
        function,
        Function::Identity | Function::Wave | Function::Custom
    )
}

fn try_function(function: Function, e: &Expr, inner: &Line, channels: usize) -> Option<Recognized> {
    let names = function.parameters();
    let mut parameters: Vec<Vec<f64>> = vec![Vec::with_capacity(channels); names.len()];
    let mut factors = Vec::with_capacity(channels);
    for channel in 0..channels {
        let (slope, offset) = (inner.slope_at(channel), inner.offset_at(channel));
        if slope == 0.0 {
            // a constant channel has the value that the function has there
            let (own, known) = (
                e.value(&[0.0], channel),
                names.is_empty().then(|| function.value(offset, &[]))?,
            );
            if (own - known).abs() > TOLERANCE * known.abs().max(1.0) {
                return None;
            }
            factors.push(1.0);
            continue;
        }
        // the value at y = inner(x)
        let own = |y: f64| e.value(&[(y - offset) / slope], channel);
        let found = fit(function, &own)?;
        let unit = match names {
            [] => own(2.0) / function.value(2.0, &[]),
            _ => 1.0,
        };
        // a factor that only rounding made is 1
        let factor = if (unit - 1.0).abs() < TOLERANCE {
            1.0
        } else {
            unit
        };
        let least = TOLERANCE * size(points().filter(|y| y.abs() < 8.0).map(own));
        let agrees = |y: f64| {
            let (own, known) = (own(y), factor * function.value(y, &found));
            // both may overflow
            own == known || (own - known).abs() <= least.max(TOLERANCE * known.abs())
        };
        let constants = e.constants(channel);
        let bends = around(&constants).chain(around(&constants).map(|x| slope * x + offset));
        if !(factor.is_normal() && points().chain(bends).all(agrees)) {
            return None;
        }
        // slopes that differ between channels make it a `Prelu`
        let differs = parameters
            .first()
            .is_some_and(|all| channel > 0 && all.first() != found.first());
        if function == Function::LeakyRelu && differs {
            return None;
        }
        parameters
            .iter_mut()
            .zip(found)
            .for_each(|(all, own)| all.push(own));
        factors.push(factor);
    }
    // a slope of -1 makes it an `Abs`, and a slope of 1 makes it a line
    let rectifies = matches!(function, Function::LeakyRelu | Function::Prelu);
    if rectifies && parameters[0].iter().all(|slope| slope.abs() == 1.0) {
        return None;
    }
    Some(Recognized {
        inner: inner.clone(),
        function,
        parameters: names
            .iter()
            .zip(parameters)
            .map(|(&(name, _), values)| (name, shared(values)))
            .collect(),
        outer: Line {
            slope: shared(factors),
            offset: vec![0.0],
        },
        own: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::function::operation::Operation;

    fn unary(operation: Operation, x: Expr) -> Expr {
        Expr::apply(operation, vec![x])
    }

    #[test]
    fn swish_with_a_factor_inside_is_a_scaled_silu() {
        let number = |x: f64| Expr::constant(vec![x]);
        let x = Expr::itself();
        let minus = number(0.0) - x.clone() * 1.702;
        let quick = x * (number(1.0) / (unary(Operation::Exp, minus) + 1.0));
        let found = recognize(&quick).expect("a function");
        assert_eq!(found.function, Function::Silu);
        assert!((found.inner.slope[0] - 1.702).abs() < 1e-12, "{found:?}");
        assert!(
            (found.outer.slope[0] * 1.702 - 1.0).abs() < 1e-9,
            "{found:?}"
        );
    }

    #[test]
    fn every_channel_has_its_own_lines_and_parameters() {
        let x = Expr::itself() * Expr::constant(vec![2.0, -3.0]) + Expr::constant(vec![0.5, 1.0]);
        let slopes = Expr::constant(vec![0.25, 0.5]);
        let positive = Expr::apply(Operation::Less, vec![Expr::constant(vec![0.0]), x.clone()]);
        let e = Expr::apply(Operation::Select, vec![positive, x.clone(), slopes * x]) * 4.0;
        let found = recognize(&e).expect("a function");
        assert_eq!(found.function, Function::Prelu);
        assert_eq!(found.parameters, [("weight", vec![0.25, 0.5])]);
        assert_eq!(found.inner.slope, [2.0, -3.0]);
        assert_eq!(found.outer.slope, [4.0]);
    }

    #[test]
    fn a_rectifier_that_is_cut_far_away_is_none() {
        let number = |x: f64| Expr::constant(vec![x]);
        let binary = |operation, a, b| Expr::apply(operation, vec![a, b]);
        let rectified = binary(Operation::Max, Expr::itself(), number(0.0));
        let cut = binary(Operation::Min, rectified.clone(), number(200.0));
        assert_eq!(
            recognize(&rectified).map(|found| found.function),
            Some(Function::Relu)
        );
        assert_eq!(
            recognize(&cut).map(|found| found.function),
            Some(Function::HardTanh)
        );
    }

    #[test]
    fn a_function_of_no_activation_is_none() {
        let wave = unary(Operation::Sin, Expr::itself());
        assert!(recognize(&wave).is_none());
    }
}
