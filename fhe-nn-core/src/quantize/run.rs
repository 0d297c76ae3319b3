//! The quantization of a declaration, layer by layer.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::encoder::Encoder;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::Part;
use fhe_nn_proof::spec;
use ndarray::{Array1, Array2};

use super::encoder::lost;
use super::float::Float;
use super::scales::Scales;
use super::tensor::{Signal, Tensor};
use super::{Calibration, Report};
use crate::Error;

/// The quantization of a declaration, with the layers done so far.
pub(crate) struct Run<'a> {
    pub(crate) float: Float<'a>,
    /// The facts of every tensor.
    pub(crate) facts: Vec<spec::Tensor>,
    pub(crate) scales: Scales,
    pub(crate) calibration: &'a Calibration,
    /// The tensors so far, except those that no layer reads any more.
    pub(crate) tensors: Vec<Option<Tensor>>,
    pub(crate) report: Report,
    /// What was taken off the normalized values of the input; empty if nothing was.
    shifts: Vec<f64>,
}

impl<'a> Run<'a> {
    /// Begins before the first layer.
    pub(super) fn new(
        float: Float<'a>,
        facts: Vec<spec::Tensor>,
        scales: Scales,
        calibration: &'a Calibration,
        (input, shifts): (Signal, Vec<f64>),
    ) -> Self {
        let report = Report {
            network: float.spec.name.to_string(),
            calibration: *calibration,
            samples: input.real.nrows(),
            input: input.fidelity(),
            layers: Vec::new(),
            notes: Vec::new(),
        };
        Run {
            float,
            facts,
            scales,
            calibration,
            tensors: vec![Some(Tensor::Values(input))],
            report,
            shifts,
        }
    }

    /// Adds the results of the next layer, and drops the tensors that no later layer reads.
    pub(super) fn push(&mut self, tensor: Tensor) {
        let index = self.tensors.len() - 1;
        self.tensors.push(Some(tensor));
        for tensor in 0..=index {
            let mut readers = self.float.spec.readers(tensor);
            if readers.all(|reader| reader <= index) {
                self.tensors[tensor] = None;
            }
        }
    }

    /// The float weights and biases of a layer for the values that it reads: what was taken off inputs is in the biases.
    pub(crate) fn linear(
        &self,
        index: usize,
        linear: &spec::LinearSpec,
    ) -> Result<(Array2<f64>, Array1<f64>), Error> {
        let spec = self.float.spec;
        let (weights, mut bias) = self.float.linear(&spec.layers[index].name, linear)?;
        if spec.sources(index)[0] == 0 && !self.shifts.is_empty() {
            for (bias, weights) in bias.iter_mut().zip(weights.rows()) {
                *bias += lost(weights, &self.shifts);
            }
        }
        Ok((weights, bias))
    }

    /// The values that layer `index` reads first.
    pub(crate) fn operand(&self, index: usize) -> Result<&Signal, ModelError> {
        self.values(self.float.spec.sources(index)[0])
    }

    fn values(&self, tensor: usize) -> Result<&Signal, ModelError> {
        match self.tensors.get(tensor).and_then(Option::as_ref) {
            Some(Tensor::Values(signal)) => Ok(signal),
            Some(Tensor::Accumulators(_)) | None => Err(ModelError::PartMissing),
        }
    }

    /// A layer that combines the integers that it reads into these. Their meaning follows from that of
    /// its operands.
    pub(crate) fn combined(
        &self,
        index: usize,
        integers: impl Fn(&[&Array2<i64>]) -> Array2<i64>,
    ) -> Result<(Part, Tensor), Error> {
        let spec = self.float.spec;
        let sources = spec.sources(index).into_iter();
        let operands: Vec<&Signal> = sources
            .map(|source| self.values(source))
            .collect::<Result<_, _>>()?;
        let reals: Vec<&Array2<f64>> = operands.iter().map(|signal| &signal.real).collect();
        let all: Vec<&Array2<i64>> = operands.iter().map(|signal| &signal.integers).collect();
        let sources: Vec<Encoder> = operands
            .iter()
            .map(|signal| signal.meaning.clone())
            .collect();
        // only layers with weights read values of several scales
        let meanings: Vec<Affine> = sources.iter().map(|source| source.affines[0]).collect();
        let meaning = spec.layers[index].op.meaning(&meanings);
        let signal = Signal {
            real: self.float.layer(index, &reals)?,
            integers: integers(&all),
            meaning: meaning.ok_or(ModelError::PartMissing)?.into(),
            levels: self.facts[index + 1].range,
        };
        Ok((Part::Sources(sources.into()), Tensor::Values(signal)))
    }
}

/// Refuses values whose scale or errors, which are squared, could not be computed.
pub(crate) fn check_finite(layer: &str, values: &Array2<f64>) -> Result<(), Error> {
    let squares: f64 = values.iter().map(|x| x * x).sum();
    if squares.is_finite() {
        Ok(())
    } else {
        Err(Error::RealNotFinite {
            layer: layer.to_owned(),
        })
    }
}

/// The error for a law of the language whose violation only the quantizer can see.
pub(crate) fn undeclarable(layer: &str, law: &'static str) -> Error {
    let layer = layer.to_owned();
    ModelError::Undeclarable { layer, law }.into()
}
