//! Powers of X as transforms have them: a polynomial is multiplied by `X^a` by multiplying its transform by
//! the a-th powers of the roots at which it is evaluated.
//!
//! Leaf t of the tree of splittings ([`transform`](super::transform)) evaluates at
//! `e^(2 pi i (4 m + 1) / 2N)`, where m is t with its `log2(N/2)` bits in reverse. So the a-th power is a
//! root of the part of 64 leaves times one of 64 powers of `e^(2 pi i / 64)` for the leaf within the part.

use super::transform::{Root, root};
use crate::engine::complex::{Block, Complex, ComplexLanes};
use crate::lanes::Lanes;

/// Number of blocks of a part.
const PART: usize = 8;

/// The powers of X of one polynomial size.
#[derive(Debug)]
pub(super) struct Powers {
    /// `e^(2 pi i j / 2N)`
    roots: Vec<Root>,
    /// For each part, `4 m + 1` for its first leaf.
    parts: Vec<usize>,
    /// For each block of a part, and each a modulo 64, the a-th powers of its leaves, relative to the part's
    /// first. What many powers read of one block lies together, because products go block by block.
    leaves: Vec<[Block; 64]>,
}

impl Powers {
    pub(super) fn new(size: usize) -> Self {
        let parts = size / 128;
        let reverse = |t: usize, bits: u32| match bits {
            0 => 0,
            _ => t.reverse_bits() >> (usize::BITS - bits),
        };
        let leaves = |block: usize| {
            core::array::from_fn(|a| {
                // lane j of block i has leaf 8 j + i
                let lanes: [Root; 8] = core::array::from_fn(|j| {
                    root((a * reverse(8 * j + block, 6) % 64) as f64 / 64.0)
                });
                Block {
                    re: lanes.map(|lane| lane.0),
                    im: lanes.map(|lane| lane.1),
                }
            })
        };
        Powers {
            roots: (0..2 * size)
                .map(|j| root(j as f64 / (2 * size) as f64))
                .collect(),
            parts: (0..parts)
                .map(|t| 4 * reverse(t, parts.ilog2()) + 1)
                .collect(),
            leaves: (0..PART).map(leaves).collect(),
        }
    }

    /// Returns block `block` of the transform of `X^a`.
    #[inline(always)]
    pub(super) fn get<L: Lanes>(&self, lanes: L, a: usize, block: usize) -> Complex<L::V> {
        let place = (a * self.parts[block / PART]) & (self.roots.len() - 1);
        let part = lanes.splat_complex(self.roots[place]);
        let leaves = lanes.load_block(&self.leaves[block % PART][a % 64]);
        lanes.times(leaves, part)
    }
}
