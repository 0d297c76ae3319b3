//! The ranges of parameters: the search finds nothing outside of them, and nothing outside is valid.

use core::ops::RangeInclusive;

use crate::noise::Shape;

/// Dimensions of small keys, n, and of the keys of keyswitched scores: tfhe's security curve is a
/// fit over the dimensions in use.
pub(crate) const SMALL_DIMENSIONS: RangeInclusive<u32> = 500..=1600;
/// Dimensions of a key for inputs that is not the first small key.
pub(crate) const INPUT_DIMENSIONS: RangeInclusive<u32> = 512..=2048;
/// Most levels of a keyswitch.
pub(crate) const MAX_KEYSWITCH_LEVELS: u32 = 12;
/// Most levels of a bootstrap.
pub(crate) const MAX_BOOTSTRAP_LEVELS: u32 = 6;
/// Most bits of all digits of a bootstrap together: any beyond would be noise.
pub(crate) const BOOTSTRAP_DIGIT_BITS: u32 = 44;
/// Most bits of all digits of a keyswitch together: signed digits of a 32-bit number carry.
pub(crate) const KEYSWITCH_DIGIT_BITS: u32 = 31;

/// Most bits of the small key that a step of a rotation takes.
pub(crate) const MAX_KEY_BITS: u32 = 2;

/// The shape whose polynomials a table may be spread over, as k and N.
const EXTENDED: (u32, u32) = (1, 2048);
/// Most polynomials that a table may be spread over, a power of two.
const MAX_EXTENSION: u32 = 16;

/// What the search lets a modulus switch spend on sorted rotations.
pub(crate) const COMPANIONS: [u32; 4] = [0, 4, 8, 16];

/// The numbers of polynomials of this shape that a table may be spread over.
pub(crate) fn extensions(shape: Shape) -> impl Iterator<Item = u32> {
    let most = if (shape.dimension, shape.polynomial_size) == EXTENDED {
        MAX_EXTENSION
    } else {
        1
    };
    (0..=most.ilog2()).map(|log| 1 << log)
}
