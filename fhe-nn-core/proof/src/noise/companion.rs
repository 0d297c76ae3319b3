//! The noise of a companion modulus switch, and what it buys.

use super::torus_step_squared;

/// Number of parts of a unit in which a plan counts what a companion modulus switch may spend.
pub const COMPANION_PARTS: u32 = 16;

/// Variance that a companion modulus switch to `2^to_bits` adds to that of the
/// [modulus switch](super::modulus_switch_variance) itself (eprint 2025/2214, for steps of one bit of the small key).
///
/// A step of a rotation whose powers of X are even moves half as many of a table's polynomials as one with an odd
/// power. So elements of the mask that would be rounded to odd numbers are rounded to their even neighbours, if this
/// is cheap. An element that lies e from the odd number, at most 1/2, lies `1 - e` from the even one: the square of
/// its error grows by `1 - 2 e`, which is uniform between 0 and 1. All odd elements of a step move if this is less than
/// `C = companion / 16` for all of them together, since a step with one odd power left has gained nothing:
///
/// - a step of one bit is odd with probability 1/2, moves with probability C, and then adds `C / 2` on average;
/// - of steps of two bits, half have one odd element and do the same, and a quarter have two: they move with
///   probability `C^2 / 2`, and add `2 C / 3`.
///
/// Errors are multiplied by key bits less their mean, whose square is 1/4. A last step that is left over with one bit
/// does not move, and counts as half a step of two.
pub fn companion_variance(dimension: u32, to_bits: u32, key_bits: u32, companion: u32) -> f64 {
    let c = share(companion);
    let added = match key_bits {
        1 => c * c / 4.0,
        _ => (c * c / 4.0 + c * c * c / 12.0) / 2.0,
    };
    f64::from(dimension) * added * torus_step_squared(to_bits) / 4.0
}

/// Share of a rotation's steps that have an odd power of X, behind a
/// [companion modulus switch](companion_variance).
pub fn odd_steps(key_bits: u32, companion: u32) -> f64 {
    let c = share(companion);
    match key_bits {
        1 => (1.0 - c) / 2.0,
        _ => 0.75 - c / 2.0 - c * c / 8.0,
    }
}

fn share(companion: u32) -> f64 {
    f64::from(companion.min(COMPANION_PARTS)) / f64::from(COMPANION_PARTS)
}
