//! The blind rotations that the search tries.

use crate::noise::{
    Decomposition, MODULUS_BITS, ProductDigits, Shape, body_bytes, bootstrap_variance,
    mask_transform_variance, pair_mask_transform_variance, pair_variance, secure_variance,
};
use crate::plan::Prefer;
use crate::plan::cost::{SHAPES, bit_cost};
use crate::plan::range::{BOOTSTRAP_DIGIT_BITS, MAX_BOOTSTRAP_LEVELS, MAX_KEY_BITS, extensions};

/// Shape, extension and digits of a rotation, with its cost and its noise for each bit of the small key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    pub(super) shape: Shape,
    pub(super) extension: u32,
    pub(super) digits: ProductDigits,
    /// Number of bits of the small key that a step takes.
    pub(super) key_bits: u32,
    /// Index of the first rotation that has the same bootstrapping key.
    pub(super) key: usize,
    /// Nanoseconds.
    pub(super) step_ns: f64,
    /// Variance that it adds to the result.
    pub(super) step_variance: f64,
    /// The part of it that the values of one bootstrap have in common.
    pub(super) step_common: f64,
    /// Number of bytes of its part of the key on the wire.
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

/// Every shape, extension and number of levels of masks and of bodies, each with the bases that add the least
/// noise: all bases cost the same. The noise is that of sums that add `shared` of what the values of one
/// bootstrap have in common. Steps of two key bits are for the fastest plans alone: their keys are larger.
pub(super) fn rotations(shared: f64, prefer: Prefer) -> Vec<Rotation> {
    let with = |shape: Shape, extension: u32, (masks, body): (u32, u32), key_bits: u32| {
        let (variance, common): (Variance, Variance) = match key_bits {
            1 => (bootstrap_variance, mask_transform_variance),
            _ => (pair_variance, pair_mask_transform_variance),
        };
        let in_sums =
            |digits: ProductDigits| variance(1, shape, digits) + shared * common(1, shape, digits);
        // the noise is a sum of what masks add and what bodies add, so that each has a base of its own
        let best = |levels: u32, noise: &dyn Fn(Decomposition) -> f64| {
            let bases = (1..=BOOTSTRAP_DIGIT_BITS / levels)
                .map(|base_log| Decomposition { base_log, levels });
            bases.min_by(|a, b| noise(*a).total_cmp(&noise(*b)))
        };
        let digits = if masks == body {
            best(masks, &|digits| in_sums(digits.into()))?.into()
        } else {
            // a body that is no noisier than its masks, since what is added to much more would be rounded away
            let any = best(masks, &|digits| in_sums(digits.into()))?;
            let masks = best(masks, &|masks| in_sums(ProductDigits { masks, body: any }))?;
            let body = best(body, &|body| in_sums(ProductDigits { masks, body }))?;
            ProductDigits { masks, body }
        };
        let rows = shape.dimension * masks + body;
        Some(Rotation {
            shape,
            extension,
            digits,
            key_bits,
            key: 0,
            step_ns: bit_cost(shape, extension, rows, key_bits),
            step_variance: variance(1, shape, digits),
            step_common: common(1, shape, digits),
            step_bytes: step_bytes(shape, rows, key_bits),
        })
    };
    let most = match prefer {
        Prefer::Fastest => MAX_KEY_BITS,
        Prefer::SmallestKeys => 1,
    };
    let shapes = SHAPES
        .iter()
        .flat_map(|&(shape, ..)| extensions(shape).map(move |extension| (shape, extension)));
    let kinds = shapes.flat_map(|shape| (1..=most).map(move |key_bits| (shape, key_bits)));
    let levels =
        (1..=MAX_BOOTSTRAP_LEVELS).flat_map(|masks| (1..=masks).map(move |body| (masks, body)));
    let mut rotations: Vec<Rotation> = kinds
        .flat_map(|((shape, extension), key_bits)| {
            let levels = levels.clone();
            let all = levels.filter_map(|levels| with(shape, extension, levels, key_bits));
            useful(all.collect())
        })
        .collect();
    for index in 0..rotations.len() {
        let key = |rotation: &Rotation| (rotation.shape, rotation.digits, rotation.key_bits);
        let own = key(&rotations[index]);
        let alike = |other: &Rotation| key(other) == own;
        rotations[index].key = rotations.iter().position(alike).unwrap_or(index);
    }
    rotations
}

/// Leaves out what costs as much as another of the same kind and is as noisy: three levels of masks and one of bodies
/// have as many rows as two and two.
fn useful(all: Vec<Rotation>) -> Vec<Rotation> {
    let measures = |rotation: &Rotation| {
        [
            rotation.step_ns,
            rotation.step_bytes,
            rotation.step_variance,
            rotation.step_common,
        ]
    };
    let beaten = |index: usize| {
        let own = measures(&all[index]);
        let better = |(other, rotation): (usize, &Rotation)| {
            let others = measures(rotation);
            let as_good = others.iter().zip(own).all(|(other, own)| *other <= own);
            // of equals the first stays
            other != index && as_good && (others != own || other < index)
        };
        all.iter().enumerate().any(better)
    };
    let left = (0..all.len()).filter(|index| !beaten(*index));
    left.map(|index| all[index]).collect()
}

/// A formula of [`noise`](crate::noise): of the small key's dimension, the shape and the digits.
type Variance = fn(u32, Shape, ProductDigits) -> f64;

/// Number of bytes of the key on the wire for each bit of the small key. Three ciphertexts for two bits; a
/// last bit that is left over counts as half of that.
fn step_bytes(shape: Shape, rows: u32, key_bits: u32) -> f64 {
    let dimension = shape.lwe_dimension();
    let bodies = rows * shape.polynomial_size;
    let one = f64::from(bodies * body_bytes(secure_variance(dimension), MODULUS_BITS));
    match key_bits {
        1 => one,
        _ => 1.5 * one,
    }
}
