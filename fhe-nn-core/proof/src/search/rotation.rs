//! The blind rotations that the search tries.

use core::cmp::Ordering;

use crate::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, ProductDigits, Shape};
use crate::plan::cost::{SHAPES, rotation_cost};
use crate::plan::range::{
    BOOTSTRAP_DIGIT_BITS, COMPANIONS, MAX_BOOTSTRAP_LEVELS, MAX_KEY_BITS, extensions,
};
use crate::plan::{Bootstrap, PlanOptions, Prefer};
use crate::search::objective::KeySize;

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
    /// Its part of the key.
    pub(super) step_key: KeySize,
    pub(super) switch: Switch,
    /// Whether rounds leave it out: another one, of results under a key of the same dimension, is worth no less to every
    /// round, or its modulus switch prefers elements, which hardly gains there and takes the search three times as long.
    pub(super) beaten_in_rounds: bool,
}

/// The modulus switch before a rotation: variances that it adds for each dimension of the small key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Switch {
    /// Number of coefficients of a table.
    pub(super) table_size: u32,
    /// Behind a keyswitch.
    pub(super) keyswitched: f64,
    /// Of inputs that are encrypted under the small key.
    pub(super) inputs: f64,
}

impl Switch {
    pub(super) fn order(&self, other: &Switch) -> Ordering {
        let size = self.table_size.cmp(&other.table_size);
        size.then(self.keyswitched.total_cmp(&other.keyswitched))
    }
}

impl Rotation {
    fn new(step: Bootstrap) -> Self {
        Rotation {
            step,
            key: 0,
            step_ns: rotation_cost(&step),
            step_variance: step.result_variance() / STEP_BITS,
            step_common: step.common_variance() / STEP_BITS,
            step_key: KeySize {
                wire: step.key_bytes() as f64 / STEP_BITS,
                memory: step.memory_bytes() as f64 / STEP_BITS,
            },
            switch: Switch {
                table_size: step.table_size(),
                keyswitched: step.modulus_switch_variance(KEYSWITCH_MODULUS_BITS) / STEP_BITS,
                inputs: step.modulus_switch_variance(MODULUS_BITS) / STEP_BITS,
            },
            beaten_in_rounds: false,
        }
    }

    /// Number of coefficients of a table.
    pub(super) fn table_size(&self) -> u32 {
        self.switch.table_size
    }

    /// Whether another rotation of the same key has the same companion modulus switch if both can have one: where a
    /// table has one polynomial, there is none.
    pub(super) fn is_alike(&self, other: &Rotation) -> bool {
        let both = self.is_extended() && other.is_extended();
        !both || self.step.companion == other.step.companion
    }

    /// Whether its tables have several polynomials.
    pub(super) fn is_extended(&self) -> bool {
        self.step.extension > 1
    }

    /// The same rotation behind another companion modulus switch.
    pub(super) fn with_companion(&self, companion: u32) -> Self {
        Rotation {
            key: self.key,
            ..Rotation::new(Bootstrap {
                companion,
                ..self.step
            })
        }
    }

    /// Whether its modulus switch prefers no elements.
    pub(super) fn is_plain(&self) -> bool {
        self.step.companion == 0
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
            self.step_key.wire,
            self.step_variance,
            self.step_common,
        ]
    }

    /// What matters to a round: larger tables lose less in the modulus switch, and hold no fewer bits. The size of keys
    /// matters where they are to be small or memory has a price.
    fn in_rounds(&self, keys_matter: bool) -> [f64; 5] {
        let key = if keys_matter {
            self.step_key
        } else {
            KeySize::NONE
        };
        [
            self.step_ns,
            key.wire,
            key.memory,
            self.step_variance,
            self.switch.keyswitched,
        ]
    }

    /// Variance of a result after n steps to reckon with in sums that add `shared` of what the values of
    /// one bootstrap have in common.
    pub(super) fn variance(&self, n: u32, shared: f64) -> f64 {
        f64::from(n) * (self.step_variance + shared * self.step_common)
    }
}

/// Every shape, extension, companion modulus switch and number of levels of masks and of bodies, each with the bases
/// that add the least noise: all bases cost the same. The noise is that of sums that add `shared` of what the values
/// of one bootstrap have in common. Steps of two key bits are for the fastest plans alone: their keys are larger.
pub(super) fn rotations(shared: f64, prefer: Prefer, options: &PlanOptions) -> Vec<Rotation> {
    let most = match prefer {
        Prefer::Fastest => MAX_KEY_BITS,
        Prefer::SmallestKeys => 1,
    };
    let keys_matter = prefer == Prefer::SmallestKeys || options.memory_limit().is_some();
    let in_rounds = |rotation: &Rotation| rotation.in_rounds(keys_matter);
    let mut rotations = Vec::new();
    for &(shape, ..) in &SHAPES {
        for key_bits in 1..=most {
            let steps = steps(shape, key_bits, shared);
            for extension in extensions(shape) {
                for &companion in companions(extension, prefer) {
                    let kind = |step: &Bootstrap| Bootstrap {
                        extension,
                        companion,
                        ..*step
                    };
                    rotations.extend(steps.iter().map(kind).map(Rotation::new));
                }
            }
        }
    }
    for index in 0..rotations.len() {
        let own = rotations[index];
        let alike = |other: &Rotation| other.step.shares_key(&own.step);
        let better = |other: usize| {
            let of_same = rotations[other].lwe_dimension() == own.lwe_dimension();
            of_same && rotations[other].is_plain() && is_beaten(&rotations, in_rounds, index, other)
        };
        let beaten_in_rounds = !own.is_plain() || (0..rotations.len()).any(better);
        rotations[index] = Rotation {
            key: rotations.iter().position(alike).unwrap_or(index),
            beaten_in_rounds,
            ..own
        };
    }
    rotations
}

/// The companion modulus switches that are searched: they are for tables over several polynomials. The smallest keys get
/// theirs [later](super::companions).
fn companions(extension: u32, prefer: Prefer) -> &'static [u32] {
    match prefer {
        Prefer::Fastest if extension > 1 => &COMPANIONS,
        Prefer::Fastest | Prefer::SmallestKeys => &[0],
    }
}

/// The steps of a shape for every number of levels of masks and of bodies, without those that cost as much as
/// another and are as noisy: three levels of masks and one of bodies have as many rows as two and two.
fn steps(shape: Shape, key_bits: u32, shared: f64) -> Vec<Bootstrap> {
    let step = |digits| step(shape, key_bits, digits);
    let in_sums = |digits| step(digits).shared_variance(shared);
    // rounding falls with the base and all else grows with it, by powers of four: such a sum has one least value
    let best = |levels: u32, noise: &dyn Fn(Decomposition) -> f64| {
        let mut least: Option<(Decomposition, f64)> = None;
        for base_log in 1..=BOOTSTRAP_DIGIT_BITS / levels {
            let digits = Decomposition { base_log, levels };
            let noise = noise(digits);
            if least.is_some_and(|(_, least)| noise > least) {
                break;
            }
            if least.is_none_or(|(_, least)| noise < least) {
                least = Some((digits, noise));
            }
        }
        least.map(|(digits, _)| digits)
    };
    let mut all = Vec::new();
    for levels in 1..=MAX_BOOTSTRAP_LEVELS {
        // a body that is no noisier than its masks, since what is added to much more would be rounded away
        let Some(alike) = best(levels, &|digits| in_sums(digits.into())) else {
            continue;
        };
        all.push(Rotation::new(step(alike.into())));
        // the noise is a sum of what masks add and what bodies add, so that each has a base of its own
        let masks = best(levels, &|masks| {
            in_sums(ProductDigits { masks, body: alike })
        });
        let with = |(masks, levels)| {
            let body = best(levels, &|body| in_sums(ProductDigits { masks, body }))?;
            Some(Rotation::new(step(ProductDigits { masks, body })))
        };
        let bodies = masks
            .into_iter()
            .flat_map(|masks| (1..levels).map(move |body| (masks, body)));
        all.extend(bodies.filter_map(with));
    }
    let better =
        |index| (0..all.len()).any(|other| is_beaten(&all, Rotation::measures, index, other));
    let left = (0..all.len()).filter(|index| !better(*index));
    left.map(|index| all[index].step).collect()
}

/// Whether a rotation has no measure that is less than the other's; of equals the first is not beaten.
fn is_beaten<const N: usize>(
    all: &[Rotation],
    measures: impl Fn(&Rotation) -> [f64; N],
    index: usize,
    other: usize,
) -> bool {
    let (own, others) = (measures(&all[index]), measures(&all[other]));
    let as_good = others.iter().zip(own).all(|(other, own)| *other <= own);
    other != index && as_good && (others != own || other < index)
}

/// A rotation by a small key of two bits, which are one step or two: what it adds is counted for each of them.
fn step(shape: Shape, key_bits: u32, digits: ProductDigits) -> Bootstrap {
    Bootstrap {
        keyswitch: None,
        small_dimension: STEP_BITS as u32,
        shape,
        extension: 1,
        digits: digits.masks,
        body: (digits.body != digits.masks).then_some(digits.body),
        key_bits,
        companion: 0,
    }
}

/// Number of bits of that key.
const STEP_BITS: f64 = 2.0;
