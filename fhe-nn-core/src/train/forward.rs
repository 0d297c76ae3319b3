//! A pass of inputs through a module, as its layers share it.
//!
//! With integers, every tensor has exactly the integers of the quantized network: 32-bit floats hold them
//! up to `2^24`, and accumulators, which may be greater, are kept as whole numbers for the tables that read
//! them. The reals that they stand for are kept beside them, as tensors that gradients flow through: a
//! weight is `scale x integer`, and a value is `scale x (integer - zero point)`.

use candle_core::{Result as Computed, Tensor};
use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::widths::Range;

use super::error::Failure;
use super::signal::{Signal, UNIT, Values};
use super::trainable::{Precision, Trainable};

/// The purpose of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// To observe accumulators, whose widths follow from this pass itself.
    Calibrate,
    /// To learn. Accumulators that leave a calibrated width saturate, and count as a loss.
    Train,
    /// To compute as the integer network does.
    Exact,
}

/// A pass.
pub(crate) struct Forward<'a> {
    pub(crate) module: &'a Trainable,
    pub(crate) mode: Mode,
    /// The seed of the noise.
    pub(crate) seed: u64,
    /// For every layer with weights, the range of its accumulators, without constants.
    pub(crate) seen: Vec<Option<Vec<Range>>>,
    /// The loss from accumulators that nearly leave a calibrated width.
    pub(crate) overflow: Option<Tensor>,
}

impl<'a> Forward<'a> {
    pub(crate) fn new(module: &'a Trainable, mode: Mode, seed: u64) -> Self {
        Forward {
            module,
            mode,
            seed,
            seen: module.spec.layers.iter().map(|_| None).collect(),
            overflow: None,
        }
    }

    pub(crate) fn is_float(&self) -> bool {
        self.module.precision == Precision::Float
    }

    /// The values that layer `index` reads first.
    pub(crate) fn operand<'t>(
        &self,
        index: usize,
        tensors: &'t [Signal],
    ) -> Result<&'t Values, ModelError> {
        values(&tensors[self.module.spec.sources(index)[0]])
    }

    /// All values that layer `index` reads.
    pub(crate) fn operands<'t>(
        &self,
        index: usize,
        tensors: &'t [Signal],
    ) -> Result<Vec<&'t Values>, ModelError> {
        let sources = self.module.spec.sources(index).into_iter();
        sources.map(|source| values(&tensors[source])).collect()
    }

    /// Makes the results of layer `index`, whose meaning follows from that of its operands.
    pub(crate) fn combined(
        &self,
        index: usize,
        operands: &[&Values],
        integers: Tensor,
        scale: Tensor,
    ) -> Result<Signal, Failure> {
        let meanings: Vec<Affine> = operands.iter().map(|operand| operand.meaning).collect();
        let meaning = if self.is_float() {
            UNIT
        } else {
            let meaning = self.module.spec.layers[index].op.meaning(&meanings);
            meaning.ok_or(ModelError::PartMissing)?
        };
        Ok(Signal::Values(Values {
            integers,
            scale,
            meaning,
        }))
    }

    pub(crate) fn constant(&self, value: f64) -> Computed<Tensor> {
        Tensor::from_vec(vec![value as f32], 1, &self.module.device)
    }
}

fn values(signal: &Signal) -> Result<&Values, ModelError> {
    match signal {
        Signal::Values(values) => Ok(values),
        Signal::Sums(_) => Err(ModelError::PartMissing),
    }
}
