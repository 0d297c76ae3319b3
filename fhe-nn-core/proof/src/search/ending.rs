//! The ways to send scores: the key that they are under, and the number of bits of an element.

use crate::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, modulus_switch_variance};
use crate::plan::cost::keyswitch_cost;
use crate::plan::range::{MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS};
use crate::search::keyswitches::Keyswitches;
use crate::search::layer::Layer;
use crate::search::objective::KeySize;

/// One way to send the scores of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) keyswitch: Option<Decomposition>,
    pub(super) dimension: u32,
    pub(super) element_bits: u32,
    /// Variance that keyswitch and modulus switch add.
    pub(super) added: f64,
    /// Number of bits of a score in the reply.
    pub(super) bits: u64,
    /// Nanoseconds of the keyswitches.
    pub(super) ns: f64,
    /// The keyswitching key.
    pub(super) key: KeySize,
}

/// The ways to send scores that are under a key of this dimension, from values of this variance:
/// the smallest reply without a keyswitch, and the smallest for every number of levels. Without any
/// such way the list is empty.
pub(super) fn endings(
    output: &Layer,
    dimension: u32,
    variance: f64,
    keyswitches: &Keyswitches,
) -> Vec<Ending> {
    let room = output.room(variance);
    let stay = (output.least_element_bits()..=MODULUS_BITS).find_map(|element_bits| {
        let added = modulus_switch_variance(dimension, MODULUS_BITS, element_bits);
        (added <= room).then(|| Ending {
            keyswitch: None,
            dimension,
            element_bits,
            added,
            bits: row_bits(dimension, element_bits),
            ns: 0.0,
            key: KeySize::NONE,
        })
    });
    let switch = |levels, element_bits| {
        let switched = modulus_switch_variance(1, KEYSWITCH_MODULUS_BITS, element_bits);
        let left = |n| room - f64::from(n) * switched;
        let n = keyswitches.smallest(dimension, levels, left)?;
        Some(Ending {
            keyswitch: Some(keyswitches.digits(levels, n)),
            dimension: n,
            element_bits,
            added: keyswitches.variance(dimension, levels, n) + f64::from(n) * switched,
            bits: row_bits(n, element_bits),
            ns: output.each_ns(keyswitch_cost(dimension, levels, n)),
            key: keyswitches.key(dimension, levels, n),
        })
    };
    let smallest = |levels| {
        // even with the smallest key, rows with more bits per element are not smaller
        let mut best: Option<Ending> = None;
        for element_bits in output.least_element_bits()..=KEYSWITCH_MODULUS_BITS {
            let least = row_bits(*SMALL_DIMENSIONS.start(), element_bits);
            if best.is_some_and(|best| best.bits <= least) {
                break;
            }
            let ending = switch(levels, element_bits);
            let better = |ending: &Ending| best.is_none_or(|best| ending.bits <= best.bits);
            best = ending.filter(better).or(best);
        }
        best
    };
    let switches = (1..=MAX_KEYSWITCH_LEVELS).filter_map(smallest);
    stay.into_iter().chain(switches).collect()
}

/// Number of bits of one score, a row of `dimension + 1` elements.
fn row_bits(dimension: u32, element_bits: u32) -> u64 {
    (u64::from(dimension) + 1) * u64::from(element_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::keyswitch_variance;
    use crate::plan::Accumulators;
    use crate::plan::range::KEYSWITCH_DIGIT_BITS;
    use crate::widths::Reader;

    #[test]
    fn no_reply_with_the_same_number_of_levels_is_smaller() {
        let scores = Accumulators::new(
            "scores".to_owned(),
            vec![0],
            Reader::Client,
            64,
            [(8, 0, 900.0)],
        );
        let layer = Layer::new(&scores, 13.11);
        for (dimension, variance) in [(1024, 1e-12), (2048, 1e-16)] {
            let endings = endings(&layer, dimension, variance, &Keyswitches::new());
            let room = layer.room(variance);
            assert!(endings.iter().all(|ending| ending.added <= room));
            for levels in 0..=MAX_KEYSWITCH_LEVELS {
                let of_levels =
                    |ending: &&Ending| ending.keyswitch.map_or(0, |digits| digits.levels) == levels;
                let found = endings.iter().find(of_levels).map(|ending| ending.bits);
                assert_eq!(found, smallest(dimension, levels, room), "{levels} levels");
            }
        }
    }

    /// The smallest row over all keys, bases and numbers of bits; 0 levels stand for no keyswitch.
    fn smallest(dimension: u32, levels: u32, room: f64) -> Option<u64> {
        let least = |from_bits: u32, n, switched: f64| {
            let fits = |&bits: &u32| switched + modulus_switch_variance(n, from_bits, bits) <= room;
            (1..=from_bits).find(fits).map(|bits| row_bits(n, bits))
        };
        if levels == 0 {
            return least(MODULUS_BITS, dimension, 0.0);
        }
        let bases =
            (1..=KEYSWITCH_DIGIT_BITS / levels).map(|base_log| Decomposition { base_log, levels });
        let all = bases.flat_map(|digits| SMALL_DIMENSIONS.map(move |n| (digits, n)));
        let rows = all.filter_map(|(digits, n)| {
            let switched = keyswitch_variance(dimension, n, digits);
            least(KEYSWITCH_MODULUS_BITS, n, switched)
        });
        rows.min()
    }
}
