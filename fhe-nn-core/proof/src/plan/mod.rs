//! Parameters of an encrypted run: what the client's keys and the server's engine agree on.
//!
//! A network is a sequence of stages. Stage i sums ciphertexts of stages before, which are under one large
//! key, keyswitches to a small key, and bootstraps to a large key:
//!
//! ```text
//! dimension D_i-1 -> linear -> keyswitch -> n_i -> modulus switch -> rotation -> D_i = k_i N_i
//! ```
//!
//! A stage whose tables are narrower than its accumulators first removes the low bits of these, in
//! rounds ([`crate::rounding`]). Every round is a keyswitch and a rotation, too, whose results come
//! back under the accumulators' own key and are subtracted from them.
//!
//! Inputs may be encrypted under the first small key itself: then the first stage has no keyswitch.
//! The last accumulators are decrypted under the last large key, or keyswitched once more to a key
//! of their own; then their elements are rounded to the bits that decryption needs.
//!
//! There is one large secret key for every dimension that large keys have, and one small secret key
//! for every dimension of theirs. Public keys follow from them: bootstraps of the same parameters
//! have the same bootstrapping key, wherever they stand.

mod assemble;
mod chain;
mod cost;
mod demand;
mod front;
mod keyswitch;
mod layer;
mod merge;
mod objective;
mod output;
mod reach;
mod removal;
mod rotation;
mod rounds;
mod scale;
mod search;
mod shared;
mod show;
mod size;
mod stage;
mod state;
mod validate;

use serde::{Deserialize, Serialize};

pub use demand::{
    APPROXIMATE_NOISE, Accumulators, Constraint, GUARD_STEPS, Program, StageDemand, Tolerance,
    WidthDemand,
};
pub use rounds::{DigitDemand, RoundDemand};
pub use size::NewKeys;
pub use stage::{Bootstrap, Round, Stage};

use crate::client::ClientSpec;
use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, keyswitch_variance, log2_sum,
    modulus_switch_variance,
};
use crate::spec::Rounding;
use crate::widths::Lattice;

/// SHA-256 of something both sides must agree on.
pub type Fingerprint = [u8; 32];

/// What a user may choose about parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Each table and each output fails with probability at most `2^-failure_bits`.
    pub failure_bits: f64,
    /// What is the best of several plans.
    pub prefer: Prefer,
}

/// What is the best of several plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Prefer {
    /// The one that runs fastest. It may take 1% more time so that stages share keys, 5% so that
    /// scores come under a key of their own, which makes the reply half as large or less, and 1% for
    /// a reply that is smaller still.
    #[default]
    Fastest,
    /// The one whose evaluation key has the fewest bytes on the wire, however long it runs; of such
    /// ones the fastest.
    SmallestKeys,
}

/// 2^-128, as tfhe's own parameters; the fastest.
impl Default for Options {
    fn default() -> Self {
        Options {
            failure_bits: 128.0,
            prefer: Prefer::default(),
        }
    }
}

/// Parameters of an encrypted run. It holds no weights: a client needs nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What the client must know to encode inputs and to read scores.
    pub client: ClientSpec,
    /// The key that inputs are encrypted under.
    pub input: InputPlan,
    /// One stage for every activation.
    pub stages: Vec<Stage>,
    /// The decrypted accumulators.
    pub output: OutputPlan,
    /// Fingerprint of the model that the plan was made for.
    pub model: Fingerprint,
    /// What was asked for.
    pub options: Options,
}

/// The key of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InputPlan {
    /// Dimension of the key: the first stage's small key if that stage has no keyswitch.
    pub dimension: u32,
}

/// The decrypted accumulators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputPlan {
    /// Name of the linear layer's field.
    pub linear: String,
    /// Whose values are summed up, in ascending order: 0 is the input, `i + 1` are the results of stage i.
    pub sources: Vec<u32>,
    /// Values that a sum adds up, on average.
    pub terms: u32,
    /// Number of scores.
    pub scores: u32,
    /// Width of the widest score.
    pub width: u32,
    /// All ciphertexts have the step of a score of so many bits: the widest, or a wider one if other
    /// layers read the same values.
    pub scale: u32,
    /// Bits of a score that are read at most.
    pub table: u32,
    /// How lower bits are dropped: by noise, with approximate rounding.
    pub rounding: Rounding,
    /// The torus holds so many of these steps.
    pub modulus: u64,
    /// From the last large key (the inputs' key, if there are no stages) to a key for scores alone;
    /// none if they stay under it.
    pub keyswitch: Option<Decomposition>,
    /// Dimension of the key that they are decrypted with.
    pub dimension: u32,
    /// Bits of an element of the reply, after a centered modulus switch to 2 to this power.
    pub element_bits: u32,
    /// Predicted variance of the noise of the most endangered score.
    pub variance: f64,
    /// Logarithm to base 2 of the probability that any score is decrypted wrong.
    pub log2_failure: f64,
}

/// Why there are no parameters.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// No parameters of 132-bit security hold the noise of a layer below half a step.
    #[error(
        "no parameters of 132-bit security keep the {bits}-bit accumulators of `{layer}` exact at 2^-{failure_bits}: their weights have a 2-norm of {norm:.1}\n  = help: lower `accumulator` or `weights` of `{layer}`, or the number of its inputs"
    )]
    NoParameters {
        /// Name of the linear layer.
        layer: String,
        /// Width of its widest accumulator.
        bits: u32,
        /// Greatest 2-norm of a neuron's weights.
        norm: f64,
        /// What was asked for.
        failure_bits: f64,
    },
    /// Parameters that [`Plan::find`] would not choose from.
    #[error("plan has {what} {value}, but {least} to {most} are allowed")]
    OutOfRange {
        /// Name of the parameter.
        what: &'static str,
        /// Its value.
        value: u64,
        /// Least value.
        least: u64,
        /// Greatest value.
        most: u64,
    },
    /// A failure probability that is none.
    #[error("failure_bits is {0}, but must lie in 1 to 1024")]
    FailureBits(f64),
}

impl Plan {
    /// The best parameters for a program.
    ///
    /// # Errors
    /// [`PlanError::NoParameters`] names the layer for which there are none, and
    /// [`PlanError::OutOfRange`] what is too much of everything, see [`Plan::validate`].
    pub fn find(program: &Program, options: &Options) -> Result<Plan, PlanError> {
        if !(1.0..=1024.0).contains(&options.failure_bits) {
            return Err(PlanError::FailureBits(options.failure_bits));
        }
        let plan = search::find(program, options)?;
        plan.validate()?;
        Ok(plan)
    }

    /// Number of bootstraps of one inference.
    pub fn bootstraps(&self) -> u32 {
        let stages = self.stages.iter().map(Stage::bootstraps);
        stages.fold(0, u32::saturating_add)
    }

    /// Whether no layer rounds approximately: then encrypted equals clear, but for
    /// [`Plan::log2_failure`].
    pub fn is_exact(&self) -> bool {
        let stages = self.stages.iter().map(|stage| stage.rounding);
        stages
            .chain([self.output.rounding])
            .all(|rounding| rounding == Rounding::Exact)
    }

    /// Logarithm to base 2 of the bound on the probability that one inference is wrong anywhere:
    /// the sum over all tables and outputs, under independent Gaussian noise. It is what
    /// [`Plan::find`] computed; in a plan from somebody else it is that somebody's claim.
    pub fn log2_failure(&self) -> f64 {
        let stages = self.stages.iter().map(|stage| stage.log2_failure);
        log2_sum(stages.chain([self.output.log2_failure]))
    }

    /// Dimensions of the keys that sums come under, those of the scores last: all values that are summed
    /// up come under one key.
    pub fn dimensions(&self) -> impl Iterator<Item = u32> + '_ {
        let stages = self.stages.iter().map(|stage| &stage.sources);
        let sources = stages.chain([&self.output.sources]);
        sources.map(|sources| self.dimension_of(sources.first().copied().unwrap_or(0)))
    }

    /// Dimension of the key that values come under: 0 is the input, `i + 1` are the results of stage i.
    pub fn dimension_of(&self, source: u32) -> u32 {
        let stage = source.checked_sub(1);
        let stage = stage.and_then(|stage| self.stages.get(stage as usize));
        stage.map_or(self.input.dimension, |stage| {
            stage.bootstrap.shape.lwe_dimension()
        })
    }

    /// Dimension of the first small key, if inputs come under it: the first stage then has no keyswitch,
    /// and no rounds, whose results would not come under it.
    pub fn small_key_of_inputs(&self) -> Option<u32> {
        let first = self.stages.first()?;
        let stays = first.rounds.is_empty() && first.bootstrap.keyswitch.is_none();
        stays.then_some(first.bootstrap.small_dimension)
    }

    /// Dimension of the key under which the scores come.
    pub fn last_dimension(&self) -> u32 {
        self.dimensions().last().unwrap_or(self.input.dimension)
    }

    /// How many steps of its ciphertexts the torus holds, for every stage and the scores.
    pub fn moduli(&self) -> impl Iterator<Item = u64> + '_ {
        let stages = self.stages.iter().map(|stage| stage.modulus);
        stages.chain([self.output.modulus])
    }

    /// How many units of the inputs the torus holds.
    pub fn input_modulus(&self) -> u64 {
        let stages = self
            .stages
            .iter()
            .map(|stage| (&stage.sources, stage.modulus));
        let mut all = stages.chain([(&self.output.sources, self.output.modulus)]);
        let reads = all.find(|(sources, _)| sources.contains(&0));
        reads.map_or(1, |(_, modulus)| modulus)
    }

    /// Every bootstrap in the order in which they run, each with the dimension of the key that it
    /// comes from.
    pub fn every_bootstrap(&self) -> impl Iterator<Item = (u32, &Bootstrap)> {
        let stages = self.stages.iter().zip(self.dimensions());
        stages.flat_map(|(stage, from)| {
            let rounds = stage.rounds.iter().map(|round| &round.bootstrap);
            rounds
                .chain([&stage.bootstrap])
                .map(move |bootstrap| (from, bootstrap))
        })
    }
}

impl OutputPlan {
    /// Variance that keyswitch and modulus switch add to a score of `from` dimensions.
    pub fn way_variance(&self, from: u32) -> f64 {
        let (switched, bits) = match self.keyswitch {
            None => (0.0, MODULUS_BITS),
            Some(digits) => (
                keyswitch_variance(from, self.dimension, digits),
                KEYSWITCH_MODULUS_BITS,
            ),
        };
        switched + modulus_switch_variance(self.dimension, bits, self.element_bits)
    }

    /// The value of the lattice nearest to a phase, which is in units of `2^-64`: of a score of `width`
    /// bits, whose weights were multiplied by what it is narrower than the widest.
    ///
    /// Read exactly, scores count modulo `2^width`; read approximately, those beyond the last are the
    /// last.
    pub fn decode(&self, phase: u64, width: u32, lattice: Lattice) -> i64 {
        let narrower = self.scale.saturating_sub(width);
        // in steps of the score, times 2^(64 + narrower + step_bits): exact for all moduli in use
        let (unit, value) = (
            64 + narrower + lattice.step_bits,
            i128::from(phase as i64) * i128::from(self.modulus),
        );
        let value = value - (i128::from(lattice.offset) << (64 + narrower));
        let nearest = (value + (1 << (unit - 1))) >> unit;
        let value = lattice.offset + ((nearest as i64) << lattice.step_bits);
        let half = 1i64 << (width - 1);
        match self.rounding {
            Rounding::Exact => (value + half).rem_euclid(2 * half) - half,
            Rounding::Approximate => value.clamp(-half, half - 1),
        }
    }
}

/// One of so many steps of an accumulator on the torus, in units of `2^-64`: to the nearest.
pub fn torus_step(modulus: u64) -> u64 {
    let turn = 1u128 << 64;
    let modulus = u128::from(modulus.max(1));
    ((turn + modulus / 2) / modulus) as u64
}
