//! A stage of a plan, and the bootstraps that it runs.

use serde::{Deserialize, Serialize};

use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, Shape, bootstrap_variance,
    keyswitch_variance, modulus_switch_variance,
};
use crate::spec::Rounding;
use crate::widths::Reader;

/// A linear layer with the lookup that reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Name of the linear layer's field.
    pub linear: String,
    /// Name of the activation's field.
    pub lookup: String,
    /// Whose values are summed up, in ascending order: 0 is the input, `i + 1` are the results of stage i.
    pub sources: Vec<u32>,
    /// Values that a sum adds up, on average.
    pub terms: u32,
    /// How the tables read their accumulators.
    pub reader: Reader,
    /// Width of the widest accumulator, in bits.
    pub width: u32,
    /// All ciphertexts have the step of an accumulator of so many bits: the widest, or a wider one if
    /// other layers read the same values.
    pub scale: u32,
    /// Bits that a table reads at most.
    pub table: u32,
    /// How lower bits are dropped.
    pub rounding: Rounding,
    /// The torus holds so many of these steps.
    pub modulus: u64,
    /// Number of accumulators.
    pub neurons: u32,
    /// Values from each accumulator.
    pub phases: u32,
    /// What removes low bits, the lowest first; none if tables read whole accumulators, or noisy ones.
    pub rounds: Vec<Round>,
    /// What looks up.
    pub bootstrap: Bootstrap,
    /// Predicted variance of a result.
    pub output_variance: f64,
    /// Predicted variance of the noise that the most endangered table sees.
    pub table_variance: f64,
    /// Logarithm to base 2 of the probability that any of the stage's tables reads wrong: with
    /// approximate rounding, that noise leaves the guard of any.
    pub log2_failure: f64,
    /// With approximate rounding, how likely a value is to move by a step: of the likeliest neuron, on
    /// average over the places in a step where its accumulator can lie.
    pub step_probability: Option<f64>,
}

/// The way to a small key, and the rotation there.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// From the key before to the small key; none if inputs come under the small key.
    pub keyswitch: Option<Decomposition>,
    /// Dimension of the small key, n.
    pub small_dimension: u32,
    /// Shape of the bootstrapping key's ciphertexts, k and N.
    pub shape: Shape,
    /// Polynomials that a table is spread over.
    pub extension: u32,
    /// Digits of the bootstrap.
    pub digits: Decomposition,
}

/// What removes a digit of low bits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Bits of the torus above the digit.
    pub above: u32,
    /// Accumulators that have bits there.
    pub neurons: u32,
    /// Bootstraps of all of them.
    pub bootstraps: u32,
    /// Parameters of each.
    pub bootstrap: Bootstrap,
}

impl Stage {
    /// Number of bootstraps.
    pub fn bootstraps(&self) -> u32 {
        let rounds = self.rounds.iter().map(|round| round.bootstraps);
        rounds.fold(self.neurons, u32::saturating_add)
    }
}

impl Bootstrap {
    /// Coefficients of a table, all polynomials together: phases are read modulo twice as much.
    pub fn table_size(&self) -> u32 {
        self.shape.polynomial_size.saturating_mul(self.extension)
    }

    /// Variance that keyswitch and modulus switch add to a ciphertext of `from` dimensions.
    pub fn way_variance(&self, from: u32) -> f64 {
        let n = self.small_dimension;
        let (switched, bits) = match self.keyswitch {
            None => (0.0, MODULUS_BITS),
            Some(digits) => (keyswitch_variance(from, n, digits), KEYSWITCH_MODULUS_BITS),
        };
        switched + modulus_switch_variance(n, bits, self.table_size().ilog2() + 1)
    }

    /// Variance of a result.
    pub fn result_variance(&self) -> f64 {
        bootstrap_variance(self.small_dimension, self.shape, self.digits)
    }

    /// Whether another bootstrap has the same bootstrapping key.
    pub fn shares_key(&self, other: &Bootstrap) -> bool {
        let key =
            |bootstrap: &Bootstrap| (bootstrap.small_dimension, bootstrap.shape, bootstrap.digits);
        key(self) == key(other)
    }
}
