//! A bootstrapping key in Fourier form.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use rayon::prelude::*;

use super::batch::Batch;
use super::io::Reals;
use super::layout::Layout;
use super::order::Parts;
use super::pairs::Pairs;
use super::powers::Powers;
use super::rotation::Rotation;
use super::scratch::Scratch;
use super::transform::Transform;
use crate::engine::complex::{Block, KeyBlock};
use crate::engine::memory::KeyMemory;
use crate::lanes::Processor;

/// The transformed GGSW ciphertexts of the bits of a small key.
pub(crate) struct FourierKey {
    layout: Layout,
    transform: Transform,
    /// What steps of two key bits turn products by.
    powers: Option<Powers>,
    processor: Processor,
    memory: KeyMemory,
    /// The working memory of rotations, for as many of them as ever ran at once.
    scratch: Mutex<Vec<Scratch>>,
}

impl FourierKey {
    /// Makes a key of this number of GGSW ciphertexts, of zeros, to be filled by
    /// [`FourierKey::steps_mut`].
    pub(crate) fn zero(layout: Layout, ciphertexts: usize) -> Self {
        FourierKey {
            layout,
            transform: Transform::new(layout.size),
            powers: (layout.key_bits > 1).then(|| Powers::new(layout.size)),
            processor: Processor::detect(),
            memory: KeyMemory::zero(ciphertexts * layout.step_blocks()),
            scratch: Mutex::default(),
        }
    }

    /// Returns the same key for another processor.
    #[cfg(test)]
    pub(super) fn on(mut self, processor: Processor) -> Self {
        self.processor = processor;
        self
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns writers of the GGSW ciphertexts of a range of steps, which begin at these ciphertexts.
    pub(crate) fn steps_mut(
        &mut self,
        ciphertexts: Range<usize>,
    ) -> impl IndexedParallelIterator<Item = StepWriter<'_>> {
        let (layout, transform, processor) = (&self.layout, &self.transform, self.processor);
        let blocks = layout.step_blocks();
        self.memory.blocks_mut()[ciphertexts.start * blocks..ciphertexts.end * blocks]
            .par_chunks_mut(layout.step_ciphertexts() * blocks)
            .map(move |step| StepWriter {
                layout,
                transform,
                processor,
                step,
            })
    }

    /// Rotates accumulators of several parts by the masks of ciphertexts that were switched to `2N` times as
    /// many. Each part has [`Layout::accumulator_words`] words, and an accumulator's parts come one after the
    /// other. Only the parts that are said to be read are right in the end. The rotation asks before every step
    /// whether to stop, and returns whether it went to its end.
    pub(crate) fn rotate(
        &self,
        parts: Parts,
        masks: &[&[usize]],
        accumulators: &mut [[u64; 8]],
        stop: &dyn Fn() -> bool,
    ) -> bool {
        let mut scratch = self
            .pool()
            .pop()
            .unwrap_or_else(|| Scratch::new(&self.layout));
        scratch.grow(&self.layout, parts.all);
        let batch = Batch {
            layout: &self.layout,
            transform: &self.transform,
            key: self.memory.blocks(),
            parts,
            masks,
            accumulators,
            scratch: &mut scratch,
            stop,
        };
        let whole = match &self.powers {
            None => self.processor.run(Rotation(batch)),
            Some(powers) => self.processor.run(Pairs { batch, powers }),
        };
        self.pool().push(scratch);
        whole
    }

    fn pool(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.scratch
            .lock()
            .expect("nothing panics while it holds the pool")
    }
}

/// Writes the GGSW ciphertexts of one step.
pub(crate) struct StepWriter<'a> {
    layout: &'a Layout,
    transform: &'a Transform,
    processor: Processor,
    step: &'a mut [KeyBlock],
}

impl StepWriter<'_> {
    /// Writes column `column` of row `row` of the step's ciphertext `index`, a polynomial over the torus, in
    /// a form whose product with digits, transformed back, is in turns of the torus.
    pub(crate) fn write(&mut self, index: usize, row: usize, column: usize, polynomial: &[u64]) {
        // transforming back multiplies by N/2
        let turn = 2f64.powi(-64) / (self.layout.size / 2) as f64;
        let coefficients: Vec<[f64; 8]> = polynomial
            .as_chunks::<8>()
            .0
            .iter()
            .map(|words| words.map(|x| x as i64 as f64 * turn))
            .collect();
        let mut out = vec![Block::default(); self.layout.blocks()];
        self.processor.run(Reals {
            transform: self.transform,
            coefficients: &coefficients,
            out: &mut out,
        });
        let (columns, rows) = (self.layout.columns, self.layout.rows());
        let ciphertexts = self.step.len() / self.layout.step_blocks();
        for (b, block) in out.into_iter().enumerate() {
            self.step[((b * ciphertexts + index) * rows + row) * columns + column] =
                [block.re, block.im];
        }
    }
}
