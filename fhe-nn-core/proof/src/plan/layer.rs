//! A linear layer as the search sees it.

use crate::plan::cost::linear_cost;
use crate::plan::demand::Accumulators;

/// What a layer asks of the noise, and what its work is.
#[derive(Debug)]
pub(super) struct Layer {
    inputs: u32,
    neurons: u32,
    modulus_bits: u32,
    /// For each constraint, what the variance of the inputs is multiplied by, and the greatest
    /// variance that the reader may see.
    limits: Vec<(f64, f64)>,
}

impl Layer {
    /// `z` standard deviations must fit half a step.
    pub(super) fn new(accumulators: &Accumulators, z: f64) -> Self {
        let constraints = accumulators.constraints();
        Layer {
            inputs: accumulators.inputs,
            neurons: accumulators.neurons,
            modulus_bits: accumulators.modulus_bits(),
            limits: constraints
                .map(|limit| (limit.gain, limit.budget(z)))
                .collect(),
        }
    }

    /// Fewest bits of an element of a reply: half a step of every score is a multiple of its unit, so
    /// that rounding a body down crosses no boundary between two scores.
    pub(super) fn least_element_bits(&self) -> u32 {
        self.modulus_bits + 1
    }

    /// Variance that the way to the reader may add if inputs have this variance; negative if they are
    /// too noisy by themselves.
    pub(super) fn room(&self, variance: f64) -> f64 {
        let rooms = self
            .limits
            .iter()
            .map(|(gain, budget)| budget - gain * variance);
        rooms.fold(f64::INFINITY, f64::min)
    }

    /// Whether polynomials of this size can hold the tables: a step of the torus is at least two
    /// coefficients wide.
    pub(super) fn fits(&self, polynomial_size: u32) -> bool {
        let step = (2 * polynomial_size).checked_shr(self.modulus_bits);
        step.is_some_and(|step| step >= 2)
    }

    /// Nanoseconds of the sums, of ciphertexts of this dimension.
    pub(super) fn sum_ns(&self, dimension: u32) -> f64 {
        linear_cost(self.inputs, self.neurons, dimension)
    }

    /// Nanoseconds of something that every neuron takes so many of.
    pub(super) fn each_ns(&self, ns: f64) -> f64 {
        f64::from(self.neurons) * ns
    }
}
