//! Products of masks with a secret polynomial, for eight ciphertexts at once.
//!
//! Every row of a bootstrapping key needs products modulo `X^N + 1`, with words modulo `2^64` on one side and bits on
//! the other. They are taken by Karatsuba's rule (Karatsuba and Ofman 1962): of two halves each, three products of
//! halves are needed instead of four. What the rule adds up of the secret polynomial is the same for all masks, so it
//! is added up once. Which memory is read and which instructions run depend on lengths alone, never on a bit of the key.

use zeroize::Zeroizing;

use crate::lanes::{Kernel, Lanes, Processor};

/// A word of each of eight ciphertexts.
pub(super) type Words = [u64; LANES];

/// Number of ciphertexts that are encrypted at once.
pub(super) const LANES: usize = 8;

/// Number of coefficients of the polynomials that are multiplied by the schoolbook, each with each.
const LEAF: usize = 16;
/// Number of coefficients whose sums stay in registers.
const BLOCK: usize = 8;

/// A polynomial of a secret key, as the products with it read it. It is wiped on drop.
pub(super) struct Multiplier {
    /// What is multiplied by the schoolbook: the parts of the polynomial, and the sums of parts, in the order in which
    /// [`Multiplier::product`] comes to them.
    leaves: Zeroizing<Vec<[u32; LEAF]>>,
    processor: Processor,
}

/// Memory for a product, which depends on the key and is wiped on drop.
pub(super) struct Scratch {
    /// The product before it is taken modulo `X^N + 1`.
    whole: Zeroizing<Vec<Words>>,
    /// The sums of halves and their products.
    rest: Zeroizing<Vec<Words>>,
}

impl Scratch {
    /// Returns memory for polynomials of this size.
    pub(super) fn new(size: usize) -> Self {
        let zeros = |count| Zeroizing::new(vec![[0; LANES]; count]);
        Scratch {
            whole: zeros(2 * size),
            // half a polynomial and a product of halves, and the same for their halves
            rest: zeros(3 * size),
        }
    }
}

impl Multiplier {
    /// Prepares a polynomial of bits. Its size is a power of two, and at least [`LEAF`].
    pub(super) fn new(bits: &[u64]) -> Self {
        let count = 3usize.pow((bits.len() / LEAF).ilog2());
        // allocated at its full size: a vector that grows would leave copies behind
        let mut leaves = Zeroizing::new(Vec::with_capacity(count));
        let bits: Zeroizing<Vec<u32>> =
            Zeroizing::new(bits.iter().map(|&bit| bit as u32).collect());
        add_leaves(&bits, &mut leaves);
        Multiplier {
            leaves,
            processor: Processor::detect(),
        }
    }

    /// Adds the products of eight masks with the polynomial, modulo `X^N + 1`.
    pub(super) fn add(&self, masks: &[Words], scratch: &mut Scratch, to: &mut [Words]) {
        self.product(
            masks,
            &mut self.leaves.iter(),
            &mut scratch.whole,
            &mut scratch.rest,
        );
        let (low, high) = scratch.whole.split_at(masks.len());
        self.processor.run(AddReduced { low, high, to });
    }

    /// Puts products of polynomials of some size into `to`, which has twice as many coefficients.
    fn product<'a>(
        &self,
        masks: &[Words],
        leaves: &mut impl Iterator<Item = &'a [u32; LEAF]>,
        to: &mut [Words],
        scratch: &mut [Words],
    ) {
        if let Ok(masks) = masks.try_into() {
            let secret = leaves.next().expect("a leaf for every product");
            return self.processor.run(Schoolbook { masks, secret, to });
        }
        let size = masks.len();
        let (low, high) = masks.split_at(size / 2);
        let (low_to, high_to) = to.split_at_mut(size);
        let (sums, scratch) = scratch.split_at_mut(size / 2);
        let (middle, scratch) = scratch.split_at_mut(size);
        self.product(low, leaves, low_to, scratch);
        self.product(high, leaves, high_to, scratch);
        self.processor.run(Sum {
            a: low,
            b: high,
            to: sums,
        });
        self.product(sums, leaves, middle, scratch);
        self.processor.run(Join { middle, to });
    }
}

/// Appends the leaves of a polynomial: those of its halves, and those of the sum of both.
fn add_leaves(polynomial: &[u32], leaves: &mut Vec<[u32; LEAF]>) {
    if let Ok(leaf) = polynomial.try_into() {
        return leaves.push(leaf);
    }
    let (low, high) = polynomial.split_at(polynomial.len() / 2);
    add_leaves(low, leaves);
    add_leaves(high, leaves);
    let sums = low.iter().zip(high).map(|(a, b)| a + b);
    add_leaves(&Zeroizing::new(sums.collect::<Vec<u32>>()), leaves);
}

/// `to = masks x secret`, coefficient by coefficient.
struct Schoolbook<'a> {
    masks: &'a [Words; LEAF],
    secret: &'a [u32; LEAF],
    /// Twice as many as there are masks.
    to: &'a mut [Words],
}

impl Kernel for Schoolbook<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.to.fill([0; LANES]);
        for (b, secret) in self.secret.as_chunks::<BLOCK>().0.iter().enumerate() {
            let to = &mut self.to[BLOCK * b..][..LEAF + BLOCK];
            // the sums that the mask at hand adds to
            let mut sums = [lanes.zero_words(); BLOCK];
            for (sum, to) in sums.iter_mut().zip(to.iter()) {
                *sum = lanes.load_words(to);
            }
            for (i, mask) in self.masks.iter().enumerate() {
                let mask = lanes.load_words(mask);
                for (sum, &s) in sums.iter_mut().zip(secret) {
                    *sum = lanes.mul_add_words(s, mask, *sum);
                }
                let [done, a, b, c, d, e, f, g] = sums;
                lanes.store_words(&mut to[i], done);
                sums = [a, b, c, d, e, f, g, lanes.load_words(&to[i + BLOCK])];
            }
            for (&sum, to) in sums.iter().zip(&mut to[LEAF..]) {
                lanes.store_words(to, sum);
            }
        }
    }
}

/// `to = a + b`
struct Sum<'a> {
    a: &'a [Words],
    b: &'a [Words],
    to: &'a mut [Words],
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for ((to, a), b) in self.to.iter_mut().zip(self.a).zip(self.b) {
            let sum = lanes.add_words(lanes.load_words(a), lanes.load_words(b));
            lanes.store_words(to, sum);
        }
    }
}

/// Adds `middle - low - high` in the middle of `to`, which is the product `low` of the lower halves followed by the
/// product `high` of the upper ones; `middle` is that of the sums of both.
struct Join<'a> {
    middle: &'a [Words],
    to: &'a mut [Words],
}

impl Kernel for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let half = self.middle.len() / 2;
        let (low, high) = self.to.split_at_mut(2 * half);
        let (low0, low1) = low.split_at_mut(half);
        let (high0, high1) = high.split_at_mut(half);
        let (middle0, middle1) = self.middle.split_at(half);
        let low = low0.iter().zip(low1);
        let high = high0.iter_mut().zip(high1);
        let middle = middle0.iter().zip(middle1);
        for (((low0, low1), (high0, high1)), (middle0, middle1)) in low.zip(high).zip(middle) {
            let difference = lanes.sub_words(lanes.load_words(low1), lanes.load_words(high0));
            let below = lanes.sub_words(lanes.load_words(middle0), lanes.load_words(low0));
            let above = lanes.sub_words(lanes.load_words(middle1), lanes.load_words(high1));
            lanes.store_words(low1, lanes.add_words(difference, below));
            lanes.store_words(high0, lanes.sub_words(above, difference));
        }
    }
}

/// `to += low - high`
struct AddReduced<'a> {
    low: &'a [Words],
    high: &'a [Words],
    to: &'a mut [Words],
}

impl Kernel for AddReduced<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for ((to, low), high) in self.to.iter_mut().zip(self.low).zip(self.high) {
            let reduced = lanes.sub_words(lanes.load_words(low), lanes.load_words(high));
            lanes.store_words(to, lanes.add_words(lanes.load_words(to), reduced));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_schoolbook_on_every_processor() {
        for size in [LEAF, 64, 256] {
            let word = |i: usize| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let bits: Vec<u64> = (0..size).map(|i| word(i) >> 63).collect();
            let masks = (0..size).map(|i| std::array::from_fn(|lane| word(i * LANES + lane)));
            let masks: Vec<Words> = masks.collect();
            let mut expected: Vec<Words> = vec![[1; LANES]; size];
            for (i, mask) in masks.iter().enumerate() {
                for (j, &bit) in bits.iter().enumerate() {
                    for (to, word) in expected[(i + j) % size].iter_mut().zip(mask) {
                        let product = word.wrapping_mul(bit);
                        *to = match i + j < size {
                            true => to.wrapping_add(product),
                            false => to.wrapping_sub(product),
                        };
                    }
                }
            }
            for processor in Processor::all() {
                let multiplier = Multiplier {
                    processor,
                    ..Multiplier::new(&bits)
                };
                let mut to = vec![[1; LANES]; size];
                // memory that was used before
                let mut scratch = Scratch::new(size);
                for _ in 0..2 {
                    to.fill([1; LANES]);
                    multiplier.add(&masks, &mut scratch, &mut to);
                }
                assert_eq!(to, expected, "{processor:?}");
            }
        }
    }
}
