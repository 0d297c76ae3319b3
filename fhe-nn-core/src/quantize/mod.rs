//! From a float network and samples of its inputs to integers.
//!
//! Layer by layer, two networks run over the samples side by side: the float one, whose values
//! the scales are found from, and the integer one made so far, which says what accumulators were
//! seen. `graph` and `clear` have the meaning of the integers.

mod activation;
mod calibration;
mod float;
mod linear;
mod neuron;
mod report;
mod scales;

pub use calibration::Calibration;
pub(crate) use linear::{proved_ranges, shifted_by};
pub use report::{Fidelity, LayerReport, Report};

use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::spec::{
    ActivationSpec, EmbeddingSpec, Encoding, Function, Layer, Op, Overflow, Pool, Spec, Window,
};
use fhe_nn_proof::widths::Range;
use ndarray::{Array1, Array2, Axis};

use self::float::Float;
pub(crate) use self::float::Own;
use self::linear::Place;
use self::scales::Scales;
use crate::clear::linear_sums;
use crate::graph::{Read, Rows, sum_width};
use crate::layer::{Part, Vectors, result_of};
use crate::{Error, Floats};

/// A quantized network, and what quantization did to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantized<N> {
    /// The network, ready to run.
    pub network: N,
    /// Ranges, widths and errors, layer by layer.
    pub report: Report,
}

/// Values of a tensor over the samples, `[samples, values]`.
struct Signal {
    /// In the float network.
    real: Array2<f64>,
    /// In the integer network.
    integers: Array2<i64>,
    /// What the integers mean.
    meaning: Affine,
    /// What the integers can be.
    levels: Range,
}

/// Sums over the samples, `[samples, neurons]`, that a table reads.
struct Preactivation {
    /// In the float network, with the bias.
    real: Array2<f64>,
    /// In the integer network, with the phase.
    accumulators: Array2<i64>,
    /// What those of each channel mean, without the phase.
    lines: Vec<Line>,
    /// Width of those of each channel.
    widths: Vec<u32>,
}

/// A tensor over the samples.
enum Tensor {
    /// Read by tables only.
    Accumulators(Preactivation),
    /// Read by all else, sums of values by tables, too.
    Values(Signal),
}

/// The integers of every layer of `spec`.
///
/// # Errors
/// Those of the samples, of the floats, and [`Error::AccumulatorBreaks`].
pub(crate) fn quantize(
    spec: &Spec,
    floats: &Floats,
    functions: &[Own<'_>],
    samples: &Array2<f32>,
    calibration: &Calibration,
) -> Result<(Vec<Part>, Report), Error> {
    calibration.check()?;
    let facts = flow(spec)?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let samples = reals(spec, samples)?;
    let scales = Scales::find(&float, &facts, &samples, calibration)?;
    let input = Signal::input(spec, samples, &scales, calibration)?;
    let report = Report {
        network: spec.name.to_string(),
        calibration: *calibration,
        samples: input.real.nrows(),
        input: input.fidelity(),
        layers: Vec::new(),
    };
    let mut run = Run {
        float,
        facts,
        scales,
        calibration,
        tensors: vec![Some(Tensor::Values(input))],
        report,
    };
    let mut parts = Vec::with_capacity(spec.layers.len());
    for index in 0..spec.layers.len() {
        let (part, tensor) = run.layer(index)?;
        parts.push(part);
        run.tensors.push(Some(tensor));
        run.forget(index);
    }
    Ok((parts, run.report))
}

/// The scores of the float network that a declaration describes, without any quantization.
///
/// # Shapes
/// `inputs`: `[inputs, values of one input]`, `[inputs, scores]`.
///
/// # Errors
/// Those of the inputs and of the floats, see [`crate::Network::quantize_with`].
pub(crate) fn float_scores(
    spec: &Spec,
    functions: &[Own<'_>],
    floats: &Floats,
    inputs: &Array2<f32>,
) -> Result<Array2<f64>, Error> {
    flow(spec)?;
    let float = Float {
        spec,
        floats,
        functions,
    };
    let mut tensors = float.run(reals(spec, inputs)?)?;
    tensors.pop().ok_or(Error::PartMissing)
}

/// The facts of all tensors.
fn flow(spec: &Spec) -> Result<Vec<fhe_nn_proof::spec::Tensor>, Error> {
    spec.flow().map_err(|(index, source)| Error::Flow {
        layer: spec.layers[index].name.to_string(),
        source,
    })
}

/// A declaration on its way through its layers.
struct Run<'a> {
    float: Float<'a>,
    facts: Vec<fhe_nn_proof::spec::Tensor>,
    scales: Scales,
    calibration: &'a Calibration,
    /// Those that are still to be read.
    tensors: Vec<Option<Tensor>>,
    report: Report,
}

impl Run<'_> {
    fn layer(&mut self, index: usize) -> Result<(Part, Tensor), Error> {
        let layer = &self.float.spec.layers[index];
        match &layer.op {
            Op::Dense(_) | Op::Conv(_) => self.linear(index),
            Op::Embedding(embedding) => self.embedding(index, embedding),
            Op::Activation(act) => self.activation(index, act),
            op => self.sums(index, op),
        }
    }

    fn values(&self, tensor: usize) -> Result<&Signal, Error> {
        match self.tensors.get(tensor).and_then(Option::as_ref) {
            Some(Tensor::Values(signal)) => Ok(signal),
            Some(Tensor::Accumulators(_)) | None => Err(Error::PartMissing),
        }
    }

    fn linear(&mut self, index: usize) -> Result<(Part, Tensor), Error> {
        let spec = self.float.spec;
        let layer = &spec.layers[index];
        let linear = layer.op.linear().ok_or(Error::PartMissing)?;
        let reader = spec.reader(index);
        let place = Place {
            name: &layer.name,
            linear: &linear,
            reader,
            corrects_bias: is_smooth(&spec.layers[..index])
                && !reader.is_some_and(|act| act.function.is_antiperiodic()),
        };
        let antiperiodic = reader.is_some_and(|act| act.function.is_antiperiodic());
        if linear.overflow == Overflow::Wrap && !antiperiodic {
            return Err(undeclarable(
                &layer.name,
                "`wrap` needs an antiperiodic activation",
            ));
        }
        let wave = reader.is_some_and(|act| act.function == Function::Wave);
        if wave && linear.overflow != Overflow::Wrap {
            return Err(undeclarable(&layer.name, "`Wave` needs `wrap`"));
        }
        let input = self.values(spec.sources(index)[0])?;
        let floats = self.float.linear(&layer.name, &linear)?;
        let real = float::linear_sums(&linear, &floats.0, &floats.1, &input.real);
        check_finite(&layer.name, &real)?;
        let (integers, before, mut report) =
            linear::quantize(&place, input, floats, real, self.calibration)?;
        if reader.is_none() {
            let scores = stand_ins(&before, linear.positions);
            report.results = Fidelity::of(&before.real, &scores);
        }
        self.report.layers.push(report);
        Ok((Part::Linear(integers), Tensor::Accumulators(before)))
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
            Part::Embedding(Vectors { weights, scale }),
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
            None => return Err(Error::PartMissing),
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
                Pool::Average => Rows::windows(&pool.window).apply(&integers, |weight| weight),
                Pool::Max => float::greatest(&pool.window, integers[0]),
            },
            op => float::combined(op, &integers),
        };
        let meanings: Vec<Affine> = operands.iter().map(|signal| signal.meaning).collect();
        let meaning = result_of(op, &meanings).ok_or(Error::PartMissing)?;
        let signal = Signal {
            real,
            integers,
            meaning,
            levels: self.facts[index + 1].range,
        };
        Ok((Part::Sources(meanings), Tensor::Values(signal)))
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

/// The samples in reals, `[samples, values]`; tokens as one 1 among as many 0.
///
/// # Errors
/// [`Error::NoSamples`], [`Error::InputLength`], [`Error::SampleNotFinite`] and [`Error::NoToken`].
fn reals(spec: &Spec, samples: &Array2<f32>) -> Result<Array2<f64>, Error> {
    if samples.nrows() == 0 {
        return Err(Error::NoSamples {
            network: spec.name.to_string(),
        });
    }
    if samples.ncols() != spec.input_len() {
        return Err(Error::InputLength {
            network: spec.name.to_string(),
            expected: spec.input_len(),
            actual: samples.ncols(),
        });
    }
    let mut values = samples.indexed_iter();
    if let Some(((sample, index), &value)) = values.find(|(_, x)| !x.is_finite()) {
        return Err(Error::SampleNotFinite {
            sample,
            index,
            value,
        });
    }
    let Some(encoder) = spec.input.tokens else {
        return Ok(samples.mapv(f64::from));
    };
    let mut all = Array2::zeros((samples.nrows(), spec.input.tensor().len()));
    for (tokens, mut row) in samples.rows().into_iter().zip(all.rows_mut()) {
        let tokens: Vec<f32> = tokens.to_vec();
        let integers = encoder.encode(&tokens)?;
        row.assign(&Array1::from_iter(integers.into_iter().map(|q| q as f64)));
    }
    Ok(all)
}

/// What sums stand for in reals.
fn stand_ins(before: &Preactivation, positions: usize) -> Array2<f64> {
    let mut scores = before.accumulators.mapv(|acc| acc as f64);
    let channels = scores.axis_chunks_iter_mut(Axis(1), positions);
    for (mut of_channel, line) in channels.zip(&before.lines) {
        of_channel.mapv_inplace(|acc| line.slope * acc + line.offset);
    }
    scores
}

impl Signal {
    /// The input of a network.
    ///
    /// # Errors
    /// [`Error::Undeclarable`] for negative values where there must be none.
    fn input(
        spec: &Spec,
        real: Array2<f64>,
        scales: &Scales,
        calibration: &Calibration,
    ) -> Result<Self, Error> {
        let levels = Range::unsigned(spec.input.bits);
        let method = match spec.input.bits {
            1 => &Calibration::MinMax,
            _ => calibration,
        };
        let meaning = match spec.input.tokens {
            Some(_) => Affine {
                scale: 1.0,
                zero_point: 0,
            },
            None => scales.of(0, &real, levels, method),
        };
        if scales.is_centred(0) && real.iter().any(|&x| x < 0.0) {
            return Err(undeclarable(
                "input",
                "what is multiplied, concatenated or padded has no negative inputs",
            ));
        }
        Ok(Signal {
            integers: real.mapv(|x| meaning.quantize(x, levels)),
            real,
            meaning,
            levels,
        })
    }

    /// The same, to be read by tables.
    fn as_sums(&self, channels: usize, phases: u32) -> Preactivation {
        let Affine { scale, zero_point } = self.meaning;
        let line = Line {
            slope: scale,
            offset: -scale * zero_point as f64,
        };
        Preactivation {
            real: self.real.clone(),
            accumulators: self.integers.clone(),
            lines: vec![line; channels],
            widths: vec![sum_width(self.levels, phases); channels],
        }
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::of(&self.real, &self.integers.mapv(|q| self.meaning.real(q)))
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

/// Refuses values whose scale or errors, which are squared, could not be computed.
fn check_finite(layer: &str, values: &Array2<f64>) -> Result<(), Error> {
    let squares: f64 = values.iter().map(|x| x * x).sum();
    if squares.is_finite() {
        Ok(())
    } else {
        Err(Error::RealNotFinite {
            layer: layer.to_owned(),
        })
    }
}

fn undeclarable(layer: &str, law: &'static str) -> Error {
    Error::Undeclarable {
        layer: layer.to_owned(),
        law,
    }
}
