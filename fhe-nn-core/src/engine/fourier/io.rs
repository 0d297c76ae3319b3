//! The ends of a transform: the source that its first pass reads, and the torus that its last pass back
//! adds to.

use fhe_nn_proof::noise::Decomposition;

use super::ends::{Source, Torus};
use super::transform::{Transform, backward, forward};
use crate::engine::complex::{Block, Complex};
use crate::lanes::{Kernel, Lanes};

/// Cuts a polynomial over the torus into digits and transforms these into `levels` polynomials, the most
/// significant digits first.
pub(crate) struct Digits<'a> {
    pub(crate) transform: &'a Transform,
    /// The coefficients, with [`offset`] added.
    pub(crate) words: &'a [[u64; 8]],
    pub(crate) digits: Decomposition,
    /// Number of blocks from one polynomial of `out` to the next.
    pub(crate) stride: usize,
    pub(crate) out: &'a mut [Block],
}

/// Returns what is added to an element of the torus so that its bits are its digits, each too large by half
/// of its base. This is the sum of these halves and of half of the last digit's place, for rounding.
pub(crate) fn offset(digits: Decomposition) -> u64 {
    let Decomposition { base_log, levels } = digits;
    let halves = (1..=levels).map(|level| 1u64 << (base_log - 1) << (64 - base_log * level));
    let rounding = 1u64 << (63 - base_log * levels);
    halves.fold(rounding, u64::wrapping_add)
}

/// Returns the number of low bits of an element of the torus that digits do not reach.
pub(super) fn cut(digits: Decomposition) -> u32 {
    64 - digits.base_log * digits.levels
}

impl Kernel for Digits<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let blocks = self.transform.blocks;
        let Decomposition { base_log, levels } = self.digits;
        let mask = (1u64 << base_log) - 1;
        let (low, high) = self.words.split_at(blocks);
        for (level, out) in (1..=levels).zip(self.out.chunks_exact_mut(self.stride)) {
            let shift = 64 - base_log * level;
            let digits = DigitsOf {
                low,
                high,
                shift,
                mask,
            };
            forward(lanes, self.transform, digits, &mut out[..blocks]);
        }
    }
}

/// Transforms a real polynomial.
pub(crate) struct Reals<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) coefficients: &'a [[f64; 8]],
    pub(crate) out: &'a mut [Block],
}

impl Kernel for Reals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let blocks = self.transform.blocks;
        let (low, high) = self.coefficients.split_at(blocks);
        forward(lanes, self.transform, RealsOf { low, high }, self.out);
    }
}

/// Transforms back, and adds the coefficients, in turns of the torus, to elements of the torus. What was
/// transformed comes back `N / 2` times as large.
pub(crate) struct Back<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) values: &'a mut [Block],
    pub(crate) to: &'a mut [[u64; 8]],
}

impl Kernel for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let blocks = self.transform.blocks;
        let (low, high) = self.to.split_at_mut(blocks);
        backward(lanes, self.transform, self.values, Torus { low, high });
    }
}

struct DigitsOf<'a> {
    low: &'a [[u64; 8]],
    high: &'a [[u64; 8]],
    shift: u32,
    mask: u64,
}

impl<L: Lanes> Source<L> for DigitsOf<'_> {
    #[inline(always)]
    fn get(&self, lanes: L, block: usize) -> Complex<L::V> {
        Complex {
            re: lanes.digit(lanes.load_words(&self.low[block]), self.shift, self.mask),
            im: lanes.digit(lanes.load_words(&self.high[block]), self.shift, self.mask),
        }
    }
}

struct RealsOf<'a> {
    low: &'a [[f64; 8]],
    high: &'a [[f64; 8]],
}

impl<L: Lanes> Source<L> for RealsOf<'_> {
    #[inline(always)]
    fn get(&self, lanes: L, block: usize) -> Complex<L::V> {
        Complex {
            re: lanes.load(&self.low[block]),
            im: lanes.load(&self.high[block]),
        }
    }
}
