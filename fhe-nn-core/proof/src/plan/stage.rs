//! A stage of a plan: a linear layer and the lookup that reads it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::plan::bootstrap::Bootstrap;
use crate::plan::sums::Sums;

/// A linear layer and the lookup that reads its accumulators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The accumulators.
    pub sums: Sums,
    /// Name of the activation's field.
    pub lookup: Cow<'static, str>,
    /// Number of values that a lookup makes from each accumulator.
    pub phases: u32,
    /// The rounds that remove low bits, the lowest first; empty if tables read whole or noisy accumulators.
    pub rounds: Cow<'static, [Round]>,
    /// The bootstrap that looks up.
    pub bootstrap: Bootstrap,
    /// Predicted variance of a result.
    pub output_variance: f64,
    /// Predicted variance of the noise at the table that has the least room for it.
    pub table_variance: f64,
    /// Logarithm to base 2 of the probability that any table of the stage reads wrong: with
    /// approximate rounding, that the noise leaves the guard of any table.
    pub log2_failure: f64,
    /// With approximate rounding, the probability that a value moves by one step: for the neuron
    /// where that is most likely, averaged over where its accumulator can lie within a step.
    pub step_probability: Option<f64>,
}

/// The removal of one digit of low bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Number of bits of the torus above the digit.
    pub above: u32,
    /// Number of accumulators that have bits there.
    pub neurons: u32,
    /// Number of bootstraps for all of them.
    pub bootstraps: u32,
    /// Parameters of each bootstrap.
    pub bootstrap: Bootstrap,
}

impl Stage {
    /// Number of bootstraps.
    pub const fn bootstraps(&self) -> u32 {
        let mut rounds = match &self.rounds {
            Cow::Borrowed(rounds) => rounds,
            Cow::Owned(rounds) => rounds.as_slice(),
        };
        let mut all = self.sums.neurons;
        while let [round, rest @ ..] = rounds {
            all = all.saturating_add(round.bootstraps);
            rounds = rest;
        }
        all
    }
}
