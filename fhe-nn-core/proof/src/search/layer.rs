//! A linear layer as the search sees it.

use crate::plan::cost::linear_cost;
use crate::plan::{Accumulators, DigitDemand, Requirements, RoundDemand, StageDemand, holds};
use crate::rounding::digit_bootstraps;
use crate::search::assemble::greatest;
use crate::spec::Rounding;

/// The limits that a layer sets for the noise, and its work.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) sources: Vec<u32>,
    terms: u32,
    neurons: u32,
    /// Logarithm to base 2 of the number of values on the circle that the reader tells apart.
    read_bits: u32,
    rounding: Rounding,
    /// For each constraint, the factor by which the variance of the inputs is multiplied, and the
    /// greatest variance that the reader may see.
    limits: Vec<(f64, f64)>,
    pub(super) rounds: Vec<RoundLayer>,
    /// Whether later sums add up its results and earlier values, so that both must be under one key.
    pub(super) joins: bool,
    /// Greatest share that a sum adds of what the values of one of its bootstraps have in common.
    pub(super) shared: f64,
    /// The same for the values that it adds up itself: the greatest share of any of its sources.
    pub(super) shared_before: f64,
}

/// A round as the search sees it.
#[derive(Debug)]
pub(super) struct RoundLayer {
    pub(super) bootstraps: u32,
    /// Number of bits of the widest digit.
    pub(super) bits: u32,
    /// Factor by which the variance of ciphertexts is multiplied when the digit is moved to the top.
    pub(super) gain: f64,
    /// For each bit-width, the factor by which the variance of the inputs is multiplied, and the
    /// greatest variance that the tables may see after that.
    limits: Vec<(f64, f64)>,
}

impl Layer {
    /// The layer with limits that leave room for `z` standard deviations in half a step.
    pub(super) fn new(accumulators: &Accumulators, z: f64) -> Self {
        let constraints = accumulators.constraints();
        let (sums, rounds) = (&accumulators.sums, accumulators.rounds());
        Layer {
            sources: sums.sources.to_vec(),
            terms: sums.terms,
            neurons: sums.neurons,
            read_bits: sums.read_bits(),
            rounding: sums.rounding,
            limits: constraints
                .map(|limit| (limit.gain, limit.budget(z)))
                .collect(),
            rounds: rounds
                .iter()
                .map(|round| RoundLayer::new(round, z))
                .collect(),
            joins: false,
            shared: 0.0,
            shared_before: 0.0,
        }
    }

    /// The layers that tables read.
    pub(super) fn stages(requirements: &Requirements, z: f64) -> Vec<Layer> {
        let sources = |index: usize| match requirements.stages.get(index) {
            None => requirements.output.sums.sources.iter(),
            Some(stage) => stage.accumulators.sums.sources.iter(),
        };
        let shared = requirements.shared();
        let stage = |(index, demand): (usize, &StageDemand)| {
            // its own results are tensor `index + 1`
            let mut later = (index + 1..=requirements.stages.len()).flat_map(sources);
            Layer {
                joins: later.any(|&source| source as usize <= index),
                shared: shared[index + 1],
                shared_before: greatest(&demand.accumulators.sums.sources, &shared),
                ..Layer::new(&demand.accumulators, z)
            }
        };
        requirements.stages.iter().enumerate().map(stage).collect()
    }

    /// Smallest number of bits of an element of a reply. With exact rounding, half a step of every score is a
    /// multiple of the element's unit, so that rounding a body down crosses no boundary between two
    /// scores. With approximate rounding, it moves scores by a negligible part of a step.
    pub(super) fn least_element_bits(&self) -> u32 {
        self.read_bits
            + match self.rounding {
                Rounding::Exact => 1,
                Rounding::Approximate => 6,
            }
    }

    /// Variance that the way to the reader may add if the inputs have this variance; negative if they
    /// are too noisy by themselves.
    pub(super) fn room(&self, variance: f64) -> f64 {
        let rooms = self
            .limits
            .iter()
            .map(|(gain, budget)| budget - gain * variance);
        rooms.fold(f64::INFINITY, f64::min)
    }

    /// Whether tables of this number of coefficients are large enough.
    pub(super) fn fits(&self, table_size: u32) -> bool {
        holds(table_size, self.read_bits)
    }

    /// Nanoseconds of the sums, on ciphertexts of this dimension.
    pub(super) fn sum_ns(&self, dimension: u32) -> f64 {
        linear_cost(self.terms, self.neurons, dimension)
    }

    /// Nanoseconds of work that takes `ns` for each neuron.
    pub(super) fn each_ns(&self, ns: f64) -> f64 {
        f64::from(self.neurons) * ns
    }
}

impl RoundLayer {
    fn new(round: &RoundDemand, z: f64) -> Self {
        let gain = libm::exp2(2.0 * f64::from(round.above));
        let limit = |digit: &DigitDemand| {
            let deviation = digit.half_step() / z;
            (gain * digit.gain, deviation * deviation)
        };
        RoundLayer {
            bootstraps: round.bootstraps(),
            bits: round.bits(),
            gain,
            limits: round.digits.iter().map(limit).collect(),
        }
    }

    /// Variance that the way to the tables may add, if the inputs have this variance and earlier
    /// rounds have added `before`.
    pub(super) fn room(&self, variance: f64, before: f64) -> f64 {
        let rooms = self.limits.iter();
        let rooms = rooms.map(|(gain, budget)| budget - gain * variance - self.gain * before);
        rooms.fold(f64::INFINITY, f64::min)
    }

    /// Whether tables of this number of coefficients are large enough.
    pub(super) fn fits(&self, table_size: u32) -> bool {
        holds(table_size, self.bits)
    }

    /// Number of bootstraps that run one after the other, each on what the ones before left.
    pub(super) fn passes(&self) -> u32 {
        digit_bootstraps(self.bits)
    }
}
