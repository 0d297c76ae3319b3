//! Parameters of an encrypted run: what the client's keys and the server's engine agree on.
//!
//! A network is a chain of stages. Stage i takes ciphertexts under the large key of the stage
//! before, sums them, keyswitches to a small key of its own, and bootstraps to a large key of its
//! own:
//!
//! ```text
//! dimension D_i-1 -> linear -> keyswitch -> n_i -> modulus switch -> rotation -> D_i = k_i N_i
//! ```
//!
//! Inputs may be encrypted under the first small key itself: then the first stage has no keyswitch.
//! A stage may have the keys of the stage before: then `n_i = n_i-1` and `D_i = D_i-1`. The last
//! accumulators are decrypted under the last large key, or keyswitched once more to a key of their
//! own; then their elements are rounded to the bits that decryption needs.

mod assemble;
mod bootstrap;
mod chain;
mod cost;
mod demand;
mod front;
mod keyswitch;
mod layer;
mod objective;
mod output;
mod reach;
mod search;
mod shared;
mod show;
mod size;
mod state;
mod validate;

use serde::{Deserialize, Serialize};

pub use demand::{Accumulators, Program, StageDemand};

use crate::client::ClientSpec;
use crate::noise::{Decomposition, Shape, log2_sum};
use crate::widths::Reader;

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

/// The key and the encoding of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InputPlan {
    /// Dimension of the key: the first stage's small key if that stage has no keyswitch.
    pub dimension: u32,
    /// An encrypted integer is a multiple of `2^-modulus_bits` of the torus.
    pub modulus_bits: u32,
}

/// A linear layer with the lookup that reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Name of the linear layer's field.
    pub linear: String,
    /// Name of the activation's field.
    pub lookup: String,
    /// How the tables read their accumulators.
    pub reader: Reader,
    /// Width of the widest accumulator, in bits.
    pub width: u32,
    /// Number of bootstraps.
    pub bootstraps: u32,
    /// Values from each bootstrap.
    pub phases: u32,
    /// From the key of the stage before to the small key; none if inputs come under the small key.
    pub keyswitch: Option<Decomposition>,
    /// Dimension of the small key, n.
    pub small_dimension: u32,
    /// Shape of the bootstrapping key's ciphertexts, k and N.
    pub shape: Shape,
    /// Digits of the bootstrap.
    pub digits: Decomposition,
    /// Whether the stage has the small key, the large key and the bootstrapping key of the stage
    /// before. Then its keyswitching key leads from that large key to that small key; it is the one
    /// of the stage before as well if that one shares too.
    pub shares_key: bool,
    /// Results are multiples of `2^-output_modulus_bits` of the torus: the next accumulator's step.
    pub output_modulus_bits: u32,
    /// Predicted variance of a result.
    pub output_variance: f64,
    /// Predicted variance of the noise that the most endangered table sees.
    pub table_variance: f64,
    /// Logarithm to base 2 of the probability that any of the stage's tables reads wrong.
    pub log2_failure: f64,
}

/// The decrypted accumulators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputPlan {
    /// Name of the linear layer's field.
    pub linear: String,
    /// Number of scores.
    pub scores: u32,
    /// Width of the widest score; scores are multiples of `2^-width` of the torus.
    pub width: u32,
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
        let bootstraps = self.stages.iter().map(|stage| stage.bootstraps);
        bootstraps.fold(0, u32::saturating_add)
    }

    /// Logarithm to base 2 of the bound on the probability that one inference is wrong anywhere:
    /// the sum over all tables and outputs, under independent Gaussian noise. It is what
    /// [`Plan::find`] computed; in a plan from somebody else it is that somebody's claim.
    pub fn log2_failure(&self) -> f64 {
        let stages = self.stages.iter().map(|stage| stage.log2_failure);
        log2_sum(stages.chain([self.output.log2_failure]))
    }

    /// Dimensions of the keys that ciphertexts travel under, one before each linear layer: the
    /// inputs' and those of the stages' results.
    pub fn dimensions(&self) -> impl Iterator<Item = u32> + '_ {
        let stages = self.stages.iter().map(|stage| stage.shape.lwe_dimension());
        core::iter::once(self.input.dimension).chain(stages)
    }

    /// Dimension of the key under which the last linear layer's values and accumulators come.
    pub fn last_dimension(&self) -> u32 {
        self.dimensions().last().unwrap_or(self.input.dimension)
    }

    /// Whether the keyswitching key of stage `index` is that of the stage before, too: both share
    /// the keys of the stages before them, so both keyswitch from one large key to one small key.
    pub fn shares_keyswitch(&self, index: usize) -> bool {
        let shares = |index: usize| self.stages.get(index).is_some_and(|stage| stage.shares_key);
        index > 0 && shares(index) && shares(index - 1)
    }
}
