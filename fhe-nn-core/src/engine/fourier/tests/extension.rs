//! Tables spread over several polynomials: from a phase to the entry, under a key with noise.

use fhe_nn_proof::noise::{
    Decomposition, PAIR_PRODUCTS, PAIR_ROUNDING, PAIR_TRANSFORMS, ProductDigits, Shape,
    bootstrap_key_variance, bootstrap_rounding_variance, bootstrap_transform_variance,
};
use fhe_nn_proof::widths::Range;
use rayon::prelude::*;

use super::{coefficient, polynomial};
use crate::engine::fourier::{FourierKey, Layout, Parts, StepWriter};
use crate::engine::rotate::{extract, scatter, turn_back};
use crate::engine::tests::random::Random;
use crate::lanes::Processor;

/// Number of elements of a mask.
const DIMENSION: usize = 20;

#[test]
fn every_phase_reads_its_entry() {
    for processor in Processor::all() {
        for (columns, size) in [(2, 512), (3, 256)] {
            for key_bits in [1, 2] {
                let digits = Decomposition {
                    base_log: 12,
                    levels: 2,
                };
                let layout = Layout {
                    columns,
                    size,
                    digits: digits.into(),
                    key_bits,
                };
                let keys = Keys::new(layout, 20, processor);
                // 37 is odd, so every part is read; of 8 parts, 4 places apart are in 2, and 24 apart in 1
                for (extension, apart) in
                    [(1, 37), (2, 37), (4, 37), (8, 37), (8, 4), (8, 24), (2, 2)]
                {
                    let errors = keys.errors(extension, 32, apart);
                    // half of the distance between two entries
                    let most = 0.25 / (extension * size) as f64;
                    assert!(errors.iter().all(|error| error.abs() < most));
                }
            }
        }
    }
}

/// The noise is that of polynomials of size N, however many of them a table is spread over. Half of it
/// comes from the key's noise and half from rounding to digits.
#[test]
fn more_parts_add_no_noise() {
    let shape = Shape {
        dimension: 2,
        polynomial_size: 256,
    };
    let masks = Decomposition {
        base_log: 8,
        levels: 2,
    };
    let fewer = Decomposition {
        base_log: 11,
        levels: 1,
    };
    let noise_bits = 40;
    // uniform errors
    let noise = 2f64.powi(2 * (noise_bits as i32 - 64)) / 12.0;
    let n = DIMENSION as u32;
    let steps = [
        (1, 1.0, 1.0, 1.0),
        (2, PAIR_PRODUCTS, PAIR_ROUNDING, PAIR_TRANSFORMS),
    ];
    let kinds = steps.iter().flat_map(|step| [(step, masks), (step, fewer)]);
    for (&(key_bits, products, rounding, transforms), body) in kinds {
        let digits = ProductDigits { masks, body };
        let predicted = products * bootstrap_key_variance(n, shape, digits, noise)
            + rounding * bootstrap_rounding_variance(n, shape, digits)
            + transforms * bootstrap_transform_variance(n, shape, digits);
        let layout = Layout {
            columns: 3,
            size: 256,
            digits,
            key_bits,
        };
        let keys = Keys::new(layout, noise_bits, Processor::detect());
        for (extension, apart) in [(1, 85), (4, 341), (8, 683), (8, 640)] {
            // few values of many rotations, because those of one rotation have errors in common
            let errors = keys.errors(extension, 512, apart);
            let square = errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64;
            let ratio = square / predicted;
            println!("{extension} parts, {apart} apart, {key_bits} key bits, {body:?}: {ratio:.3}");
            assert!(
                (0.8..1.25).contains(&ratio),
                "{extension} {key_bits} {body:?}: {ratio}"
            );
        }
    }
}

/// A small key, a large key, and the small key under the large one.
struct Keys {
    layout: Layout,
    small: Vec<usize>,
    large: Vec<u64>,
    fourier: FourierKey,
}

impl Keys {
    /// Makes keys with errors of `noise_bits` bits, of the 64 of an element, in the bootstrapping key.
    fn new(layout: Layout, noise_bits: u32, processor: Processor) -> Self {
        let mut random = Random(41);
        // every pair of bits as often as any other
        let small: Vec<usize> = (0..DIMENSION)
            .map(|i| [0, 1, 1, 0, 0, 0, 1, 1][i % 8])
            .collect();
        let k = layout.columns - 1;
        let large: Vec<u64> = (0..k * layout.size)
            .map(|_| random.within(Range::unsigned(1)) as u64)
            .collect();
        let messages: Vec<Vec<usize>> = match layout.key_bits {
            1 => small.iter().map(|&s| vec![s]).collect(),
            _ => small
                .chunks_exact(2)
                .map(|pair| {
                    [[1usize, 0], [0, 1], [1, 1]]
                        .map(|of| usize::from(of == pair))
                        .to_vec()
                })
                .collect(),
        };
        let all: usize = messages.iter().map(Vec::len).sum();
        let mut fourier = FourierKey::zero(layout, all).on(processor);
        let ciphertexts = |(i, (mut step, messages)): (usize, (StepWriter<'_>, Vec<usize>))| {
            for (index, bit) in messages.into_iter().enumerate() {
                let mut random = Random((100 + 3 * i + index) as u64);
                for row in 0..layout.rows() {
                    let levels = layout.digits.masks.levels as usize;
                    let (column, level) = (row / levels, (row % levels) as u32 + 1);
                    let mut body: Vec<u64> = (0..layout.size)
                        .map(|_| random.within(Range::signed(noise_bits)) as u64)
                        .collect();
                    let gadget = (bit as u64) << (64 - layout.digits_of(column).base_log * level);
                    for (j, secret) in large.chunks_exact(layout.size).enumerate() {
                        let mut mask = polynomial(&mut random, layout.size);
                        for (place, x) in body.iter_mut().enumerate() {
                            *x = x.wrapping_add(coefficient(secret, mask.as_flattened(), place));
                        }
                        if j == column {
                            mask[0][0] = mask[0][0].wrapping_add(gadget);
                        }
                        step.write(index, row, j, mask.as_flattened());
                    }
                    if column == k {
                        body[0] = body[0].wrapping_add(gadget);
                    }
                    step.write(index, row, k, &body);
                }
            }
        };
        fourier
            .steps_mut(0..all)
            .zip(messages)
            .enumerate()
            .for_each(ciphertexts);
        Keys {
            layout,
            small,
            large,
            fourier,
        }
    }

    /// Returns the errors of lookups, in turns. It looks up `count` phases, the first and the last ones
    /// among them, and reads the value at every multiple of `degrees`.
    fn errors(&self, extension: usize, count: usize, degrees: usize) -> Vec<f64> {
        let (layout, mut random) = (&self.layout, Random(7));
        let size = extension * layout.size;
        let bits = (2 * size).ilog2();
        let mut power = || random.within(Range::unsigned(bits)) as usize;
        let mut phases = vec![0, 1, size - 1, size, size + 1, 2 * size - 1];
        phases.resize_with(count, &mut power);
        let mut masks: Vec<Vec<usize>> = phases
            .iter()
            .map(|_| (0..DIMENSION).map(|_| power()).collect())
            .collect();
        // each wraps around as often as one can
        masks[0].fill(2 * size - 1);
        // every entry has another value, of half a turn
        let table: Vec<u64> = (0..size as u64).map(|c| c << (64 - bits)).collect();
        let words = extension * layout.accumulator_words();
        let mut accumulators = vec![[0; 8]; words * count];
        let parts = accumulators.chunks_exact_mut(words);
        for (accumulator, (mask, phase)) in parts.zip(masks.iter().zip(&phases)) {
            let products: usize = mask.iter().zip(&self.small).map(|(a, s)| a * s).sum();
            let mut table = table.clone();
            turn_back(&mut table, (phase + products) % (2 * size));
            scatter(layout, &table, accumulator);
        }
        let slices: Vec<&[usize]> = masks.iter().map(|mask| &mask[..]).collect();
        let parts = Parts::read_at(extension, (0..size).step_by(degrees));
        assert!(
            self.fourier
                .rotate(parts, &slices, &mut accumulators, &|| false)
        );
        let mut row = vec![0; self.large.len() + 1];
        let mut errors = Vec::new();
        for (accumulator, phase) in accumulators.chunks_exact(words).zip(phases) {
            for degree in (0..size).step_by(degrees) {
                extract(layout, accumulator, degree, &mut row);
                let place = (phase + degree) % (2 * size);
                let expected = if place < size {
                    table[place]
                } else {
                    table[place - size].wrapping_neg()
                };
                let error = self.decrypt(&row).wrapping_sub(expected) as i64;
                errors.push(error as f64 * 2f64.powi(-64));
            }
        }
        errors
    }

    fn decrypt(&self, row: &[u64]) -> u64 {
        let (mask, body) = row.split_at(self.large.len());
        let products = mask
            .iter()
            .zip(&self.large)
            .map(|(a, s)| a.wrapping_mul(*s));
        products.fold(body[0], u64::wrapping_sub)
    }
}
