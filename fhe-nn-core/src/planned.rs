//! A plan as constants.

use fhe_nn_proof::noise::Decomposition;
use fhe_nn_proof::plan::{Bootstrap, Fingerprint, InputPlan, Options, Plan, Prefer, Round};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;

/// What the compiler knows of an encrypted run: a [`Plan`] as constants, all of it public.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Planned {
    /// Bootstraps of one inference.
    pub bootstraps: u32,
    /// Logarithm of a bound on the probability that anything in an inference is wrong.
    pub log2_failure: f64,
    /// Whether no layer rounds approximately.
    pub is_exact: bool,
    /// Bytes of the evaluation key on the wire.
    pub evaluation_key_bytes: u64,
    /// Bytes of the evaluation key in a server's memory.
    pub evaluation_memory_bytes: u64,
    /// Bytes of a request.
    pub request_bytes: u64,
    /// Bytes of a reply.
    pub reply_bytes: u64,
    /// SHA-256 over the declaration and the integers of the model.
    pub fingerprint: Fingerprint,
    /// What was asked for.
    pub options: Options,
    /// The key that inputs are encrypted under.
    pub input: InputPlan,
    /// The parameters of every layer with a table, in the order of execution.
    pub stages: &'static [PlannedStage],
    /// The parameters of the scores.
    pub scores: PlannedScores,
    /// The plan, as it is serialized.
    #[doc(hidden)]
    pub json: &'static str,
}

/// A linear layer with the lookup that reads it, as [`Stage`](crate::plan::Stage).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedStage {
    /// Name of the linear layer's field.
    pub linear: &'static str,
    /// Name of the activation's field.
    pub lookup: &'static str,
    /// Whose values are summed up, in ascending order: 0 is the input, `i + 1` are the results of stage i.
    pub sources: &'static [u32],
    /// Values that a sum adds up, on average.
    pub terms: u32,
    /// How the tables read their accumulators.
    pub reader: Reader,
    /// Width of the widest accumulator, in bits.
    pub width: u32,
    /// Width of the accumulator whose step all ciphertexts have.
    pub scale: u32,
    /// Bits that a table reads at most.
    pub table: u32,
    /// How lower bits are dropped.
    pub rounding: Rounding,
    /// The torus holds so many steps.
    pub modulus: u64,
    /// Number of accumulators.
    pub neurons: u32,
    /// Values from each accumulator.
    pub phases: u32,
    /// What removes low bits, the lowest first.
    pub rounds: &'static [Round],
    /// What looks up: keyswitch, n, k and N, levels and base of the bootstrap.
    pub bootstrap: Bootstrap,
    /// Predicted variance of a result.
    pub output_variance: f64,
    /// Predicted variance of the noise that the most endangered table sees.
    pub table_variance: f64,
    /// Logarithm to base 2 of the probability that any of the tables reads wrong.
    pub log2_failure: f64,
    /// With approximate rounding, how likely a value is to move by a step.
    pub step_probability: Option<f64>,
}

/// The decrypted accumulators, as [`OutputPlan`](crate::plan::OutputPlan).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannedScores {
    /// Name of the linear layer's field.
    pub linear: &'static str,
    /// Whose values are summed up, as in [`PlannedStage::sources`].
    pub sources: &'static [u32],
    /// Values that a sum adds up, on average.
    pub terms: u32,
    /// Number of scores.
    pub scores: u32,
    /// Width of the widest score.
    pub width: u32,
    /// Width of the score whose step all ciphertexts have.
    pub scale: u32,
    /// Bits of a score that are read at most.
    pub table: u32,
    /// How lower bits are dropped.
    pub rounding: Rounding,
    /// The torus holds so many steps.
    pub modulus: u64,
    /// To a key for scores alone; none if they stay under the last large key.
    pub keyswitch: Option<Decomposition>,
    /// Dimension of the key that they are decrypted with.
    pub dimension: u32,
    /// Bits of an element of the reply.
    pub element_bits: u32,
    /// Predicted variance of the noise of the most endangered score.
    pub variance: f64,
    /// Logarithm to base 2 of the probability that any score is decrypted wrong.
    pub log2_failure: f64,
}

impl Planned {
    /// Stands in for the plan of a network that did not compile.
    #[doc(hidden)]
    pub const ABSENT: Planned = Planned {
        bootstraps: 0,
        log2_failure: 0.0,
        is_exact: true,
        evaluation_key_bytes: 0,
        evaluation_memory_bytes: 0,
        request_bytes: 0,
        reply_bytes: 0,
        fingerprint: [0; 32],
        options: Options {
            failure_bits: 0.0,
            prefer: Prefer::Fastest,
        },
        input: InputPlan { dimension: 0 },
        stages: &[],
        scores: PlannedScores {
            linear: "",
            sources: &[],
            terms: 0,
            scores: 0,
            width: 0,
            scale: 0,
            table: 0,
            rounding: Rounding::Exact,
            modulus: 0,
            keyswitch: None,
            dimension: 0,
            element_bits: 0,
            variance: 0.0,
            log2_failure: 0.0,
        },
        json: "",
    };

    /// The plan: what a client makes its keys from.
    pub fn plan(&self) -> Plan {
        serde_json::from_str(self.json).expect("the compiler has written a plan")
    }
}
