//! What a network requires of its parameters: bit-widths and gains, but not the weights.
//!
//! A value is encrypted as a multiple of the step of the sums that read it. If sums of several
//! layers read a value, or sums of one layer read values of several, all of them must take the same
//! step: the finest. A layer for which a coarser step would do counts modulo a greater power
//! of two, and its weights are multiplied by the ratio of the steps, as those of narrow neurons are.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::client::ClientSpec;
use crate::plan::Fingerprint;
use crate::plan::accumulators::Accumulators;

/// What a network requires of its parameters: sums, all but the last of which are read by tables. The
/// tables make the values that later sums add up.
///
/// Sums of several layers that read the same values share a step, see [`Requirements::new`].
#[derive(Debug, Clone, PartialEq)]
pub struct Requirements {
    /// What the client must know.
    pub client: ClientSpec,
    /// The sums that tables read, in the order of execution.
    pub stages: Vec<StageDemand>,
    /// The sums that are decrypted.
    pub output: Accumulators,
    /// Fingerprint of the model.
    pub model: Fingerprint,
}

/// A layer of sums with the lookup that reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageDemand {
    /// The sums.
    pub accumulators: Accumulators,
    /// Name of the activation's field.
    pub lookup: Cow<'static, str>,
    /// Number of values from each bootstrap.
    pub phases: u32,
}

impl Requirements {
    /// The requirements of stages in the order of execution, with one step for all sums that read
    /// the same values.
    pub fn new(
        client: ClientSpec,
        stages: Vec<StageDemand>,
        output: Accumulators,
        model: Fingerprint,
    ) -> Self {
        let mut requirements = Requirements {
            client,
            stages,
            output,
            model,
        };
        requirements.share_steps();
        requirements
    }

    /// For every tensor, the input and then the results of every stage, the greatest share of what the values of one
    /// bootstrap have in common that any sum of them adds. Inputs have nothing in common.
    pub fn shared(&self) -> Vec<f64> {
        let mut shared = vec![0.0_f64; self.stages.len() + 1];
        for layer in self.accumulators() {
            let own = layer.shared();
            for &source in layer.sums.sources.iter().filter(|&&source| source > 0) {
                if let Some(most) = shared.get_mut(source as usize) {
                    *most = most.max(own);
                }
            }
        }
        shared
    }

    fn share_steps(&mut self) {
        let mut groups: Vec<usize> = (0..=self.stages.len()).collect();
        for layer in self.accumulators() {
            let sources = layer.sums.sources.iter();
            let own: HashSet<usize> = sources.map(|&source| groups[source as usize]).collect();
            let first = layer
                .sums
                .sources
                .first()
                .map(|&source| groups[source as usize]);
            for group in &mut groups {
                if let Some(first) = first
                    && own.contains(group)
                {
                    *group = first;
                }
            }
        }
        let group_of = |layer: &Accumulators| {
            let source = layer.sums.sources.first();
            source.map(|&source| groups[source as usize])
        };
        for group in 0..=self.stages.len() {
            let own = self.accumulators();
            let own = own.filter(|layer| group_of(layer) == Some(group));
            let moduli: Vec<u64> = own.map(|layer| layer.sums.modulus).collect();
            let finest = moduli.iter().copied().max().unwrap_or(1);
            if moduli.len() > 1 {
                let stages = self.stages.iter_mut().map(|stage| &mut stage.accumulators);
                let all = stages.chain([&mut self.output]);
                let own = all.filter(|layer| group_of(layer) == Some(group));
                own.for_each(|layer| layer.take_modulus(finest.next_power_of_two()));
            }
        }
    }

    fn accumulators(&self) -> impl Iterator<Item = &Accumulators> {
        let stages = self.stages.iter().map(|stage| &stage.accumulators);
        stages.chain([&self.output])
    }
}
