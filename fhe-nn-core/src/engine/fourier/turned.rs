//! Products with the keys of a step, each turned by its power of X.

use super::layout::{Layout, PAIR};
use super::powers::Powers;
use super::rotation::source;
use crate::engine::complex::{Block, Complex, ComplexLanes, KeyBlock};
use crate::lanes::{Kernel, Lanes};

/// Replaces the digits of accumulators by `sum_k (X^a_k - 1) G_k x digits`, in place: the first columns of
/// each accumulator's rows become the result.
pub(super) struct Turned<'a> {
    pub(super) layout: &'a Layout,
    pub(super) powers: &'a Powers,
    /// The GGSW ciphertexts `G_k`. The blocks b of all columns of all rows of all of them are stored
    /// together.
    pub(super) step: &'a [KeyBlock],
    /// Number of parts of an accumulator.
    pub(super) extension: usize,
    /// For each accumulator, the powers `a_k`.
    pub(super) turns: &'a [[usize; PAIR]],
    pub(super) digits: &'a mut [Block],
    /// Room for the products of one block of an accumulator of several parts.
    pub(super) products: &'a mut [Block],
}

impl Turned<'_> {
    /// Runs the kernel on these lanes.
    pub(super) fn run<L: Lanes>(self, lanes: L) {
        match self.layout.columns {
            2 => lanes.run(Of::<2>(self)),
            3 => lanes.run(Of::<3>(self)),
            4 => lanes.run(Of::<4>(self)),
            5 => lanes.run(Of::<5>(self)),
            7 => lanes.run(Of::<7>(self)),
            _ => unreachable!("plans are validated: their shapes have 1, 2, 3, 4 or 6 polynomials"),
        }
    }
}

/// The kernel for ciphertexts of this number of columns.
struct Of<'a, const COLUMNS: usize>(Turned<'a>);

impl<const COLUMNS: usize> Kernel for Of<'_, COLUMNS> {
    type Output = ();

    // columns are counted, because iterators over arrays of registers leave them in memory
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Turned {
            layout,
            powers,
            step,
            extension,
            turns,
            digits,
            products,
        } = self.0;
        let (rows, stride) = (layout.rows(), layout.stride());
        let keys = step.len() / layout.step_blocks();
        let (part, size) = (rows * stride, 2 * layout.size);
        let zero = lanes.splat_complex((0.0, 0.0));
        let one = lanes.splat(1.0);
        for (b, step) in step.chunks_exact(keys * rows * COLUMNS).enumerate() {
            for (digits, turns) in digits.chunks_exact_mut(extension * part).zip(turns) {
                if extension == 1 {
                    // nothing moves to another part, so that no product leaves the registers
                    let mut sums = [zero; COLUMNS];
                    for (key, &a) in step.chunks_exact(rows * COLUMNS).zip(turns) {
                        let product: [_; COLUMNS] = product(lanes, digits, stride, b, key);
                        let mut turn = powers.get(lanes, a, b);
                        turn.re = lanes.sub(turn.re, one);
                        for c in 0..COLUMNS {
                            sums[c] = lanes.times_add(product[c], turn, sums[c]);
                        }
                    }
                    store(lanes, digits, stride, b, sums);
                    continue;
                }
                // for each part, its products, and what all of them take away
                let each = keys + 1;
                let products = products.as_chunks_mut::<COLUMNS>().0;
                let of_parts = products.chunks_exact_mut(each);
                for (digits, products) in digits.chunks_exact(part).zip(of_parts) {
                    let mut away = [zero; COLUMNS];
                    let of_keys = step.chunks_exact(rows * COLUMNS);
                    for (key, to) in of_keys.zip(&mut *products) {
                        let product: [_; COLUMNS] = product(lanes, digits, stride, b, key);
                        for c in 0..COLUMNS {
                            away[c] = lanes.minus(away[c], product[c]);
                            lanes.store_block(&mut to[c], product[c]);
                        }
                    }
                    for c in 0..COLUMNS {
                        lanes.store_block(&mut products[keys][c], away[c]);
                    }
                }
                for (to, digits) in digits.chunks_exact_mut(part).enumerate() {
                    let away = &products[to * each + keys];
                    let mut sums = [zero; COLUMNS];
                    for c in 0..COLUMNS {
                        sums[c] = lanes.load_block(&away[c]);
                    }
                    for (k, &a) in turns[..keys].iter().enumerate() {
                        let (from, power) = source(to, a, extension);
                        let turn = powers.get(lanes, power & (size - 1), b);
                        let turned = &products[from * each + k];
                        for c in 0..COLUMNS {
                            sums[c] = lanes.times_add(lanes.load_block(&turned[c]), turn, sums[c]);
                        }
                    }
                    store(lanes, digits, stride, b, sums);
                }
            }
        }
    }
}

/// The product of block b of an accumulator's digits with a GGSW ciphertext.
#[allow(clippy::needless_range_loop)] // as above
#[inline(always)]
fn product<L: Lanes, const COLUMNS: usize>(
    lanes: L,
    digits: &[Block],
    stride: usize,
    b: usize,
    key: &[KeyBlock],
) -> [Complex<L::V>; COLUMNS] {
    let mut sums = [lanes.splat_complex((0.0, 0.0)); COLUMNS];
    let rows = digits.iter().skip(b).step_by(stride);
    for (digit, key) in rows.zip(key.as_chunks::<COLUMNS>().0) {
        let digit = lanes.load_block(digit);
        for c in 0..COLUMNS {
            sums[c] = lanes.times_add(digit, lanes.load_key(&key[c]), sums[c]);
        }
    }
    sums
}

/// Writes block b of every column of an accumulator's product.
#[allow(clippy::needless_range_loop)] // as above
#[inline(always)]
fn store<L: Lanes, const COLUMNS: usize>(
    lanes: L,
    digits: &mut [Block],
    stride: usize,
    b: usize,
    sums: [Complex<L::V>; COLUMNS],
) {
    for c in 0..COLUMNS {
        lanes.store_block(&mut digits[b + c * stride], sums[c]);
    }
}
