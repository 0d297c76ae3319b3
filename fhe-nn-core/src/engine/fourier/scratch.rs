//! The working memory of rotations.

use super::compensation::blocks_of_errors;
use super::layout::Layout;
use crate::engine::complex::Block;

/// The working memory of a rotation, whatever the batch.
pub(super) struct Scratch {
    pub(super) difference: Vec<[u64; 8]>,
    /// A body with its share of what the masks lose.
    pub(super) body: Vec<[u64; 8]>,
    /// For every block of coefficients, half of the errors of the masks.
    pub(super) errors: Vec<u64>,
    pub(super) digits: Vec<Block>,
    /// For steps of two key bits, the products of one block of an accumulator's parts.
    pub(super) products: Vec<Block>,
}

impl Scratch {
    pub(super) fn new(layout: &Layout) -> Self {
        Scratch {
            difference: vec![[0; 8]; layout.size / 8],
            body: vec![[0; 8]; layout.size / 8],
            errors: vec![0; blocks_of_errors(layout.size)],
            digits: Vec::new(),
            products: Vec::new(),
        }
    }

    /// Makes room for accumulators of `extension` parts.
    pub(super) fn grow(&mut self, layout: &Layout, extension: usize) {
        let blocks = GROUP.max(extension) * layout.part_blocks();
        if self.digits.len() < blocks {
            self.digits.resize(blocks, Block::default());
        }
        let products = extension * (1 + layout.step_ciphertexts()) * layout.columns;
        if self.products.len() < products {
            self.products.resize(products, Block::default());
        }
    }
}

/// Number of ciphertexts whose digits are multiplied together. These digits and a step of the key stay in a
/// core's second-level cache. An accumulator of more parts is a group of its own, because no part may
/// change before the digits of all are cut.
pub(super) const GROUP: usize = 4;
