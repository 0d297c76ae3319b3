//! The noise of a modulus switch.

use super::torus_step_squared;

/// Variance that a centered modulus switch from `2^from_bits` to `2^to_bits` adds
/// (`centered_binary_shifted_modulus_switch_additive_variance`, which tfhe calls heuristic); 0 if
/// the moduli are equal. A table of polynomials of size N reads phases modulo `2 N`, a
/// reply has elements of a plan's `element_bits`.
///
/// It comes from the rounding of the mask: uniform errors times key bits less their mean, 1/2. The
/// body must be rounded down, as tfhe does. Then the switched phase is the largest multiple of
/// `2^-to_bits` that does not exceed the exact phase. Tables and decryption decide at multiples of
/// that, so they decide in the same way for both phases: the rounding of the body adds nothing.
pub fn modulus_switch_variance(dimension: u32, from_bits: u32, to_bits: u32) -> f64 {
    if from_bits == to_bits {
        return 0.0;
    }
    let (from, to) = (torus_step_squared(from_bits), torus_step_squared(to_bits));
    f64::from(dimension) * (from / 24.0 + to / 48.0)
}
