//! The check that a plan fits a network.

use crate::plan::Plan;
use crate::plan::bootstrap::holds;
use crate::plan::demand::{Requirements, StageDemand};
use crate::plan::rounds::RoundDemand;
use crate::plan::stage::{Round, Stage};

impl Plan {
    /// Whether the plan has the layers, bit-widths and encodings that a network requires. Only then
    /// can the network run with it: a plan may come from outside, and its fingerprint of the model
    /// is only a claim.
    pub fn serves(&self, requirements: &Requirements) -> bool {
        let mut stages = self.stages.iter().zip(&requirements.stages);
        self.client == requirements.client
            && self.model == requirements.model
            && self.stages.len() == requirements.stages.len()
            && stages.all(|(stage, demand)| stage.serves(demand))
            && self.output.sums == requirements.output.sums
    }
}

impl Stage {
    fn serves(&self, demand: &StageDemand) -> bool {
        let rounds = demand.accumulators.rounds();
        let mut pairs = self.rounds.iter().zip(&rounds);
        self.sums == demand.accumulators.sums
            && self.phases == demand.phases
            && self.rounds.len() == rounds.len()
            && pairs.all(|(round, demand)| round.serves(demand))
    }
}

impl Round {
    fn serves(&self, demand: &RoundDemand) -> bool {
        self.above == demand.above
            && self.neurons == demand.neurons()
            && self.bootstraps == demand.bootstraps()
            && holds(self.bootstrap.table_size(), demand.bits())
    }
}
