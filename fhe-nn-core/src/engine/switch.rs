//! The centered modulus switch.

/// Rounds a ciphertext, a mask and its body, to multiples of `2^-bits` of the torus.
///
/// With rounding errors `e_i` of the mask, the phase moves by `-sum_i e_i s_i`. A key's bits are 1/2
/// on average, so half of the errors' sum, which the server knows, is put into the body; what is left,
/// `-sum_i e_i (s_i - 1/2)`, has a quarter of each error's variance, as in tfhe's
/// `lwe_ciphertext_centered_binary_modulus_switch`.
///
/// The body is rounded down, so the new phase is the largest multiple that does not exceed the exact one.
/// Tables and decryption decide at multiples, and therefore decide alike on both.
pub(crate) fn switch_modulus(ciphertext: &mut [u64], bits: u32) {
    let unit = 64 - bits;
    let (Some((body, mask)), 1..) = (ciphertext.split_last_mut(), unit) else {
        return;
    };
    let half = 1u64 << (unit - 1);
    let mut errors = 0i128;
    for element in mask {
        let rounded = element.wrapping_add(half) >> unit << unit;
        errors += i128::from(rounded.wrapping_sub(*element) as i64);
        *element = rounded;
    }
    *body = body.wrapping_add((errors / 2) as u64) >> unit << unit;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_masks_errors_go_into_the_body_which_is_rounded_down() {
        let mut ciphertext = [3 << 60 | 1 << 58, (7 << 60) - (1 << 58), 5 << 60 | 15 << 56];
        switch_modulus(&mut ciphertext, 4);
        // the errors of -1/4 and 1/4 of a unit cancel, so nothing is put into the body
        assert_eq!(ciphertext, [3 << 60, 7 << 60, 5 << 60]);
        let mut ciphertext = [
            (3 << 60) - (1 << 58),
            (7 << 60) - (1 << 58),
            5 << 60 | 13 << 56,
        ];
        switch_modulus(&mut ciphertext, 4);
        assert_eq!(ciphertext, [3 << 60, 7 << 60, 6 << 60]);
    }

    #[test]
    fn nothing_is_switched_to_the_modulus_that_it_has() {
        let mut ciphertext = [1, u64::MAX, 3];
        switch_modulus(&mut ciphertext, 64);
        assert_eq!(ciphertext, [1, u64::MAX, 3]);
    }
}
