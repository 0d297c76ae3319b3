//! Transforms and rotations against arithmetic that is exact.

use rayon::prelude::*;

use super::transform::{Back, Digits, Reals, Transform, offset};
use super::{FourierKey, Layout, Scratch};
use crate::encrypted::lanes::{Block, Processor};
use crate::encrypted::tests::random::Random;
use fhe_nn_proof::widths::Range;

/// Every polynomial size that a plan can have and that a product of many can be checked by.
const SIZES: [usize; 5] = [256, 512, 1024, 2048, 4096];

#[test]
fn products_are_those_modulo_x_to_the_n_plus_1() {
    Processor::all().into_iter().for_each(products);
}

fn products(processor: Processor) {
    let mut random = Random(17);
    for size in SIZES {
        let (base_log, levels) = (9, 2);
        let transform = Transform::new(size);
        let left = polynomial(&mut random, size);
        let right = polynomial(&mut random, size);
        let words: Vec<[u64; 8]> = left
            .iter()
            .map(|x| x.map(|x| x.wrapping_add(offset(base_log, levels))))
            .collect();
        let mut digits = vec![Block::default(); 2 * size / 16];
        processor.run(Digits {
            transform: &transform,
            words: &words,
            base_log,
            levels,
            stride: size / 16,
            out: &mut digits,
        });
        let turn = 2f64.powi(-64) / (size / 2) as f64;
        let reals: Vec<[f64; 8]> = right
            .iter()
            .map(|x| x.map(|x| x as i64 as f64 * turn))
            .collect();
        let mut key = vec![Block::default(); size / 16];
        processor.run(Reals {
            transform: &transform,
            coefficients: &reals,
            out: &mut key,
        });
        for (level, digits) in (1..).zip(digits.chunks_exact_mut(size / 16)) {
            digits
                .iter_mut()
                .zip(&key)
                .for_each(|(x, y)| *x = times(x, y));
            let mut product = vec![[0u64; 8]; size / 8];
            processor.run(Back {
                transform: &transform,
                values: digits,
                to: &mut product,
            });
            let digit = |word: &u64| {
                let digit = word >> (64 - base_log * level) & ((1 << base_log) - 1);
                digit.wrapping_sub(1 << (base_log - 1))
            };
            let digits: Vec<u64> = words.as_flattened().iter().map(digit).collect();
            let exact = negacyclic(&digits, right.as_flattened());
            for (x, y) in product.as_flattened().iter().zip(exact) {
                let error = (x.wrapping_sub(y) as i64).unsigned_abs();
                // 53 bits of a sum of at most 2^12 products of 9 by 64 bits, of random signs
                assert!(error < 1 << (9 + 64 - 53 + 12 / 2 + 2), "{size}: {error}");
            }
        }
    }
}

/// With a key whose bits are 0 and 1 without any noise, a rotation is one.
#[test]
fn a_rotation_multiplies_by_the_power_that_the_key_selects() {
    let layout = Layout {
        columns: 3,
        size: 256,
        base_log: 12,
        levels: 2,
    };
    let bits = [1, 0, 1, 1, 0];
    let mut key = FourierKey::zero(layout, bits.len());
    key.steps_mut().zip(bits).for_each(|(mut step, bit)| {
        for row in 0..layout.rows() {
            let (column, level) = (row / 2, row as u32 % 2 + 1);
            let mut polynomial = vec![0; layout.size];
            polynomial[0] = bit << (64 - layout.base_log * level);
            step.write(row, column, &polynomial);
        }
    });
    let mut random = Random(23);
    // as many as fill groups and leave a rest
    let masks: Vec<Vec<usize>> = (0..6)
        .map(|_| {
            bits.map(|_| random.within(Range::unsigned(9)) as usize)
                .to_vec()
        })
        .collect();
    let words = layout.accumulator_words();
    let before = polynomial(&mut random, 8 * words * masks.len());
    let mut after = before.clone();
    let slices: Vec<&[usize]> = masks.iter().map(|mask| &mask[..]).collect();
    key.rotate(&slices, &mut after, &mut Scratch::new(&layout));
    let accumulators = before.chunks_exact(words).zip(after.chunks_exact(words));
    for ((before, after), mask) in accumulators.zip(&masks) {
        let power: usize = mask.iter().zip(bits).map(|(a, bit)| a * bit as usize).sum();
        let polynomials = before
            .chunks_exact(layout.size / 8)
            .zip(after.chunks_exact(layout.size / 8));
        for (before, after) in polynomials {
            let mut monomial = vec![0; layout.size];
            let sign = if (power / layout.size).is_multiple_of(2) {
                1
            } else {
                u64::MAX
            };
            monomial[power % layout.size] = sign;
            let turned = negacyclic(&monomial, before.as_flattened());
            for (x, y) in after.as_flattened().iter().zip(turned) {
                // five roundings to 24 bits
                let error = (x.wrapping_sub(y) as i64).unsigned_abs();
                assert!(error < 5 << 40, "{error}");
            }
        }
    }
}

fn polynomial(random: &mut Random, size: usize) -> Vec<[u64; 8]> {
    let mut word = || {
        let mut half = || random.within(Range::unsigned(32)) as u64;
        half() << 32 | half()
    };
    (0..size / 8)
        .map(|_| core::array::from_fn(|_| word()))
        .collect()
}

fn times(x: &Block, y: &Block) -> Block {
    let mut product = Block::default();
    for i in 0..8 {
        product.re[i] = x.re[i] * y.re[i] - x.im[i] * y.im[i];
        product.im[i] = x.re[i] * y.im[i] + x.im[i] * y.re[i];
    }
    product
}

/// The product modulo `X^N + 1` and `2^64`.
fn negacyclic(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut product = vec![0u64; a.len()];
    for (i, &x) in a.iter().enumerate().filter(|(_, x)| **x != 0) {
        for (j, &y) in b.iter().enumerate() {
            let (place, term) = ((i + j) % a.len(), x.wrapping_mul(y));
            let signed = if i + j < a.len() {
                term
            } else {
                term.wrapping_neg()
            };
            product[place] = product[place].wrapping_add(signed);
        }
    }
    product
}
