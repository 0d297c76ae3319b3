//! The smallest small key: a smaller one is cheaper to rotate by and leaves less noise.

use crate::noise::{
    Decomposition, keyswitch_key_variance, keyswitch_rounding_variance, modulus_switch_variance,
    secure_variance,
};
use crate::plan::cost::{MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS};
use crate::plan::demand::Accumulators;

/// What ciphertexts come in with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Incoming {
    /// Encrypted under the first small key itself, whichever it is.
    UnderSmallKey,
    /// Under a large key of this dimension, with noise of this variance.
    UnderLargeKey {
        /// Its dimension.
        dimension: u32,
        /// Variance of the noise.
        variance: f64,
    },
}

/// The smallest feasible small key for every keyswitch worth a thought; a smaller key is cheaper
/// and leaves less noise.
pub(super) fn small_keys(
    incoming: Incoming,
    accumulators: &Accumulators,
    size: u32,
    z: f64,
) -> Vec<(Option<Decomposition>, u32)> {
    let (dimension, variance) = match incoming {
        Incoming::UnderLargeKey {
            dimension,
            variance,
        } => (dimension, variance),
        Incoming::UnderSmallKey => {
            // fresh noise falls with n, that of the modulus switch grows: the first that fits
            let fitting = SMALL_DIMENSIONS.clone().find(|&n| {
                let switched = modulus_switch_variance(n, size);
                fits(accumulators, secure_variance(n), switched, z)
            });
            return fitting.map(|n| (None, n)).into_iter().collect();
        }
    };
    // what the constraints leave to the keyswitch and the modulus switch
    let room = accumulators
        .constraints()
        .map(|constraint| constraint.budget(z) - constraint.variance(variance, 0.0))
        .fold(f64::INFINITY, f64::min);
    if room <= modulus_switch_variance(*SMALL_DIMENSIONS.start(), size) {
        return Vec::new();
    }
    let mut keys: Vec<(Option<Decomposition>, u32)> = Vec::new();
    for levels in 1..=MAX_KEYSWITCH_LEVELS {
        let smallest = (1..=24 / levels)
            .filter_map(|base_log| {
                let digits = Decomposition { base_log, levels };
                Some((smallest_key(dimension, digits, size, room)?, digits))
            })
            .min_by_key(|(n, digits)| (*n, digits.base_log));
        // another level costs as much as it saves unless the key shrinks
        if let Some((n, digits)) = smallest
            && keys.last().is_none_or(|(_, best)| n < *best)
        {
            keys.push((Some(digits), n));
        }
    }
    keys
}

/// The smallest n for which keyswitch and modulus switch stay within `room`: the noise of the key
/// falls exponentially with n and the modulus switch grows linearly, so the feasible n are an
/// interval, and stepping to where the key's noise alone fits what the modulus switch leaves
/// climbs to its lower end.
fn smallest_key(dimension: u32, digits: Decomposition, size: u32, room: f64) -> Option<u32> {
    let room = room - keyswitch_rounding_variance(dimension, digits);
    let (first, last) = SMALL_DIMENSIONS.into_inner();
    let mut n = first;
    loop {
        let left = room - modulus_switch_variance(n, size);
        if left <= 0.0 || n > last {
            return None;
        }
        if keyswitch_key_variance(dimension, n, digits) <= left {
            return Some(n);
        }
        // halfway by bisection: the least n with key noise within `left`
        let (mut below, mut above) = (n, last + 1);
        while above - below > 1 {
            let middle = below.midpoint(above);
            let fits = keyswitch_key_variance(dimension, middle, digits) <= left;
            if fits { above = middle } else { below = middle }
        }
        n = above;
    }
}

/// Whether every constraint of a layer holds with `z` standard deviations.
pub(super) fn fits(accumulators: &Accumulators, input: f64, added: f64, z: f64) -> bool {
    accumulators
        .constraints()
        .all(|constraint| constraint.variance(input, added) <= constraint.budget(z))
}
