//! Activation functions with their slopes, for the float network.

use crate::parallel::*;
use fhe_nn_proof::spec::{ActivationSpec, Function};

use crate::quantize::{Curve, Quantizer};

/// Half the distance between the two points from which a slope is computed.
const NEARBY: f64 = 1e-3;

/// Computes the values and slopes of a function, `[inputs, phases x neurons]` each, at reals,
/// `[inputs, neurons]`. Values are those of the model's own quantizer, if it has one; slopes pass through its
/// rounding. The slope of a sign is taken to be 1 from -1 to 1, and 0 elsewhere.
pub(super) fn curves(
    act: &ActivationSpec,
    curve: &Curve<'_>,
    quantizer: Option<Quantizer>,
    reals: &[f32],
    neurons: usize,
    positions: usize,
) -> (Vec<f32>, Vec<f32>) {
    let phases = act.phases as usize;
    let mut values = vec![0.0; reals.len() * phases];
    let mut slopes = values.clone();
    let rows = reals.par_chunks_exact(neurons);
    rows.zip(values.par_chunks_exact_mut(phases * neurons))
        .zip(slopes.par_chunks_exact_mut(phases * neurons))
        .for_each(|((row, values), slopes)| {
            for q in 0..phases {
                let shift = curve.shift(q as u32, act.phases);
                for (j, &x) in row.iter().enumerate() {
                    let value = |x: f64| curve.value(x, j / positions);
                    let x = f64::from(x) + shift;
                    let slope = match act.function {
                        Function::Sign => f64::from(u8::from(x.abs() <= 1.0)),
                        _ => (value(x + NEARBY) - value(x - NEARBY)) / (2.0 * NEARBY),
                    };
                    let exact = value(x);
                    let own = quantizer.map_or(exact, |quantizer| quantizer.value(exact));
                    values[q * neurons + j] = own as f32;
                    slopes[q * neurons + j] = slope as f32;
                }
            }
        });
    (values, slopes)
}
