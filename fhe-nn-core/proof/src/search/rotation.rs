//! The blind rotations that the search tries.

use crate::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, ProductDigits, Shape};
use crate::plan::cost::{SHAPES, rotation_cost};
use crate::plan::range::{BOOTSTRAP_DIGIT_BITS, MAX_BOOTSTRAP_LEVELS, MAX_KEY_BITS, extensions};
use crate::plan::{Bootstrap, Prefer};
use crate::search::small_keys::modulus_switch_step;

/// Shape, extension and digits of a rotation, with its cost and its noise for each bit of the small key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    /// Its parameters, under a small key of [`STEP_BITS`] bits.
    step: Bootstrap,
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
    /// Variance that the modulus switch after a keyswitch adds before it.
    pub(super) switch_step: f64,
    /// Whether another one, of results under a key of the same dimension, is worth no less to every round.
    pub(super) beaten_in_rounds: bool,
}

impl Rotation {
    /// Number of coefficients of a table.
    pub(super) fn table_size(&self) -> u32 {
        self.step.table_size()
    }

    /// Dimension of the key of its results.
    pub(super) fn lwe_dimension(&self) -> u32 {
        self.step.shape.lwe_dimension()
    }

    /// The bootstrap with this rotation.
    pub(super) fn bootstrap(&self, n: u32, keyswitch: Option<Decomposition>) -> Bootstrap {
        Bootstrap {
            keyswitch,
            small_dimension: n,
            ..self.step
        }
    }

    /// What matters of rotations of the same shape.
    fn measures(&self) -> [f64; 4] {
        [
            self.step_ns,
            self.step_bytes,
            self.step_variance,
            self.step_common,
        ]
    }

    /// What matters to a round: larger tables lose less in the modulus switch, and hold no fewer bits.
    fn in_rounds(&self) -> [f64; 4] {
        [
            self.step_ns,
            self.step_bytes,
            self.step_variance,
            self.switch_step,
        ]
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
        let step = |digits: ProductDigits| step(shape, extension, digits, key_bits);
        let in_sums = |digits| step(digits).shared_variance(shared);
        // the noise is a sum of what masks add and what bodies add, so that each has a base of its own
        let best = |levels: u32, noise: &dyn Fn(Decomposition) -> f64| {
            let bases = (1..=BOOTSTRAP_DIGIT_BITS / levels)
                .map(|base_log| Decomposition { base_log, levels });
            bases.min_by(|a, b| noise(*a).total_cmp(&noise(*b)))
        };
        // a body that is no noisier than its masks, since what is added to much more would be rounded away
        let alike = best(masks, &|digits| in_sums(digits.into()))?;
        let digits = if masks == body {
            alike.into()
        } else {
            let masks = best(masks, &|masks| {
                in_sums(ProductDigits { masks, body: alike })
            })?;
            let body = best(body, &|body| in_sums(ProductDigits { masks, body }))?;
            ProductDigits { masks, body }
        };
        let step = step(digits);
        Some(Rotation {
            step,
            key: 0,
            step_ns: rotation_cost(&step),
            step_variance: step.result_variance() / STEP_BITS,
            step_common: step.common_variance() / STEP_BITS,
            step_bytes: step.key_bytes() as f64 / STEP_BITS,
            switch_step: modulus_switch_step(KEYSWITCH_MODULUS_BITS, step.table_size()),
            beaten_in_rounds: false,
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
        let own = rotations[index];
        let alike = |other: &Rotation| other.step.shares_key(&own.step);
        let better = |other: usize| {
            let of_same = rotations[other].lwe_dimension() == own.lwe_dimension();
            of_same && is_beaten(&rotations, Rotation::in_rounds, index, other)
        };
        let beaten_in_rounds = (0..rotations.len()).any(better);
        rotations[index] = Rotation {
            key: rotations.iter().position(alike).unwrap_or(index),
            beaten_in_rounds,
            ..own
        };
    }
    rotations
}

/// Leaves out what costs as much as another of the same kind and is as noisy: three levels of masks and one of bodies
/// have as many rows as two and two.
fn useful(all: Vec<Rotation>) -> Vec<Rotation> {
    let better =
        |index| (0..all.len()).any(|other| is_beaten(&all, Rotation::measures, index, other));
    let left = (0..all.len()).filter(|index| !better(*index));
    left.map(|index| all[index]).collect()
}

/// Whether a rotation has no measure that is less than the other's; of equals the first is not beaten.
fn is_beaten<const N: usize>(
    all: &[Rotation],
    measures: fn(&Rotation) -> [f64; N],
    index: usize,
    other: usize,
) -> bool {
    let (own, others) = (measures(&all[index]), measures(&all[other]));
    let as_good = others.iter().zip(own).all(|(other, own)| *other <= own);
    other != index && as_good && (others != own || other < index)
}

/// A rotation by a small key of two bits, which are one step or two: what it adds is counted for each of them.
fn step(shape: Shape, extension: u32, digits: ProductDigits, key_bits: u32) -> Bootstrap {
    Bootstrap {
        keyswitch: None,
        small_dimension: STEP_BITS as u32,
        shape,
        extension,
        digits: digits.masks,
        body: (digits.body != digits.masks).then_some(digits.body),
        key_bits,
    }
}

/// Number of bits of that key.
const STEP_BITS: f64 = 2.0;
