//! What may be chosen, and what it costs: shipped constants, measured once.

use core::ops::RangeInclusive;

use crate::noise::{Decomposition, Shape, bootstrap_variance};
use crate::plan::demand::Accumulators;

/// Small keys, n: tfhe's security curve is a fit over the dimensions in use.
pub(super) const SMALL_DIMENSIONS: RangeInclusive<u32> = 500..=1600;
/// Dimensions of a large key for inputs.
pub(super) const INPUT_DIMENSIONS: [u32; 5] = [1024, 1280, 1536, 1792, 2048];
/// Levels of a keyswitch and of a bootstrap.
pub(super) const MAX_KEYSWITCH_LEVELS: u32 = 8;
pub(super) const MAX_BOOTSTRAP_LEVELS: u32 = 5;

/// Nanoseconds of one step of a rotation (one of n) in a batch, per shape: a part that every step
/// costs, and a part per level. Measured with this crate's engine (DESIGN.md, "Where do the costs
/// come from?"); they decide between parameters and nothing else.
pub(super) const SHAPES: [(Shape, f64, f64); 14] = [
    (
        Shape {
            dimension: 4,
            polynomial_size: 256,
        },
        1_900.0,
        2_960.0,
    ),
    (
        Shape {
            dimension: 6,
            polynomial_size: 256,
        },
        3_100.0,
        4_050.0,
    ),
    (
        Shape {
            dimension: 2,
            polynomial_size: 512,
        },
        2_400.0,
        2_470.0,
    ),
    (
        Shape {
            dimension: 3,
            polynomial_size: 512,
        },
        3_300.0,
        3_670.0,
    ),
    (
        Shape {
            dimension: 4,
            polynomial_size: 512,
        },
        3_840.0,
        5_060.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 1024,
        },
        3_500.0,
        3_200.0,
    ),
    (
        Shape {
            dimension: 2,
            polynomial_size: 1024,
        },
        4_500.0,
        5_830.0,
    ),
    (
        Shape {
            dimension: 3,
            polynomial_size: 1024,
        },
        7_100.0,
        7_730.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 2048,
        },
        6_580.0,
        7_290.0,
    ),
    (
        Shape {
            dimension: 2,
            polynomial_size: 2048,
        },
        9_800.0,
        12_800.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 4096,
        },
        16_100.0,
        16_100.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 8192,
        },
        36_400.0,
        31_000.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 16384,
        },
        69_600.0,
        74_800.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 32768,
        },
        177_000.0,
        150_000.0,
    ),
];
/// Nanoseconds of one multiplication of a digit with a key element in a keyswitch.
pub(super) const KEYSWITCH_NS: f64 = 0.45;
/// Nanoseconds of one multiplication of a weight with a ciphertext element in a linear layer.
const LINEAR_NS: f64 = 0.15;

/// A bootstrap's shape and digits, with what they cost and leave for each step of the rotation.
pub(super) struct Bootstrap {
    pub(super) shape: Shape,
    pub(super) digits: Decomposition,
    pub(super) step_ns: f64,
    pub(super) step_variance: f64,
}

/// Every shape and number of levels, each with its least noisy base.
pub(super) fn bootstraps() -> Vec<Bootstrap> {
    let with = |(shape, step_ns, level_ns): (Shape, f64, f64), levels: u32| {
        (1..=44 / levels)
            .map(|base_log| {
                let digits = Decomposition { base_log, levels };
                let step_variance = bootstrap_variance(1, shape, digits);
                let step_ns = step_ns + f64::from(levels) * level_ns;
                Bootstrap {
                    shape,
                    digits,
                    step_ns,
                    step_variance,
                }
            })
            .min_by(|a, b| a.step_variance.total_cmp(&b.step_variance))
    };
    SHAPES
        .iter()
        .flat_map(|&shape| (1..=MAX_BOOTSTRAP_LEVELS).filter_map(move |levels| with(shape, levels)))
        .collect()
}

/// Nanoseconds of a linear layer on ciphertexts of this dimension.
pub(super) fn linear_cost(accumulators: &Accumulators, dimension: u32) -> f64 {
    let products = f64::from(accumulators.neurons) * f64::from(accumulators.inputs);
    products * f64::from(dimension) * LINEAR_NS
}
