//! What a plan is searched for.

use clap::Args;
use fhe_nn_core::PlanOptions;
use fhe_nn_core::plan::Prefer;

use crate::failure::Failure;

/// What a plan is searched for.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Each table and score fails with a probability of at most 2^-BITS.
    #[arg(long, value_name = "BITS", default_value_t = 128.0)]
    failure: f64,
    /// Find the plan that runs fastest (the default).
    #[arg(long, conflicts_with = "smallest_keys")]
    fastest: bool,
    /// Find the plan with the smallest evaluation key.
    #[arg(long)]
    smallest_keys: bool,
    /// Keep a server's keys within this many megabytes of its memory.
    #[arg(long, value_name = "MB")]
    memory_limit: Option<u64>,
}

impl Options {
    /// # Errors
    /// [`Failure::Call`] if the failure probability is not one that plans have.
    pub(crate) fn options(&self) -> Result<PlanOptions, Failure> {
        if !(1.0..=1024.0).contains(&self.failure) {
            let bits = self.failure;
            let reason = format!("`--failure` is {bits}, but must be 1 to 1024 bits");
            return Err(Failure::Call(reason));
        }
        let prefer = if self.smallest_keys {
            Prefer::SmallestKeys
        } else {
            Prefer::Fastest
        };
        let options = PlanOptions::new()
            .with_failure_bits(self.failure)
            .with_prefer(prefer);
        Ok(match self.memory_limit {
            Some(megabytes) => options.with_memory_limit(megabytes.saturating_mul(1_000_000)),
            None => options,
        })
    }
}
