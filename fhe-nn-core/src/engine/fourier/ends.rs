//! What transforms read from and add to, below the transforms themselves.

use crate::engine::complex::Complex;
use crate::lanes::Lanes;

/// The source that the first pass of a transform reads. It is a trait rather than a closure, because code
/// that is not inlined is not compiled for the processor.
pub(super) trait Source<L: Lanes> {
    fn get(&self, lanes: L, block: usize) -> Complex<L::V>;
}

/// The elements of the torus that the last pass back adds to.
pub(super) struct Torus<'a> {
    pub(super) low: &'a mut [[u64; 8]],
    pub(super) high: &'a mut [[u64; 8]],
}

impl Torus<'_> {
    #[inline(always)]
    pub(super) fn add<L: Lanes>(&mut self, lanes: L, block: usize, z: Complex<L::V>) {
        lanes.add_torus(&mut self.low[block], z.re);
        lanes.add_torus(&mut self.high[block], z.im);
    }
}
