//! What rotations of one key bit a step and of two have in common.

use super::compensation::{Compensate, Errors, prefix};
use super::io::{Back, Digits, cut};
use super::layout::Layout;
use super::order::{Parts, Step};
use super::scratch::Scratch;
use super::transform::Transform;
use crate::engine::complex::{Block, KeyBlock};
use crate::lanes::Lanes;

/// Accumulators that are rotated together by the masks of ciphertexts.
pub(super) struct Batch<'a> {
    pub(super) layout: &'a Layout,
    pub(super) transform: &'a Transform,
    /// The transformed GGSW ciphertexts of every step. The rows of one come in the order of polynomials, and for each
    /// polynomial from the most significant digit on. The blocks b of all columns of all rows of a step's ciphertexts
    /// are stored together.
    pub(super) key: &'a [KeyBlock],
    /// The parts of an accumulator.
    pub(super) parts: Parts,
    /// The masks, as powers of X below `2N` times the number of parts.
    pub(super) masks: &'a [&'a [usize]],
    /// The accumulators, with [`Layout::accumulator_words`] for each part of each.
    pub(super) accumulators: &'a mut [[u64; 8]],
    pub(super) scratch: &'a mut Scratch,
    /// Returns whether to stop, and is asked before every step of the key.
    pub(super) stop: &'a dyn Fn() -> bool,
}

/// One polynomial of a ciphertext that is cut into digits, which are transformed. The polynomials of a ciphertext come
/// one after the other, the body last.
pub(super) struct Column<'a> {
    pub(super) layout: &'a Layout,
    pub(super) transform: &'a Transform,
    /// Index of the polynomial.
    pub(super) column: usize,
    /// The coefficients, with what makes their bits into digits.
    pub(super) words: &'a [[u64; 8]],
    /// What the masks before have lost by their cut; zeros before the first.
    pub(super) errors: &'a mut [u64],
    /// Room for a body with its share of that.
    pub(super) body: &'a mut [[u64; 8]],
    pub(super) out: &'a mut [Block],
}

impl Column<'_> {
    #[inline(always)]
    pub(super) fn cut<L: Lanes>(self, lanes: L) {
        let Column {
            layout,
            transform,
            column,
            words,
            errors,
            body,
            out,
        } = self;
        let is_mask = column + 1 < layout.columns;
        if is_mask {
            lanes.run(Errors {
                words,
                cut: cut(layout.digits.masks),
                sums: errors,
            });
        } else {
            prefix(errors);
            lanes.run(Compensate {
                body: words,
                sums: errors,
                out: body,
            });
        }
        lanes.run(Digits {
            transform,
            words: if is_mask { words } else { body },
            digits: layout.digits_of(column),
            stride: layout.stride(),
            out,
        });
    }
}

/// Transforms products back, which stand in the first columns of each part's rows, and adds them to the parts.
#[inline(always)]
pub(super) fn add_back<L: Lanes>(lanes: L, layout: &Layout, transform: &Transform, step: Step<'_>) {
    let group = step.group;
    let (part, blocks, stride) = (layout.part_blocks(), layout.blocks(), layout.stride());
    for index in 0..group.len() {
        for moved in 0..group.parts {
            let place = group.place(index, moved);
            let words = &mut step.accumulators[place..][..layout.accumulator_words()];
            let products = &mut step.scratch.digits[(index * group.parts + moved) * part..][..part];
            let polynomials = words.chunks_exact_mut(layout.size / 8);
            for (to, values) in polynomials.zip(products.chunks_exact_mut(stride)) {
                lanes.run(Back {
                    transform,
                    values: &mut values[..blocks],
                    to,
                });
            }
        }
    }
}
