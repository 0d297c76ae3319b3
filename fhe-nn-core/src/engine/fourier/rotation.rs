//! Blind rotations, many at once. For each element of a ciphertext, its accumulator is turned by this
//! element if the key's bit is 1.
//!
//! `acc <- acc + GGSW(s_i) x (X^a_i - 1) acc`, i = 1..n (Chillotti et al. 2020, "TFHE: fast fully
//! homomorphic encryption over the torus", algorithm 9), where the external product cuts the
//! difference into digits, transforms them, multiplies by the key's rows and transforms back. Before the
//! body is cut, it takes over half of what the masks lose by their cut ([`compensation`](super::compensation)).
//!
//! A table with more entries than a polynomial has coefficients is spread over several polynomials (Lee and
//! Yoon 2023, "Discretization error reduction for high precision TFHE bootstrapping"). With `Y = X^v`, a
//! polynomial of `v N` coefficients is `sum_e X^e P_e(Y)`, e below v: part e has every v-th of them, from
//! the e-th on. An accumulator is v ciphertexts, one for each part. The key is that of size N. Its bits are
//! constants in X as in Y, so the product of the whole is the product of each part, and only the power of X
//! moves anything from part to part. Steps that move between all parts come first ([`order`](super::order)).
//!
//! The key is larger than any cache. A batch passes over it together, step by step. Within a step,
//! [`GROUP`] ciphertexts share every load of the key.

use super::batch::{Batch, Column, add_back};
use super::io::offset;
use super::layout::Layout;
use super::scratch::Scratch;
use crate::engine::complex::{Block, ComplexLanes, KeyBlock};
use crate::lanes::{Kernel, Lanes};

/// Rotates accumulators by the masks of ciphertexts, an element a step.
pub(super) struct Rotation<'a>(pub(super) Batch<'a>);

impl Kernel for Rotation<'_> {
    /// Whether the rotation went to its end.
    type Output = bool;

    fn run<L: Lanes>(self, lanes: L) -> bool {
        let batch = self.0;
        let (layout, transform) = (batch.layout, batch.transform);
        let (part, polynomial) = (layout.part_blocks(), layout.size / 8);
        let words = layout.accumulator_words();
        batch.in_order(|step| {
            let group = step.group;
            let Scratch {
                difference,
                body,
                errors,
                digits,
                ..
            } = &mut *step.scratch;
            let all = group.len() * group.parts;
            let digits = &mut digits[..all * part];
            for (number, digits) in digits.chunks_exact_mut(part).enumerate() {
                let (index, to) = (number / group.parts, number % group.parts);
                let a = group.powers(index).next().unwrap_or(0);
                let (from, power) = source(to, a, group.parts);
                let sources =
                    step.accumulators[group.place(index, from)..].chunks_exact(polynomial);
                let targets =
                    step.accumulators[group.place(index, to)..][..words].chunks_exact(polynomial);
                // a body may have fewer digits than a mask: the last piece is what is left
                let digits =
                    digits.chunks_mut(layout.digits.masks.levels as usize * layout.stride());
                errors.fill(0);
                for (column, ((source, target), out)) in
                    sources.zip(targets).zip(digits).enumerate()
                {
                    lanes.run(Difference {
                        source: source.as_flattened(),
                        power: power % (2 * layout.size),
                        target: target.as_flattened(),
                        added: offset(layout.digits_of(column)),
                        out: difference.as_flattened_mut(),
                    });
                    Column {
                        layout,
                        transform,
                        column,
                        words: difference,
                        errors,
                        body,
                        out,
                    }
                    .cut(lanes);
                }
            }
            multiply(lanes, layout, step.key, digits);
            add_back(lanes, layout, transform, step);
        })
    }
}

/// Returns which part of `X^a P` becomes part `to`, and by which power of Y it is multiplied.
///
/// `X^a X^e P_e(Y) = X^(a + e) P_e(Y)`, and `a + e` is `to` plus a multiple q of the extension v for one e
/// below v, a power of 2, which is `e = to - a` modulo v. `q = (a + e - to) / v` is at least 0, because
/// `a + e - to > -v`, and at most 2N, because `a < 2N v` and `e - to < v`.
#[inline(always)]
pub(super) fn source(to: usize, a: usize, extension: usize) -> (usize, usize) {
    // a division by what is no constant would take as long as a product of a block
    let e = to.wrapping_sub(a) & (extension - 1);
    (e, (a + e - to) >> extension.trailing_zeros())
}

/// The difference `X^power source - target + added`, for powers below 2N.
struct Difference<'a> {
    source: &'a [u64],
    power: usize,
    target: &'a [u64],
    added: u64,
    out: &'a mut [u64],
}

impl Kernel for Difference<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let size = self.source.len();
        let shift = self.power % size;
        // the last coefficients wrap around and change their sign; beyond X^N, the first ones do instead
        let (first, last) = self.source.split_at(size - shift);
        let (wrapped, moved) = self.out.split_at_mut(shift);
        let (to_wrapped, to_moved) = self.target.split_at(shift);
        let added = self.added;
        if self.power < size {
            for ((to, &x), &y) in wrapped.iter_mut().zip(last).zip(to_wrapped) {
                *to = added.wrapping_sub(x).wrapping_sub(y);
            }
            for ((to, &x), &y) in moved.iter_mut().zip(first).zip(to_moved) {
                *to = added.wrapping_add(x).wrapping_sub(y);
            }
        } else {
            for ((to, &x), &y) in wrapped.iter_mut().zip(last).zip(to_wrapped) {
                *to = added.wrapping_add(x).wrapping_sub(y);
            }
            for ((to, &x), &y) in moved.iter_mut().zip(first).zip(to_moved) {
                *to = added.wrapping_sub(x).wrapping_sub(y);
            }
        }
    }
}

/// Multiplies digits by a GGSW ciphertext, in place: the first columns of each accumulator's rows become
/// the result.
fn multiply<L: Lanes>(lanes: L, layout: &Layout, step: &[KeyBlock], digits: &mut [Block]) {
    match layout.columns {
        2 => lanes.run(Multiply::<2> {
            layout,
            step,
            digits,
        }),
        3 => lanes.run(Multiply::<3> {
            layout,
            step,
            digits,
        }),
        4 => lanes.run(Multiply::<4> {
            layout,
            step,
            digits,
        }),
        5 => lanes.run(Multiply::<5> {
            layout,
            step,
            digits,
        }),
        7 => lanes.run(Multiply::<7> {
            layout,
            step,
            digits,
        }),
        _ => unreachable!("plans are validated: their shapes have 1, 2, 3, 4 or 6 polynomials"),
    }
}

struct Multiply<'a, const COLUMNS: usize> {
    layout: &'a Layout,
    step: &'a [KeyBlock],
    digits: &'a mut [Block],
}

impl<const COLUMNS: usize> Kernel for Multiply<'_, COLUMNS> {
    type Output = ();

    // columns are counted, because iterators over arrays of registers leave them in memory
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (rows, stride) = (self.layout.rows(), self.layout.stride());
        for (b, key) in self.step.chunks_exact(rows * COLUMNS).enumerate() {
            for digits in self.digits.chunks_exact_mut(rows * stride) {
                let zero = lanes.splat_complex((0.0, 0.0));
                let mut sums = [zero; COLUMNS];
                let rows = digits.iter().skip(b).step_by(stride);
                for (digit, key) in rows.zip(key.as_chunks::<COLUMNS>().0) {
                    let digit = lanes.load_block(digit);
                    for c in 0..COLUMNS {
                        sums[c] = lanes.times_add(digit, lanes.load_key(&key[c]), sums[c]);
                    }
                }
                for c in 0..COLUMNS {
                    lanes.store_block(&mut digits[b + c * stride], sums[c]);
                }
            }
        }
    }
}
