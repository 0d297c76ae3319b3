//! The centered modulus switch.

use fhe_nn_proof::noise::COMPANION_PARTS;
use fhe_nn_proof::plan::Bootstrap;

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
    if bits < 64 {
        round(ciphertext, 64 - bits, |_| {});
    }
}

/// Does the same for a rotation with this bootstrap, and makes the elements of a step even where its companion
/// modulus switch may spend that (see [`companion_variance`]).
///
/// [`companion_variance`]: fhe_nn_proof::noise::companion_variance
pub(crate) fn switch_to_table(ciphertext: &mut [u64], bootstrap: &Bootstrap) {
    let (unit, bits) = (
        63 - bootstrap.table_size().ilog2(),
        bootstrap.key_bits as usize,
    );
    let most = (1u64 << unit) / u64::from(COMPANION_PARTS) * u64::from(bootstrap.companion);
    round(ciphertext, unit, |mask| {
        for step in mask.chunks_exact_mut(bits) {
            let odd = |element: &Element| element.rounded >> unit & 1 == 1;
            // an error of e becomes one of a unit less e, and its square grows by a unit less 2 e
            let price = |element: &Element| (1u64 << unit) - 2 * element.error.unsigned_abs();
            let all: u64 = step.iter().filter(|element| odd(element)).map(price).sum();
            if all < most {
                step.iter_mut()
                    .filter(|element| odd(element))
                    .for_each(|element| element.turn(unit));
            }
        }
    });
}

/// Rounds the mask to multiples of `2^unit`, lets `prefer` choose other multiples, and puts half of the errors into
/// the body.
fn round(ciphertext: &mut [u64], unit: u32, prefer: impl FnOnce(&mut [Element])) {
    let Some((body, mask)) = ciphertext.split_last_mut() else {
        return;
    };
    let half = 1u64 << (unit - 1);
    let nearest = |&element: &u64| {
        let rounded = element.wrapping_add(half) >> unit << unit;
        Element {
            rounded,
            error: rounded.wrapping_sub(element) as i64,
        }
    };
    let mut elements: Vec<Element> = mask.iter().map(nearest).collect();
    prefer(&mut elements);
    let errors: i128 = elements
        .iter()
        .map(|element| i128::from(element.error))
        .sum();
    mask.iter_mut()
        .zip(&elements)
        .for_each(|(to, element)| *to = element.rounded);
    *body = body.wrapping_add((errors / 2) as u64) >> unit << unit;
}

/// A rounded element of a mask.
struct Element {
    rounded: u64,
    /// The rounded element less the exact one.
    error: i64,
}

impl Element {
    /// Rounds to the other side.
    fn turn(&mut self, unit: u32) {
        let by = if self.error > 0 {
            -1i64 << unit
        } else {
            1 << unit
        };
        self.rounded = self.rounded.wrapping_add(by as u64);
        self.error += by;
    }
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::noise::{
        Decomposition, Shape, companion_variance, modulus_switch_variance, odd_steps,
    };
    use fhe_nn_proof::widths::Range;

    use super::*;
    use crate::engine::tests::random::Random;

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

    /// With steps of two elements, an error of 3/8 and one of 3/16 of a unit: making both even costs 1/4 and 5/8 of the
    /// square of a unit.
    #[test]
    fn the_elements_of_a_step_become_even_together_or_not_at_all() {
        let (unit, eighth) = (1u64 << 52, 1u64 << 49);
        // 3 and 3/8, and 5 less 3/16, then an even one and 5 and 3/8, then a last one for itself
        let mask = [
            3 * unit + 3 * eighth,
            5 * unit - 3 * eighth / 2,
            8 * unit + eighth,
            5 * unit + 3 * eighth,
            7 * unit,
        ];
        let switched = |companion| {
            let mut ciphertext = mask.to_vec();
            ciphertext.push(0);
            switch_to_table(&mut ciphertext, &bootstrap(2, companion));
            ciphertext.iter().map(|x| x / unit).collect::<Vec<u64>>()
        };
        // the errors are -3/8, 3/16, -1/8 and -3/8 of a unit, and half of their sum is -11/32
        assert_eq!(switched(0), [3, 5, 8, 5, 7, 4095]);
        assert_eq!(switched(4), [3, 5, 8, 5, 7, 4095]);
        // now -3/8, 3/16, -1/8 and 5/8
        assert_eq!(switched(5), [3, 5, 8, 6, 7, 0]);
        assert_eq!(switched(14), [3, 5, 8, 6, 7, 0]);
        // and 5/8, -13/16, -1/8 and 5/8
        assert_eq!(switched(15), [4, 4, 8, 6, 7, 0]);
    }

    /// Measured against what the plan counts, over many masks.
    #[test]
    fn errors_grow_and_odd_steps_become_rarer_as_the_plan_says() {
        for key_bits in [1, 2] {
            for companion in [0, 4, 9, 16] {
                let bootstrap = bootstrap(key_bits, companion);
                let bits = bootstrap.table_size().ilog2() + 1;
                let (mut random, count) = (Random(3), 100_000);
                let exact: Vec<u64> = (0..count)
                    .map(|_| (random.within(Range::unsigned(62)) as u64) << 2)
                    .collect();
                let mut switched = exact.clone();
                switched.push(0);
                switch_to_table(&mut switched, &bootstrap);
                let errors = switched
                    .iter()
                    .zip(&exact)
                    .map(|(x, y)| x.wrapping_sub(*y) as i64 as f64);
                let square: f64 = errors.map(|error| (error * 2f64.powi(-64)).powi(2)).sum();
                let counted = 4.0
                    * (modulus_switch_variance(count, 64, bits)
                        + companion_variance(count, bits, key_bits, companion));
                assert!(
                    (square / counted - 1.0).abs() < 0.02,
                    "{key_bits} {companion}: {square} {counted}"
                );
                let odd = switched[..exact.len()].chunks_exact(key_bits as usize);
                let odd = odd
                    .filter(|step| step.iter().any(|x| x >> (64 - bits) & 1 == 1))
                    .count();
                let share = odd as f64 * f64::from(key_bits) / f64::from(count);
                assert!(
                    (share - odd_steps(key_bits, companion)).abs() < 0.01,
                    "{key_bits} {companion}: {share}"
                );
            }
        }
    }

    /// A bootstrap with tables over two polynomials, whose phases have units of `2^52`.
    fn bootstrap(key_bits: u32, companion: u32) -> Bootstrap {
        Bootstrap {
            keyswitch: None,
            small_dimension: 500,
            shape: Shape {
                dimension: 1,
                polynomial_size: 1024,
            },
            extension: 2,
            digits: Decomposition {
                base_log: 23,
                levels: 1,
            },
            body: None,
            key_bits,
            companion,
        }
    }

    #[test]
    fn nothing_is_switched_to_the_modulus_that_it_has() {
        let mut ciphertext = [1, u64::MAX, 3];
        switch_modulus(&mut ciphertext, 64);
        assert_eq!(ciphertext, [1, u64::MAX, 3]);
    }
}
