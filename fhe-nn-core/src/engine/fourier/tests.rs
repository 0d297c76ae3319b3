//! Transforms and rotations against arithmetic that is exact.

mod extension;

use fhe_nn_proof::noise::{Decomposition, ProductDigits, Shape, bootstrap_transform_variance};
use fhe_nn_proof::widths::Range;
use rayon::prelude::*;

use super::io::{Back, Digits, Reals, offset};
use super::transform::Transform;
use super::{FourierKey, Layout, Parts};
use crate::engine::complex::Block;
use crate::engine::tests::random::Random;
use crate::lanes::Processor;

/// Number of coefficients of a product that are computed exactly.
const SAMPLES: usize = 1024;

/// The plan's term for floating-point errors is a multiple of tfhe's fit to tfhe's transforms, and ours
/// must not err more. This is tested for every size of a plan, and for digits as few and as large as plans
/// take them.
///
/// An external product adds `(k + 1) levels` products of digits and key in each of its `k + 1`
/// columns, and a phase is the body's error less those of `k N` mask coefficients times key bits, half
/// of which are 1: with the mean square e of one product's error, `(k + 1) levels (1 + k N / 2) e`.
#[test]
fn products_are_exact_but_for_the_noise_of_the_plan() {
    for processor in Processor::all() {
        for log_size in 8..=15 {
            for (base_log, levels) in [(23, 1), (15, 2), (11, 3)] {
                let size = 1 << log_size;
                let digits = Decomposition { base_log, levels };
                let (predicted, square) = (
                    bootstrap_transform_variance(
                        1,
                        Shape {
                            dimension: 1,
                            polynomial_size: size,
                        },
                        digits,
                    ),
                    mean_square(processor, size as usize, digits),
                );
                let added = 2.0 * f64::from(levels) * (1.0 + f64::from(size) / 2.0) * square;
                assert!(added <= predicted, "{processor:?} {size} {digits:?}");
                // no more is set aside than is needed
                assert!(added > 0.5 * predicted, "{processor:?} {size} {digits:?}");
            }
        }
    }
}

/// Returns the mean square of the errors of one product of digits and a polynomial over the torus, in
/// turns.
fn mean_square(processor: Processor, size: usize, digits: Decomposition) -> f64 {
    let Decomposition { base_log, levels } = digits;
    let mut random = Random(17);
    let transform = Transform::new(size);
    let left = polynomial(&mut random, size);
    let right = polynomial(&mut random, size);
    let added = offset(digits);
    let words: Vec<[u64; 8]> = left
        .iter()
        .map(|x| x.map(|x| x.wrapping_add(added)))
        .collect();
    let mut values = vec![Block::default(); levels as usize * size / 16];
    processor.run(Digits {
        transform: &transform,
        words: &words,
        digits,
        stride: size / 16,
        out: &mut values,
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
    let mut squares = 0.0;
    for (level, values) in (1..).zip(values.chunks_exact_mut(size / 16)) {
        values
            .iter_mut()
            .zip(&key)
            .for_each(|(x, y)| *x = times(x, y));
        let mut product = vec![[0u64; 8]; size / 8];
        processor.run(Back {
            transform: &transform,
            values,
            to: &mut product,
        });
        let digit = |word: &u64| {
            let digit = word >> (64 - base_log * level) & ((1 << base_log) - 1);
            digit.wrapping_sub(1 << (base_log - 1))
        };
        let digits: Vec<u64> = words.as_flattened().iter().map(digit).collect();
        let product = product.as_flattened();
        for place in (0..size).step_by(1.max(size / SAMPLES)) {
            let exact = coefficient(&digits, right.as_flattened(), place);
            let error = product[place].wrapping_sub(exact) as i64 as f64 * 2f64.powi(-64);
            squares += error * error;
        }
    }
    squares / f64::from(levels) / SAMPLES.min(size) as f64
}

/// With a key whose bits are 0 and 1 without any noise, a blind rotation is a rotation, in all parts that are read.
#[test]
fn a_rotation_multiplies_by_the_power_that_the_key_selects() {
    for columns in [2, 3, 4, 5, 7] {
        for extension in [1usize, 2, 4, 8, 16] {
            for processor in Processor::all() {
                for key_bits in [1, 2] {
                    for body in [(12, 2), (24, 1)] {
                        for halvings in 0..=extension.ilog2() {
                            let parts = Parts {
                                all: extension,
                                halvings,
                            };
                            rotates(processor, columns, parts, key_bits, body);
                        }
                    }
                }
            }
        }
    }
}

/// The digits of the body are given as their bits and their number.
fn rotates(
    processor: Processor,
    columns: usize,
    parts: Parts,
    key_bits: usize,
    (base_log, levels): (u32, u32),
) {
    let masks = Decomposition {
        base_log: 12,
        levels: 2,
    };
    let layout = Layout {
        columns,
        size: 256,
        digits: ProductDigits {
            masks,
            body: Decomposition { base_log, levels },
        },
        key_bits,
    };
    // all pairs of bits, and one that is left over
    let bits = [1, 0, 1, 1, 0, 1, 0, 0, 1];
    let messages: Vec<Vec<u64>> = match key_bits {
        1 => bits.map(|bit| vec![bit]).to_vec(),
        _ => vec![
            vec![1, 0, 0],
            vec![0, 0, 1],
            vec![0, 1, 0],
            vec![0, 0, 0],
            vec![1],
        ],
    };
    let all: usize = messages.iter().map(Vec::len).sum();
    let mut key = FourierKey::zero(layout, all).on(processor);
    key.steps_mut(0..all)
        .zip(messages)
        .for_each(|(mut step, messages)| {
            for (index, message) in messages.into_iter().enumerate() {
                for row in 0..layout.rows() {
                    let (column, level) = (row / 2, row as u32 % 2 + 1);
                    let mut polynomial = vec![0; layout.size];
                    let digits = layout.digits_of(column);
                    polynomial[0] = message << (64 - digits.base_log * level);
                    step.write(index, row, column, &polynomial);
                }
            }
        });
    let mut random = Random(23);
    let size = parts.all * layout.size;
    let range = Range::unsigned((2 * size).ilog2());
    // as many as fill groups and leave a rest
    let mut masks: Vec<Vec<usize>> = (0..6)
        .map(|_| bits.map(|_| random.within(range) as usize).to_vec())
        .collect();
    // the last part wraps around twice
    masks[0].fill(2 * size - 1);
    let words = parts.all * layout.accumulator_words();
    let before = polynomial(&mut random, 8 * words * masks.len());
    let mut after = before.clone();
    let slices: Vec<&[usize]> = masks.iter().map(|mask| &mask[..]).collect();
    assert!(key.rotate(parts, &slices, &mut after, &|| false));
    let accumulators = before.chunks_exact(words).zip(after.chunks_exact(words));
    for ((before, after), mask) in accumulators.zip(masks) {
        let power: usize = mask.iter().zip(bits).map(|(a, bit)| a * bit as usize).sum();
        for column in 0..columns {
            let (before, after) = (
                gather(&layout, before, column),
                gather(&layout, after, column),
            );
            // as many roundings to 24 bits as there are bits, twice; a body has half of what its masks lose
            let masks = (columns - 1) * layout.size;
            let roundings = 1 + if column == columns - 1 { masks / 2 } else { 0 };
            let most = (2 * bits.len() * roundings) as u64 * (1 << 39);
            for (place, x) in after.iter().enumerate().step_by(1 << parts.halvings) {
                let from = (place + 2 * bits.len() * size - power) % (2 * size);
                let exact = if from < size {
                    before[from]
                } else {
                    before[from - size].wrapping_neg()
                };
                let error = (x.wrapping_sub(exact) as i64).unsigned_abs();
                assert!(error < most, "{error}");
            }
        }
    }
}

/// Returns the polynomial that the parts of an accumulator have in one column.
fn gather(layout: &Layout, accumulator: &[[u64; 8]], column: usize) -> Vec<u64> {
    let parts: Vec<&[u64]> = accumulator
        .chunks_exact(layout.accumulator_words())
        .map(|part| &part.as_flattened()[column * layout.size..][..layout.size])
        .collect();
    (0..layout.size)
        .flat_map(|place| parts.iter().map(move |part| part[place]))
        .collect()
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

/// Returns a coefficient of the product modulo `X^N + 1` and `2^64`.
fn coefficient(a: &[u64], b: &[u64], place: usize) -> u64 {
    let (low, high) = b.split_at(place + 1);
    // a_i b_(place - i), and what wraps around changes its sign
    let (first, last) = a.split_at(place + 1);
    let sum = |a: &[u64], b: &[u64]| {
        let terms = a
            .iter()
            .zip(b.iter().rev())
            .map(|(x, y)| x.wrapping_mul(*y));
        terms.fold(0, u64::wrapping_add)
    };
    sum(first, low).wrapping_sub(sum(last, high))
}
