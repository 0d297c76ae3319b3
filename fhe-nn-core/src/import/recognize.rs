//! Which activation computes a function: found by its values, not by how an exporter wrote it.
//!
//! A function `e(x)` is an activation `f` if there are lines with `e(x) = c f(a x + b) + d`, for every
//! channel with its own. Inner lines are the largest parts of `e` that are lines; outer ones what `e` begins
//! with, or a factor. Parameters of `f` follow from single values; then both are compared at many points.

use std::f64::consts::LN_2;

use fhe_nn_proof::spec::Function;

use super::code::function;
use super::expr::Expr;
use super::line::Line;

/// `outer f(inner x)`.
#[derive(Debug, Clone)]
pub(super) struct Recognized {
    pub(super) inner: Line,
    pub(super) function: Function,
    /// By name; one number, or one for each channel.
    pub(super) parameters: Vec<(&'static str, Vec<f64>)>,
    pub(super) outer: Line,
    /// What a `Custom` computes.
    pub(super) own: Option<Expr>,
}

/// Values may differ by so much of them, or of the largest near 0: constants of exports have the precision of
/// `f32`.
const TOLERANCE: f64 = 2e-6;
/// More inner lines are not tried.
const MAX_LINES: usize = 6;

impl Recognized {
    /// What is computed of something, in words.
    pub(super) fn text(&self, of: &str) -> String {
        let number = |values: &[f64]| match values {
            [one] => one.to_string(),
            _ => "its own number for each channel".to_owned(),
        };
        let parameters = self.parameters.iter();
        let parameters = parameters.map(|(name, values)| format!(", {name} = {}", number(values)));
        let parameters: String = parameters.collect();
        let mut text = format!("`{}({of}{parameters})`", self.function.name());
        if !self.outer.is_itself() {
            let (slope, offset) = (number(&self.outer.slope), number(&self.outer.offset));
            text += &format!(" times {slope} plus {offset}");
        }
        text
    }
}

/// The activation that computes `e`.
pub(super) fn recognize(e: &Expr) -> Option<Recognized> {
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

/// `e` as a function of one line of its own, which no activation of the language computes; `None` if it is
/// another function for every channel.
pub(super) fn custom(e: &Expr) -> Option<Recognized> {
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
pub(super) fn never_decreases(e: &Expr) -> bool {
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

/// Those that are lines, repeat, or are unknown here.
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
            // a channel that is constant has the function's value there
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
        // a factor that rounding made is none
        let factor = match (unit - 1.0).abs() < TOLERANCE {
            true => 1.0,
            false => unit,
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
        // slopes that differ are a `Prelu`
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
    // slopes of -1 make an `Abs`, and of 1 nothing
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

/// The parameters that a function must have to have these values; `None` if it cannot.
fn fit(function: Function, value: &impl Fn(f64) -> f64) -> Option<Vec<f64>> {
    const FAR: f64 = 1e4;
    let is_itself = |y: f64| (value(y) - y).abs() <= TOLERANCE * y.abs().max(1.0);
    let found = match function {
        Function::LeakyRelu | Function::Prelu => vec![-value(-1.0)],
        Function::Threshold => {
            let mut ends = (-FAR, FAR);
            if is_itself(ends.0) || !is_itself(ends.1) {
                return None;
            }
            for _ in 0..80 {
                let middle = (ends.0 + ends.1) / 2.0;
                match is_itself(middle) {
                    true => ends.1 = middle,
                    false => ends.0 = middle,
                }
            }
            vec![ends.0 as f32 as f64, value(-FAR)]
        }
        Function::Elu => vec![value(-1.0) / libm::expm1(-1.0)],
        Function::Celu => vec![-value(-1e6)],
        Function::Softplus => vec![LN_2 / value(0.0), 20.0],
        Function::HardSigmoid => {
            let step = 1e-3;
            let slope = (value(step) - value(-step)) / (2.0 * step);
            vec![rounded(slope), rounded(value(0.0))]
        }
        Function::HardTanh => vec![value(-FAR), value(FAR)],
        _ => Vec::new(),
    };
    let usable = found.iter().all(|x| x.is_finite() && x.abs() <= FAR / 10.0);
    usable.then_some(found)
}

/// Without the last digits, which differences of `f64` make.
fn rounded(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

/// One number if all are the same.
fn shared(mut values: Vec<f64>) -> Vec<f64> {
    if values.windows(2).all(|two| two[0] == two[1]) {
        values.truncate(1);
    }
    values
}

/// Where functions are compared: dense around 0, and from near it to far. 0 itself, where signs differ, is
/// not one.
fn points() -> impl Iterator<Item = f64> {
    let near = (-160..160).map(|k| (f64::from(k) + 0.437) / 20.0);
    let sizes = (-24..25).map(|k| 1.17 * 10f64.powf(f64::from(k) / 4.0));
    near.chain(sizes.flat_map(|size| [-size, size]))
}

/// On either side of numbers that a function bends at, and of their opposites.
fn around(constants: &[f64]) -> impl Iterator<Item = f64> + '_ {
    constants
        .iter()
        .flat_map(|&c| [0.999, 1.001].map(|by| by * c))
        .flat_map(|x| [x, -x])
}

/// How large values are that are finite.
fn size(values: impl Iterator<Item = f64>) -> f64 {
    values
        .filter(|value| value.is_finite())
        .fold(f64::MIN_POSITIVE, |size, value| size.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::operation::Operation;

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
