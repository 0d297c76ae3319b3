//! The way of a declaration through its layers, one after the other.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::part::result_of;
use fhe_nn_proof::spec::{
    self, ActivationSpec, EmbeddingSpec, Encoding, Function, Layer, Op, Pool, Window,
};
use ndarray::Array2;

use super::float::{self, Float};
use super::linear::{self, Place};
use super::scales::Scales;
use super::tensor::{Signal, Tensor};
use super::{Calibration, Fidelity, Report, activation, check_finite};
use crate::Error;
use crate::clear::linear_sums;
use crate::graph::{Read, Rows};
use crate::layer::{Part, Vectors};
use crate::sums::add_up;

/// A declaration on its way through its layers.
pub(super) struct Run<'a> {
    float: Float<'a>,
    facts: Vec<spec::Tensor>,
    scales: Scales,
    calibration: &'a Calibration,
    /// Those that are still to be read.
    tensors: Vec<Option<Tensor>>,
    report: Report,
}

impl<'a> Run<'a> {
    /// Before the first layer.
    pub(super) fn new(
        float: Float<'a>,
        facts: Vec<spec::Tensor>,
        scales: Scales,
        calibration: &'a Calibration,
        input: Signal,
    ) -> Self {
        let report = Report {
            network: float.spec.name.to_string(),
            calibration: *calibration,
            samples: input.real.nrows(),
            input: input.fidelity(),
            layers: Vec::new(),
        };
        Run {
            float,
            facts,
            scales,
            calibration,
            tensors: vec![Some(Tensor::Values(input))],
            report,
        }
    }

    /// The integers of all layers.
    ///
    /// # Errors
    /// Those of the floats, and [`ModelError::AccumulatorBreaks`].
    pub(super) fn layers(mut self) -> Result<(Vec<Part>, Report), Error> {
        let mut parts = Vec::with_capacity(self.float.spec.layers.len());
        for index in 0..self.float.spec.layers.len() {
            let (part, tensor) = self.layer(index)?;
            parts.push(part);
            self.tensors.push(Some(tensor));
            self.forget(index);
        }
        Ok((parts, self.report))
    }

    fn layer(&mut self, index: usize) -> Result<(Part, Tensor), Error> {
        let layer = &self.float.spec.layers[index];
        match &layer.op {
            Op::Dense(_) | Op::Conv(_) => self.linear(index),
            Op::Embedding(embedding) => self.embedding(index, embedding),
            Op::Activation(act) => self.activation(index, act),
            op => self.sums(index, op),
        }
    }

    fn values(&self, tensor: usize) -> Result<&Signal, ModelError> {
        match self.tensors.get(tensor).and_then(Option::as_ref) {
            Some(Tensor::Values(signal)) => Ok(signal),
            Some(Tensor::Accumulators(_)) | None => Err(ModelError::PartMissing),
        }
    }

    fn linear(&mut self, index: usize) -> Result<(Part, Tensor), Error> {
        let spec = self.float.spec;
        let layer = &spec.layers[index];
        let linear = layer.op.linear().ok_or(ModelError::PartMissing)?;
        let reader = spec.reader(index);
        let kept = self.float.weight_scales(&layer.name, linear.channels)?;
        let place = Place {
            name: &layer.name,
            linear: &linear,
            reader,
            corrects_bias: kept.is_none()
                && is_smooth(&spec.layers[..index])
                && !reader.is_some_and(|act| act.function.is_antiperiodic()),
            kept,
        };
        let input = self.values(spec.sources(index)[0])?;
        let floats = self.float.linear(&layer.name, &linear)?;
        let real = float::linear_sums(&linear, &floats.0, &floats.1, &input.real);
        check_finite(&layer.name, &real)?;
        let (integers, before, mut report) =
            linear::quantize(&place, input, floats, real, self.calibration)?;
        if reader.is_none() {
            let scores = before.stand_ins(linear.positions);
            report.results = Fidelity::of(&before.real, &scores);
        }
        self.report.layers.push(report);
        Ok((Part::Linear(integers.into()), Tensor::Accumulators(before)))
    }

    fn embedding(
        &mut self,
        index: usize,
        embedding: &EmbeddingSpec,
    ) -> Result<(Part, Tensor), Error> {
        let spec = self.float.spec;
        let name = &spec.layers[index].name;
        let input = self.values(spec.sources(index)[0])?;
        let real = self.float.layer(index, &[&input.real])?;
        let shape = [embedding.vocabulary, embedding.dimension];
        let vectors = self.float.tensor(&format!("{name}.weight"), &shape)?;
        let levels = self.facts[index + 1].range;
        // of the vectors themselves: a token that no sample has means something, too
        let meaning = self
            .scales
            .symmetric(index + 1, &vectors, levels, self.calibration);
        let weights = vectors.mapv(|x| meaning.quantize(x, levels) as i16);
        let window = Window::each(
            embedding.vocabulary,
            embedding.dimension,
            embedding.positions,
        );
        let kernel = weights.t().to_owned();
        let integers = match embedding.encoding {
            Encoding::OneHot => linear_sums(&input.integers, &kernel, Some(&window), 0),
            Encoding::Number => float::vectors_of(&weights, &input.real).mapv(i64::from),
        };
        let signal = Signal {
            real,
            integers,
            meaning,
            levels,
        };
        let scale = meaning.scale;
        Ok((
            Part::Embedding(Vectors { weights, scale }.into()),
            Tensor::Values(signal),
        ))
    }

    fn activation(&mut self, index: usize, act: &ActivationSpec) -> Result<(Part, Tensor), Error> {
        let spec = self.float.spec;
        let (name, source) = (&spec.layers[index].name, spec.sources(index)[0]);
        let channels = self.facts[source].shape[0];
        let of_sums;
        let before = match self.tensors.get(source).and_then(Option::as_ref) {
            Some(Tensor::Accumulators(before)) => before,
            Some(Tensor::Values(signal)) => {
                of_sums = signal.as_sums(channels, act.phases);
                &of_sums
            }
            None => return Err(ModelError::PartMissing.into()),
        };
        let read = Read {
            stage: 0,
            reader: act.function.reader(),
            lattices: Vec::new(),
            positions: before.real.ncols() / before.widths.len(),
            widths: before.widths.as_slice().into(),
        };
        let real = match act.function {
            Function::Sign => activation::signs(act.phases, &read, before),
            _ => self.float.layer(index, &[&before.real])?,
        };
        let meaning = match act.function.is_antiperiodic() {
            true => activation::fixed_meaning(act),
            false => {
                let levels = act.function.range(act.output);
                self.scales.of(index + 1, &real, levels, self.calibration)
            }
        };
        let curve = self.float.curve(index, act)?;
        let (part, after) = activation::quantize(name, act, &curve, read, before, (real, meaning))?;
        let linear = source.checked_sub(1).map(|index| &spec.layers[index].name);
        let mut reports = self.report.layers.iter_mut();
        if let Some(report) = reports.find(|report| Some(&*report.layer) == linear.map(|n| &**n)) {
            report.results = after.fidelity();
        }
        Ok((part, Tensor::Values(after)))
    }

    fn sums(&mut self, index: usize, op: &Op) -> Result<(Part, Tensor), Error> {
        let sources = self.float.spec.sources(index).into_iter();
        let operands: Vec<&Signal> = sources
            .map(|source| self.values(source))
            .collect::<Result<_, _>>()?;
        let reals: Vec<&Array2<f64>> = operands.iter().map(|signal| &signal.real).collect();
        let real = self.float.layer(index, &reals)?;
        let integers: Vec<&Array2<i64>> = operands.iter().map(|signal| &signal.integers).collect();
        let integers = match op {
            Op::Pool(pool) => match pool.kind {
                Pool::Average => add_up(&Rows::windows(&pool.window), &integers, |weight| weight),
                Pool::Max => float::greatest(&pool.window, integers[0]),
            },
            op => float::combined(op, &integers),
        };
        let meanings: Vec<Affine> = operands.iter().map(|signal| signal.meaning).collect();
        let meaning = result_of(op, &meanings).ok_or(ModelError::PartMissing)?;
        let signal = Signal {
            real,
            integers,
            meaning,
            levels: self.facts[index + 1].range,
        };
        Ok((Part::Sources(meanings.into()), Tensor::Values(signal)))
    }

    /// Drops the tensors that no layer behind `index` reads.
    fn forget(&mut self, index: usize) {
        for tensor in 0..=index {
            if self
                .float
                .spec
                .readers(tensor)
                .all(|reader| reader <= index)
            {
                self.tensors[tensor] = None;
            }
        }
    }
}

/// Whether the float network is near the integer one. With an antiperiodic activation it is not:
/// the integers of such a network were trained, and their floats only say which they are.
fn is_smooth(layers: &[Layer]) -> bool {
    layers.iter().all(|layer| match &layer.op {
        Op::Activation(act) => !act.function.is_antiperiodic(),
        _ => true,
    })
}
