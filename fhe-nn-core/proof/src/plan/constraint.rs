//! The amount of noise that the reader of an accumulator may see.

use crate::noise::log2_failure;

/// Steps of the widest accumulator's table beyond either end of a range that is read approximately:
/// 18 standard deviations of noise at most.
pub const GUARD_STEPS: u64 = 3;
/// The standard deviation of noise that approximate rounding allows, in steps of the table.
pub const APPROXIMATE_NOISE: f64 = 1.0 / 6.0;

/// What the reader of accumulators of one bit-width requires of their noise.
#[derive(Debug, Clone, Copy)]
pub struct Constraint {
    /// Factor by which the variance of the inputs is multiplied.
    pub gain: f64,
    /// The amount of noise that there may be.
    pub tolerance: Tolerance,
    /// Number of neurons.
    pub neurons: u32,
}

/// The amount of noise that a reader may see, in fractions of the torus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Less than this, which is half the distance between the values that are told apart.
    HalfStep(f64),
    /// A part of a step of the table: values near the end of a step may be read as the next one.
    Step {
        /// A step of the table.
        step: f64,
        /// Width of the guard beyond either end of the range, the same for all accumulators of a
        /// layer.
        guard: f64,
        /// Logarithm of the number of places in a step where an accumulator can lie. The places are
        /// equally far apart, and half as far from the ends of the step.
        place_bits: u32,
    },
}

impl Constraint {
    /// Variance of the noise that the reader sees, if the inputs have variance `input` and the way
    /// to the reader adds `added`.
    pub fn variance(&self, input: f64, added: f64) -> f64 {
        self.gain * input + added
    }

    /// Logarithm to base 2 of the probability that any of the neurons is read wrong: with
    /// approximate rounding, that its noise leaves the guard.
    pub fn log2_failure(&self, input: f64, added: f64) -> f64 {
        let least = match self.tolerance {
            Tolerance::HalfStep(half_step) => half_step,
            Tolerance::Step { guard, .. } => guard,
        };
        libm::log2(f64::from(self.neurons)) + log2_failure(least, self.variance(input, added))
    }

    /// The greatest variance that leaves room for `z` standard deviations.
    pub fn budget(&self, z: f64) -> f64 {
        let deviation = match self.tolerance {
            Tolerance::HalfStep(half_step) => half_step / z,
            Tolerance::Step { step, guard, .. } => f64::min(APPROXIMATE_NOISE * step, guard / z),
        };
        deviation * deviation
    }

    /// The probability that an accumulator is read as a step in which it does not lie, averaged
    /// over the places where it can lie in its step; 0 unless it is read approximately.
    pub fn step_probability(&self, input: f64, added: f64) -> f64 {
        let Tolerance::Step {
            step, place_bits, ..
        } = self.tolerance
        else {
            return 0.0;
        };
        // more places make next to no difference
        let places = 1u32 << place_bits.min(6);
        let deviation = libm::sqrt(2.0 * self.variance(input, added)) / step;
        let crosses = |place: u32| {
            let distance = (f64::from(place) + 0.5) / f64::from(places);
            libm::erfc(distance / deviation) // half the probability, for each of two ends
        };
        (0..places).map(crosses).sum::<f64>() / f64::from(places)
    }
}
