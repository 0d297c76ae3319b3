//! The bit-widths that an import proposes.

use fhe_nn_proof::widths::MAX_TABLE_BITS;

use crate::import::error::ImportError;

/// The bit-widths that an import proposes where the model has none of its own: 4 bits for inputs, weights and
/// activations, and 5 for what tables read, unless others are set.
///
/// Accumulators are declared `calibrated`, which makes them as wide as samples need, and tables read their top
/// bits.
///
/// ```
/// use fhe_nn_core::import::Widths;
///
/// let widths = Widths::new().with_input(1).with_weights(3);
/// assert_eq!(widths.activations(), 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    input: u32,
    weights: u32,
    activations: u32,
    table: u32,
    requantize: bool,
}

impl Default for Widths {
    fn default() -> Self {
        Widths {
            input: 4,
            weights: 4,
            activations: 4,
            table: 5,
            requantize: false,
        }
    }
}

impl Widths {
    /// The default widths.
    pub fn new() -> Self {
        Widths::default()
    }

    /// Sets the bits of inputs, 1 to 16.
    #[must_use]
    pub fn with_input(self, bits: u32) -> Self {
        Widths {
            input: bits,
            ..self
        }
    }

    /// Sets the bits of weights, 2 to 16.
    #[must_use]
    pub fn with_weights(self, bits: u32) -> Self {
        Widths {
            weights: bits,
            ..self
        }
    }

    /// Sets the bits of the results of activations, 1 to 7.
    #[must_use]
    pub fn with_activations(self, bits: u32) -> Self {
        Widths {
            activations: bits,
            ..self
        }
    }

    /// Sets the bits that tables read, 2 to 8.
    #[must_use]
    pub fn with_table(self, bits: u32) -> Self {
        Widths {
            table: bits,
            ..self
        }
    }

    /// Sets whether these widths are also proposed where the model has its own. Its scales are then found anew
    /// from samples, for the widths of the declaration; what its quantizers cut and round stays a part of the
    /// float network. This is the way of a model of 8 bits into an encrypted run: the accumulators of 8-bit
    /// weights and values are wider than most parameters allow.
    #[must_use]
    pub fn with_requantize(self, requantize: bool) -> Self {
        Widths { requantize, ..self }
    }

    /// Whether the widths go before those of the model.
    pub fn requantize(&self) -> bool {
        self.requantize
    }

    /// The bits of inputs.
    pub fn input(&self) -> u32 {
        self.input
    }

    /// The bits of weights.
    pub fn weights(&self) -> u32 {
        self.weights
    }

    /// The bits of the results of activations.
    pub fn activations(&self) -> u32 {
        self.activations
    }

    /// The bits that tables read.
    pub fn table(&self) -> u32 {
        self.table
    }

    /// # Errors
    /// [`ImportError::Width`] for a width that the language does not have.
    pub(super) fn check(&self) -> Result<(), ImportError> {
        let all = [
            ("inputs", self.input, 1, 16),
            ("weights", self.weights, 2, 16),
            ("activations", self.activations, 1, MAX_TABLE_BITS - 1),
            ("tables", self.table, 2, MAX_TABLE_BITS),
        ];
        let wrong = all
            .into_iter()
            .find(|(_, bits, least, most)| !(least..=most).contains(&bits));
        wrong.map_or(Ok(()), |(what, bits, least, most)| {
            Err(ImportError::Width {
                what,
                bits,
                least,
                most,
            })
        })
    }
}
