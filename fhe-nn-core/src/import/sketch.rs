//! A model of what an import proposes, before there are rows.

use fhe_nn_proof::spec::Tensor;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Imported;
use crate::{Calibration, Error, Model};

/// Number of random rows.
const ROWS: usize = 24;
/// The greatest number of weights and of values of all tensors together: more would make an import wait.
const MOST: usize = 1 << 20;

impl Imported {
    /// Quantizes the network on random rows, for a plan that says about what its widths cost before there are rows of
    /// inputs. Values lie between 0 and 1, or on the model's own grid if its input has one; tokens are any. Rows of
    /// inputs, as [`Imported::quantize`] takes them, give other ranges, and so other times. `None` for networks of
    /// more than 2^20 weights and values.
    ///
    /// # Errors
    /// Those of [`Imported::quantize`].
    pub fn sketch(&self) -> Result<Option<Model>, Error> {
        let weights = self.floats.iter().map(|(_, tensor)| tensor.len());
        let facts = self.spec.flow().unwrap_or_default();
        let values = facts.iter().map(Tensor::len);
        if weights.chain(values).fold(0, usize::saturating_add) > MOST {
            return Ok(None);
        }
        let first = |name: &str| {
            let tensor = self.floats.get(name)?;
            tensor.first().map(|&value| f64::from(value))
        };
        let levels = f64::from(self.spec.input.bits).exp2() - 1.0;
        let (least, extent) = match (self.spec.input.tokens, first("input.scale")) {
            (Some(_), _) => (0.0, 0.0),
            (None, Some(scale)) => {
                let zero_point = first("input.zero_point").unwrap_or(0.0);
                (-zero_point * scale, levels * scale)
            }
            (None, None) => (0.0, 1.0),
        };
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let rows = Array2::from_shape_simple_fn((ROWS, self.spec.input_len()), || {
            let drawn = random.next_u64();
            match self.spec.input.tokens {
                // the bias of the remainder is below 2^-32
                Some(tokens) => (drawn % tokens.vocabulary as u64) as f32,
                None => (least + extent * (drawn >> 11) as f64 / (1u64 << 53) as f64) as f32,
            }
        });
        let quantized = self.quantize(rows.view(), &Calibration::default())?;
        Ok(Some(quantized.network))
    }
}
