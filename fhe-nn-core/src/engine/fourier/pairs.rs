//! Blind rotations that take two key bits a step (key unrolling; Zhou et al. 2018, "Faster bootstrapping with
//! multiple addends"; Bourse et al. 2018, "Fast homomorphic evaluation of deep discretized neural networks").
//!
//! ```text
//! X^(a s + b t) - 1 = s (1 - t) (X^a - 1) + (1 - s) t (X^b - 1) + s t (X^(a + b) - 1)
//! ```
//!
//! So the key of a step is three GGSW ciphertexts, of `s (1 - t)`, `(1 - s) t` and `s t`, of which at most
//! one is 1. The accumulator itself is cut into digits and transformed once. Its digits are multiplied by
//! each of the three, every product is turned by its `X^a - 1` where it is, transformed, and their sum is
//! transformed back once. A last key bit that is left over is a step with one GGSW ciphertext.

use super::batch::{Batch, Column, add_back};
use super::io::offset;
use super::layout::{Layout, PAIR};
use super::powers::Powers;
use super::scratch::{GROUP, Scratch};
use super::turned::Turned;
use crate::lanes::{Kernel, Lanes};

/// Rotates accumulators by the masks of ciphertexts, two elements a step.
pub(super) struct Pairs<'a> {
    pub(super) batch: Batch<'a>,
    pub(super) powers: &'a Powers,
}

impl Kernel for Pairs<'_> {
    /// Whether the rotation went to its end.
    type Output = bool;

    fn run<L: Lanes>(self, lanes: L) -> bool {
        let Pairs { batch, powers } = self;
        let (layout, transform) = (batch.layout, batch.transform);
        let (part, polynomial) = (layout.part_blocks(), layout.size / 8);
        let phases = 2 * layout.size;
        // what makes bits into digits stays in the accumulators to the end
        shift(layout, batch.accumulators, u64::wrapping_add);
        let sorted = Batch {
            accumulators: &mut *batch.accumulators,
            ..batch
        };
        let whole = sorted.in_order(|step| {
            let group = step.group;
            let mut turns = [[0; PAIR]; GROUP];
            for (index, turns) in turns[..group.len()].iter_mut().enumerate() {
                let mut powers = group.powers(index);
                let (a, b) = (powers.next().unwrap_or(0), powers.next().unwrap_or(0));
                *turns = [a, b, (a + b) % (phases * group.parts)];
            }
            let Scratch {
                body,
                errors,
                digits,
                products,
                ..
            } = &mut *step.scratch;
            let all = group.len() * group.parts;
            let digits = &mut digits[..all * part];
            for (number, digits) in digits.chunks_exact_mut(part).enumerate() {
                let place = group.place(number / group.parts, number % group.parts);
                let words = &step.accumulators[place..][..layout.accumulator_words()];
                errors.fill(0);
                // a body may have fewer digits than a mask: the last piece is what is left
                let digits =
                    digits.chunks_mut(layout.digits.masks.levels as usize * layout.stride());
                let polynomials = words.chunks_exact(polynomial);
                for (column, (words, out)) in polynomials.zip(digits).enumerate() {
                    Column {
                        layout,
                        transform,
                        column,
                        words,
                        errors,
                        body,
                        out,
                    }
                    .cut(lanes);
                }
            }
            Turned {
                layout,
                powers,
                step: step.key,
                extension: group.parts,
                turns: &turns[..group.len()],
                digits,
                products,
            }
            .run(lanes);
            add_back(lanes, layout, transform, step);
        });
        shift(layout, batch.accumulators, u64::wrapping_sub);
        whole
    }
}

/// Adds to every element of every part, or takes from it, what makes its bits into digits.
fn shift(layout: &Layout, accumulators: &mut [[u64; 8]], by: fn(u64, u64) -> u64) {
    for part in accumulators.chunks_exact_mut(layout.accumulator_words()) {
        for (column, words) in part.chunks_exact_mut(layout.size / 8).enumerate() {
            let added = offset(layout.digits_of(column));
            for x in words.as_flattened_mut() {
                *x = by(*x, added);
            }
        }
    }
}
