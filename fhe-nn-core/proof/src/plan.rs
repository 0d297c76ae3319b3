//! What a plan is: the parameters of an encrypted run, on which the client's keys and the server's
//! engine agree. `search` finds the best one.
//!
//! A network is a sequence of stages. Stage i adds up ciphertexts of earlier stages, which are all
//! under one large key, keyswitches the sums to a small key, and bootstraps them to a large key:
//!
//! ```text
//! dimension D_i-1 -> linear -> keyswitch -> n_i -> modulus switch -> rotation -> D_i = k_i N_i
//! ```
//!
//! If the tables of a stage are narrower than its accumulators, the stage first removes their low
//! bits in rounds (see [`rounding`](crate::rounding)). Every round is a keyswitch and a rotation as
//! well; its results come back under the accumulators' own key and are subtracted from them.
//!
//! Inputs may be encrypted under the first small key itself: then the first stage has no keyswitch.
//! The last accumulators are decrypted under the last large key, or keyswitched once more to a key
//! of their own; then their elements are rounded to the bits that decryption needs.
//!
//! There is one large secret key for each dimension of large keys, and one small secret key for each
//! dimension of small keys. Public keys follow from them: bootstraps with the same parameters have
//! the same bootstrapping key, wherever they stand.

mod accumulators;
mod bootstrap;
mod constraint;
pub(crate) mod cost;
mod demand;
mod error;
mod input;
mod options;
mod output;
mod price;
pub(crate) mod range;
mod rounds;
mod serves;
mod show;
mod size;
mod stage;
mod sums;
pub(crate) mod validate;
mod version;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::accumulators::{Accumulators, WidthDemand};
pub use self::bootstrap::Bootstrap;
pub(crate) use self::bootstrap::holds;
pub use self::constraint::{APPROXIMATE_NOISE, Constraint, GUARD_STEPS, Tolerance};
pub use self::demand::{Requirements, StageDemand};
pub use self::error::PlanError;
pub use self::input::InputPlan;
pub use self::options::{PlanOptions, Prefer};
pub use self::output::OutputPlan;
pub use self::price::{advised_table_bits, widest_table_factor};
pub use self::rounds::{DigitDemand, RoundDemand};
pub use self::size::NewKeys;
pub(crate) use self::size::{keyswitch_body_bytes, keyswitch_row_bytes};
pub use self::stage::{Round, Stage};
pub use self::sums::{Sums, torus_step};
pub use self::version::{UnknownVersion, Version};
use crate::client::{ClientSpec, Interface};
use crate::encoder::Encoder;
use crate::noise::log2_sum;
use crate::spec::Rounding;
use crate::widths::Reader;

/// SHA-256 of something on which both sides must agree.
pub type Fingerprint = [u8; 32];

/// Parameters of an encrypted run. A plan holds no weights, and a client needs nothing else.
///
/// It is stored as data of [serde] with the version of its format; reading refuses other versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of the format that the plan is stored in.
    pub version: Version,
    /// What the client must know to encode inputs and to read scores.
    pub client: ClientSpec,
    /// The key that inputs are encrypted under.
    pub input: InputPlan,
    /// One stage for every activation, in the order of execution.
    pub stages: Cow<'static, [Stage]>,
    /// The scores.
    pub output: OutputPlan,
    /// Fingerprint of the model that the plan was made for.
    pub model: Fingerprint,
    /// The options that were asked for.
    pub options: PlanOptions,
}

impl Plan {
    /// An empty plan, which stands in for the plan of a network that did not compile.
    #[doc(hidden)]
    pub const EMPTY: Plan = Plan {
        version: Version::First,
        client: ClientSpec {
            network: Cow::Borrowed(""),
            inputs: 0,
            tokens: None,
            input_bits: 1,
            encoder: Encoder::TOKENS,
            widths: Cow::Borrowed(&[]),
            lattices: Cow::Borrowed(&[]),
            decoder: Cow::Borrowed(&[]),
            interface: Interface::OWN,
        },
        input: InputPlan { dimension: 0 },
        stages: Cow::Borrowed(&[]),
        output: OutputPlan {
            sums: Sums {
                linear: Cow::Borrowed(""),
                sources: Cow::Borrowed(&[]),
                terms: 0,
                reader: Reader::Client,
                width: 0,
                step_width: 0,
                table_bits: 0,
                rounding: Rounding::Exact,
                modulus: 0,
                neurons: 0,
            },
            keyswitch: None,
            dimension: 0,
            element_bits: 0,
            variance: 0.0,
            log2_failure: 0.0,
        },
        model: [0; 32],
        options: PlanOptions::new(),
    };

    /// Fingerprint of the plan itself: keys and messages carry it, so that a key never meets a
    /// message of another plan.
    pub fn fingerprint(&self) -> Fingerprint {
        let json = serde_json::to_vec(self).expect("a plan is numbers and strings");
        Sha256::digest(json).into()
    }

    /// Number of bootstraps of one inference.
    pub const fn bootstraps(&self) -> u32 {
        let (mut all, mut stages) = (0u32, self.list());
        while let [stage, rest @ ..] = stages {
            all = all.saturating_add(stage.bootstraps());
            stages = rest;
        }
        all
    }

    /// Whether no layer rounds approximately. Then the encrypted result equals the clear one,
    /// except with the probability of [`Plan::log2_failure`].
    pub const fn is_exact(&self) -> bool {
        let mut exact = matches!(self.output.sums.rounding, Rounding::Exact);
        let mut stages = self.list();
        while let [stage, rest @ ..] = stages {
            exact &= matches!(stage.sums.rounding, Rounding::Exact);
            stages = rest;
        }
        exact
    }

    /// The stages, in a constant as well.
    const fn list(&self) -> &[Stage] {
        match &self.stages {
            Cow::Borrowed(stages) => stages,
            Cow::Owned(stages) => stages.as_slice(),
        }
    }

    /// Logarithm to base 2 of a bound on the probability that anything in one inference is wrong:
    /// the sum over all tables and scores, under independent Gaussian noise. [`Plan::find`] computed
    /// it; in an untrusted plan it is only a claim.
    pub fn log2_failure(&self) -> f64 {
        let stages = self.stages.iter().map(|stage| stage.log2_failure);
        log2_sum(stages.chain([self.output.log2_failure]))
    }

    /// The sums of every stage, and the scores last.
    pub fn sums(&self) -> impl Iterator<Item = &Sums> {
        let stages = self.stages.iter().map(|stage| &stage.sums);
        stages.chain([&self.output.sums])
    }

    /// For every stage and the scores, the dimension of the key that their sums are under: all
    /// values that a layer adds up are under one key.
    pub fn dimensions(&self) -> impl Iterator<Item = u32> + '_ {
        self.sums()
            .map(|sums| self.dimension_of(sums.sources.first().copied().unwrap_or(0)))
    }

    /// Dimension of the key that the values of a tensor are under: 0 is the input, and `i + 1` holds
    /// the results of stage i.
    pub fn dimension_of(&self, source: u32) -> u32 {
        let stage = source.checked_sub(1);
        let stage = stage.and_then(|stage| self.stages.get(stage as usize));
        stage.map_or(self.input.dimension, |stage| {
            stage.bootstrap.shape.lwe_dimension()
        })
    }

    /// Dimension of the first small key if inputs are encrypted under it. Then the first stage has
    /// no keyswitch, and no rounds, because their results would not be under that key.
    pub fn small_key_of_inputs(&self) -> Option<u32> {
        let first = self.stages.first()?;
        let stays = first.rounds.is_empty() && first.bootstrap.keyswitch.is_none();
        stays.then_some(first.bootstrap.small_dimension)
    }

    /// Dimension of the key that the sums of the scores are under, before any keyswitch.
    pub fn last_dimension(&self) -> u32 {
        self.dimensions().last().unwrap_or(self.input.dimension)
    }

    /// For every stage and the scores, the number of steps that the torus holds.
    pub fn moduli(&self) -> impl Iterator<Item = u64> + '_ {
        self.sums().map(|sums| sums.modulus)
    }

    /// Number of units of the inputs that the torus holds.
    pub fn input_modulus(&self) -> u64 {
        let reads = self.sums().find(|sums| sums.sources.contains(&0));
        reads.map_or(1, |sums| sums.modulus)
    }

    /// Every bootstrap in the order of execution, with the dimension of the key before it.
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
