//! How scores travel: under which key, and with how many bits to an element.

use crate::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, modulus_switch_variance};
use crate::plan::cost::{MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS, keyswitch_cost};
use crate::plan::demand::Accumulators;
use crate::plan::keyswitch::Keyswitches;

/// One way for the scores of a layer to travel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) keyswitch: Option<Decomposition>,
    pub(super) dimension: u32,
    pub(super) element_bits: u32,
    /// What keyswitch and modulus switch add to the noise.
    pub(super) added: f64,
    /// Bits of a score.
    pub(super) bits: u64,
    /// Nanoseconds of the keyswitches.
    pub(super) ns: f64,
    /// Bytes of the keyswitching key.
    pub(super) key_bytes: f64,
}

/// The ways for scores that come under a key of this dimension, from values of this variance: the
/// smallest reply for every number of levels, none if there is no way.
pub(super) fn endings(
    output: &Accumulators,
    dimension: u32,
    variance: f64,
    z: f64,
    keyswitches: &Keyswitches,
) -> Vec<Ending> {
    let room = output.room(variance, z);
    let stay = (1..=MODULUS_BITS).find_map(|element_bits| {
        let added = modulus_switch_variance(dimension, MODULUS_BITS, element_bits);
        (added <= room).then(|| Ending {
            keyswitch: None,
            dimension,
            element_bits,
            added,
            bits: row_bits(dimension, element_bits),
            ns: 0.0,
            key_bytes: 0.0,
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
            ns: f64::from(output.neurons) * keyswitch_cost(dimension, levels, n),
            key_bytes: keyswitches.key_bytes(dimension, levels, n),
        })
    };
    let smallest = |levels| {
        // no key is smaller than the smallest: beyond some bits no row can be
        let mut best: Option<Ending> = None;
        for element_bits in 1..=KEYSWITCH_MODULUS_BITS {
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

/// Bits of one score, a row of `dimension + 1` elements.
fn row_bits(dimension: u32, element_bits: u32) -> u64 {
    (u64::from(dimension) + 1) * u64::from(element_bits)
}
