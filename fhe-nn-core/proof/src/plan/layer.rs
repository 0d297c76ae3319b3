//! A linear layer as the search sees it.

use crate::plan::cost::linear_cost;
use crate::plan::demand::{Accumulators, Program, StageDemand};
use crate::plan::rounds::{DigitDemand, RoundDemand};
use crate::rounding::digit_bootstraps;
use crate::spec::Rounding;

/// What a layer asks of the noise, and what its work is.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) sources: Vec<u32>,
    terms: u32,
    neurons: u32,
    /// The circle has 2 to this power of the values that the reader tells apart.
    read_bits: u32,
    rounding: Rounding,
    /// For each constraint, what the variance of the inputs is multiplied by, and the greatest
    /// variance that the reader may see.
    limits: Vec<(f64, f64)>,
    pub(super) rounds: Vec<RoundLayer>,
    /// Whether its results stand beside values from before, for sums of both to come: under one key.
    pub(super) joins: bool,
}

/// A round as the search sees it.
#[derive(Debug)]
pub(super) struct RoundLayer {
    pub(super) bootstraps: u32,
    /// Bits of the widest digit.
    pub(super) bits: u32,
    /// Square of what ciphertexts are multiplied by.
    pub(super) scale: f64,
    /// For each width, what the variance of the inputs is multiplied by and the greatest variance
    /// that its tables may see, scaled.
    limits: Vec<(f64, f64)>,
}

impl Layer {
    /// `z` standard deviations must fit half a step.
    pub(super) fn new(accumulators: &Accumulators, z: f64) -> Self {
        let constraints = accumulators.constraints();
        let read = accumulators.width().min(accumulators.table);
        let rounds = accumulators.rounds();
        Layer {
            sources: accumulators.sources.clone(),
            terms: accumulators.terms,
            neurons: accumulators.neurons,
            read_bits: accumulators.reader.modulus_bits(read),
            rounding: accumulators.rounding,
            limits: constraints
                .map(|limit| (limit.gain, limit.budget(z)))
                .collect(),
            rounds: rounds
                .iter()
                .map(|round| RoundLayer::new(round, z))
                .collect(),
            joins: false,
        }
    }

    /// The stages of a program.
    pub(super) fn stages(program: &Program, z: f64) -> Vec<Layer> {
        let sources = |index: usize| match program.stages.get(index) {
            None => &program.output.sources,
            Some(stage) => &stage.accumulators.sources,
        };
        let stage = |(index, demand): (usize, &StageDemand)| {
            // its own results are tensor `index + 1`
            let mut later = (index + 1..=program.stages.len()).flat_map(sources);
            Layer {
                joins: later.any(|&source| source as usize <= index),
                ..Layer::new(&demand.accumulators, z)
            }
        };
        program.stages.iter().enumerate().map(stage).collect()
    }

    /// Fewest bits of an element of a reply: half a step of every score is a multiple of its unit, so
    /// that rounding a body down crosses no boundary between two scores; where these are read
    /// approximately, rounding moves them by next to nothing of a step.
    pub(super) fn least_element_bits(&self) -> u32 {
        self.read_bits
            + match self.rounding {
                Rounding::Exact => 1,
                Rounding::Approximate => 6,
            }
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

    /// Whether so many coefficients can hold the tables.
    pub(super) fn fits(&self, table_size: u32) -> bool {
        holds(table_size, self.read_bits)
    }

    /// Nanoseconds of the sums, of ciphertexts of this dimension.
    pub(super) fn sum_ns(&self, dimension: u32) -> f64 {
        linear_cost(self.terms, self.neurons, dimension)
    }

    /// Nanoseconds of something that every neuron takes so many of.
    pub(super) fn each_ns(&self, ns: f64) -> f64 {
        f64::from(self.neurons) * ns
    }
}

impl RoundLayer {
    fn new(round: &RoundDemand, z: f64) -> Self {
        let scale = libm::exp2(2.0 * f64::from(round.above));
        let limit = |digit: &DigitDemand| {
            let deviation = digit.half_step() / z;
            (scale * digit.gain, deviation * deviation)
        };
        RoundLayer {
            bootstraps: round.bootstraps(),
            bits: round.bits(),
            scale,
            limits: round.digits.iter().map(limit).collect(),
        }
    }

    /// Variance that the way to the tables may add, if inputs have this variance and ciphertexts
    /// `before` from the rounds before.
    pub(super) fn room(&self, variance: f64, before: f64) -> f64 {
        let rooms = self.limits.iter();
        let rooms = rooms.map(|(gain, budget)| budget - gain * variance - self.scale * before);
        rooms.fold(f64::INFINITY, f64::min)
    }

    /// Whether so many coefficients can hold the tables.
    pub(super) fn fits(&self, table_size: u32) -> bool {
        holds(table_size, self.bits)
    }

    /// Bootstraps one behind the other, each of which sees what the ones before left.
    pub(super) fn passes(&self) -> u32 {
        digit_bootstraps(self.bits)
    }
}

/// Whether a step of which the circle has `2^bits` is at least two coefficients wide.
pub(super) fn holds(table_size: u32, bits: u32) -> bool {
    let step = (2 * u64::from(table_size)).checked_shr(bits);
    step.is_some_and(|step| step >= 2)
}
