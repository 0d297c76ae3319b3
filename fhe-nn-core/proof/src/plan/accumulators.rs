//! The sums of a layer, with what their noise is made of.

use crate::noise::Gain;
use crate::plan::constraint::{Constraint, GUARD_STEPS, Tolerance};
use crate::plan::sums::{MAX_STEP_WIDTH, Sums};
use crate::spec::Rounding;
use crate::widths::Reader;

/// The sums of a layer, with the gain of their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulators {
    /// The sums.
    pub sums: Sums,
    /// The neurons by bit-width and lattice, in ascending order.
    pub widths: Vec<WidthDemand>,
}

/// The neurons of one bit-width and lattice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WidthDemand {
    /// Bit-width of the accumulator.
    pub width: u32,
    /// Logarithm of the distance between the accumulator's possible values.
    pub step_bits: u32,
    /// Number of neurons.
    pub neurons: u32,
    /// Greatest square in the [`gain`](crate::noise::gain()) of a neuron's weights: at least the square
    /// of their 2-norm.
    pub gain: f64,
    /// Greatest share that the values of one bootstrap add by what they have in common.
    pub shared: f64,
}

impl Accumulators {
    /// Accumulators that are read whole and share their step with no other layer.
    ///
    /// Each of the `neurons` is given as its bit-width, the logarithm of its lattice's step, and the
    /// gain of its weights. The other arguments are fields of [`Sums`].
    pub fn new<G: Into<Gain>>(
        linear: String,
        sources: Vec<u32>,
        reader: Reader,
        terms: u32,
        neurons: impl IntoIterator<Item = (u32, u32, G)>,
    ) -> Self {
        let mut widths: Vec<WidthDemand> = Vec::new();
        for (width, step_bits, gain) in neurons {
            let Gain { square, shared } = gain.into();
            let same =
                |demand: &&mut WidthDemand| demand.width == width && demand.step_bits == step_bits;
            match widths.iter_mut().find(same) {
                Some(demand) => {
                    demand.neurons += 1;
                    demand.gain = demand.gain.max(square);
                    demand.shared = demand.shared.max(shared);
                }
                None => widths.push(WidthDemand {
                    width,
                    step_bits,
                    neurons: 1,
                    gain: square,
                    shared,
                }),
            }
        }
        widths.sort_by_key(|demand| (demand.width, demand.step_bits));
        let sums = Sums {
            linear: linear.into(),
            sources: sources.into(),
            terms,
            reader,
            width: widths.last().map_or(1, |demand| demand.width),
            step_width: 0,
            table_bits: 0,
            rounding: Rounding::Exact,
            modulus: 0,
            neurons: widths.iter().map(|demand| demand.neurons).sum(),
        };
        let accumulators = Accumulators { sums, widths };
        accumulators.read_by(reader.max_width(), Rounding::Exact)
    }

    /// The same accumulators, read by at most their top `table_bits` bits.
    pub fn read_by(mut self, table_bits: u32, rounding: Rounding) -> Self {
        let sums = &mut self.sums;
        sums.table_bits = table_bits;
        sums.rounding = rounding;
        sums.step_width = sums.width;
        sums.modulus = sums.modulus_of(sums.step_width);
        self
    }

    /// Takes the greatest step width that fits a torus of `steps` steps, a power of two.
    pub(super) fn take_modulus(&mut self, steps: u64) {
        let sums = &mut self.sums;
        let room = |width: &u32| sums.modulus_of(*width) <= steps;
        let width = (sums.width..=MAX_STEP_WIDTH).take_while(room).last();
        sums.step_width = width.unwrap_or(sums.width);
        sums.modulus = steps;
    }

    /// Greatest 2-norm of a neuron's weights: the root of their gain.
    pub fn norm(&self) -> f64 {
        libm::sqrt(
            self.widths
                .iter()
                .map(|demand| demand.gain)
                .fold(0.0, f64::max),
        )
    }

    /// Greatest share that any sum adds by what the values of one bootstrap have in common.
    pub fn shared(&self) -> f64 {
        self.widths
            .iter()
            .map(|demand| demand.shared)
            .fold(0.0, f64::max)
    }

    /// The constraints, one for each bit-width and lattice.
    ///
    /// All ciphertexts that enter a layer have the step of an accumulator of `A` bits, the step
    /// width. A narrower accumulator of `A_j` bits must count modulo its own power of two, so its
    /// weights are multiplied by `2^(A - A_j)`; its noise grows with them, and so does its step. The
    /// step that a table tells apart is that of the top bits that it reads, or that of the
    /// accumulators' lattice.
    pub fn constraints(&self) -> impl Iterator<Item = Constraint> + '_ {
        let sums = &self.sums;
        let modulus = sums.modulus as f64;
        let guard = (GUARD_STEPS << sums.dropped_bits(sums.step_width)) as f64 / modulus;
        self.widths.iter().map(move |demand| {
            let dropped = sums.dropped_bits(demand.width);
            let step_bits = sums.step_width - demand.width + dropped;
            let step = libm::exp2(f64::from(step_bits)) / modulus;
            let known = demand.step_bits.min(dropped);
            Constraint {
                gain: self.gain(demand),
                tolerance: match sums.rounding {
                    Rounding::Exact => {
                        let lattice = demand.step_bits - known;
                        Tolerance::HalfStep(0.5 * step * libm::exp2(f64::from(lattice)))
                    }
                    Rounding::Approximate => Tolerance::Step {
                        step,
                        guard,
                        place_bits: dropped - known,
                    },
                },
                neurons: demand.neurons,
            }
        })
    }

    /// Factor by which the variance of the inputs is multiplied in accumulators of one bit-width.
    pub(super) fn gain(&self, demand: &WidthDemand) -> f64 {
        demand.gain * libm::exp2(2.0 * f64::from(self.sums.step_width - demand.width))
    }
}
