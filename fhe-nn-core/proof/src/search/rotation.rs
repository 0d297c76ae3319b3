//! The blind rotations that the search tries.

use crate::noise::{
    Decomposition, MODULUS_BITS, Shape, body_bytes, bootstrap_variance, mask_transform_variance,
    secure_variance,
};
use crate::plan::cost::SHAPES;
use crate::plan::range::{BOOTSTRAP_DIGIT_BITS, MAX_BOOTSTRAP_LEVELS, extensions};

/// Shape, extension and digits of a rotation, with the cost and the noise of each of its steps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    pub(super) shape: Shape,
    pub(super) extension: u32,
    pub(super) digits: Decomposition,
    /// Index of the first rotation that has the same bootstrapping key.
    pub(super) key: usize,
    /// Nanoseconds of a step.
    pub(super) step_ns: f64,
    /// Variance that a step adds to the result.
    pub(super) step_variance: f64,
    /// The part of it that the values of one bootstrap have in common.
    pub(super) step_common: f64,
    /// Number of bytes of a step's part of the key on the wire.
    pub(super) step_bytes: f64,
}

impl Rotation {
    /// Number of coefficients of a table.
    pub(super) fn table_size(&self) -> u32 {
        self.shape.polynomial_size * self.extension
    }

    /// Variance of a result after n steps to reckon with in sums that add `shared` of what the values of
    /// one bootstrap have in common.
    pub(super) fn variance(&self, n: u32, shared: f64) -> f64 {
        f64::from(n) * (self.step_variance + shared * self.step_common)
    }
}

/// Every shape, extension and number of levels, each with the base that adds the least noise: all
/// bases cost the same. The noise is that of sums that add `shared` of what the values of one bootstrap
/// have in common.
pub(super) fn rotations(shared: f64) -> Vec<Rotation> {
    let with = |(shape, step_ns, level_ns): (Shape, f64, f64), extension: u32, levels: u32| {
        let bases =
            (1..=BOOTSTRAP_DIGIT_BITS / levels).map(|base_log| Decomposition { base_log, levels });
        let noise = bases.map(|digits| {
            let variance = bootstrap_variance(1, shape, digits);
            (variance, mask_transform_variance(1, shape, digits), digits)
        });
        let in_sums = |(variance, common, _): &(f64, f64, _)| variance + shared * common;
        let best = noise.min_by(|a, b| in_sums(a).total_cmp(&in_sums(b)));
        best.map(|(step_variance, step_common, digits)| Rotation {
            shape,
            extension,
            digits,
            key: 0,
            step_ns: f64::from(extension) * (step_ns + f64::from(levels) * level_ns),
            step_variance,
            step_common,
            step_bytes: step_bytes(shape, levels),
        })
    };
    let shapes = SHAPES
        .iter()
        .flat_map(|&shape| extensions(shape.0).map(move |extension| (shape, extension)));
    let mut rotations: Vec<Rotation> = shapes
        .flat_map(|(shape, extension)| {
            (1..=MAX_BOOTSTRAP_LEVELS).filter_map(move |levels| with(shape, extension, levels))
        })
        .collect();
    for index in 0..rotations.len() {
        let own = rotations[index];
        let alike = |other: &Rotation| (other.shape, other.digits) == (own.shape, own.digits);
        rotations[index].key = rotations.iter().position(alike).unwrap_or(index);
    }
    rotations
}

fn step_bytes(shape: Shape, levels: u32) -> f64 {
    let dimension = shape.lwe_dimension();
    let bodies = levels * (dimension + shape.polynomial_size);
    f64::from(bodies * body_bytes(secure_variance(dimension), MODULUS_BITS))
}
