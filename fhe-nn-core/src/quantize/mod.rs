//! From a float network and samples of its inputs to integers.
//!
//! Layer by layer, two networks run over the samples side by side: the float one, whose values
//! the scales are found from, and the integer one made so far, which says what accumulators were
//! seen. `graph` and `clear` have the meaning of the integers.

mod activation;
mod calibration;
mod linear;
mod neuron;
mod report;

pub use calibration::Calibration;
pub(crate) use linear::{proved_ranges, shifted_by};
pub use report::{Fidelity, LayerReport, Report};

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{Function, Layer, Op, Overflow, Spec};
use fhe_nn_proof::widths::Range;
use ndarray::{Array2, Axis};

use self::linear::Place;
use crate::layer::Part;
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

/// Accumulators of a linear layer over the samples, `[samples, neurons]`.
struct Preactivation {
    /// In the float network, with the bias.
    real: Array2<f64>,
    /// In the integer network, with the phase.
    accumulators: Array2<i64>,
}

/// The integers of every layer of `spec`.
///
/// # Errors
/// Those of the samples, of the floats, and [`Error::AccumulatorBreaks`].
pub(crate) fn quantize(
    spec: &Spec,
    floats: &Floats,
    samples: &Array2<f32>,
    calibration: &Calibration,
) -> Result<(Vec<Part>, Report), Error> {
    calibration.check()?;
    let mut signal = Signal::input(spec, samples, calibration)?;
    let mut report = Report {
        network: spec.name.to_string(),
        calibration: *calibration,
        samples: samples.nrows(),
        input: signal.fidelity(),
        layers: Vec::new(),
    };
    let mut parts = Vec::with_capacity(spec.layers.len());
    let mut layers = spec.layers.iter().enumerate();
    while let Some((index, layer)) = layers.next() {
        let Op::Dense(dense) = &layer.op else {
            return Err(undeclarable(
                &layer.name,
                "an activation reads a linear layer",
            ));
        };
        let place = Place {
            name: &layer.name,
            dense,
            reader: spec.reader(index),
            corrects_bias: is_smooth(&spec.layers[..(index + 2).min(spec.layers.len())]),
        };
        if dense.inputs != signal.integers.ncols() {
            return Err(undeclarable(
                &layer.name,
                "shapes agree from layer to layer",
            ));
        }
        let antiperiodic = place
            .reader
            .is_some_and(|act| act.function.is_antiperiodic());
        if dense.overflow == Overflow::Wrap && !antiperiodic {
            return Err(undeclarable(
                &layer.name,
                "`wrap` needs an antiperiodic activation",
            ));
        }
        let wave = place
            .reader
            .is_some_and(|act| act.function == Function::Wave);
        if wave && dense.overflow != Overflow::Wrap {
            return Err(undeclarable(&layer.name, "`Wave` needs `wrap`"));
        }
        let (linear, before, mut layer_report) =
            linear::quantize(&place, &signal, floats, calibration)?;
        match layers.next().map(|(_, next)| (&next.name, &next.op)) {
            Some((name, Op::Activation(act))) => {
                let (part, after) = activation::quantize(name, act, &linear, before, calibration)?;
                layer_report.results = after.fidelity();
                parts.extend([Part::Linear(linear), part]);
                signal = after;
            }
            Some((name, Op::Dense(_))) => {
                return Err(undeclarable(
                    name,
                    "two linear layers have an activation between",
                ));
            }
            None => {
                let mut scores = before.accumulators.mapv(|acc| acc as f64);
                for (j, mut column) in scores.axis_iter_mut(Axis(1)).enumerate() {
                    let line = linear.line(j);
                    column.mapv_inplace(|acc| line.slope * acc + line.offset);
                }
                layer_report.results = Fidelity::of(&before.real, &scores);
                parts.push(Part::Linear(linear));
            }
        }
        report.layers.push(layer_report);
    }
    Ok((parts, report))
}

impl Signal {
    /// The input of a network.
    fn input(spec: &Spec, samples: &Array2<f32>, calibration: &Calibration) -> Result<Self, Error> {
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
        if let Some(((sample, index), &value)) =
            samples.indexed_iter().find(|(_, x)| !x.is_finite())
        {
            return Err(Error::SampleNotFinite {
                sample,
                index,
                value,
            });
        }
        let (real, levels) = (samples.mapv(f64::from), Range::unsigned(spec.input.bits));
        let method = match spec.input.bits {
            1 => &Calibration::MinMax,
            _ => calibration,
        };
        let meaning = method.tensor(real.iter(), levels);
        Ok(Signal {
            integers: real.mapv(|x| meaning.quantize(x, levels)),
            real,
            meaning,
            levels,
        })
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
        Op::Dense(_) => true,
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
