//! The parameters of activations, found from single values of a function.

use std::f64::consts::LN_2;

use fhe_nn_proof::spec::Function;

use super::compare::TOLERANCE;

/// The parameters with which an activation has these values, if it has them at all; `None` if no parameters do.
pub(super) fn fit(function: Function, value: &impl Fn(f64) -> f64) -> Option<Vec<f64>> {
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
                if is_itself(middle) {
                    ends.1 = middle
                } else {
                    ends.0 = middle
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

/// Without the last digits, which the rounding of `f64` differences makes.
fn rounded(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}
