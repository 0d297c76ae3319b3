//! The report of a quantization: ranges, widths and errors, layer by layer.

use std::fmt;

use fhe_nn_proof::spec::Overflow;
use fhe_nn_proof::widths::Range;
use ndarray::ArrayBase;
use serde::{Deserialize, Serialize};

use super::Calibration;

/// The fraction of a layer's weights that may be cut. The range with the least error cuts some.
pub(super) const MOST_SATURATED: f64 = 0.1;
/// The relative error of weights and results from which more bits are worth a try.
pub(super) const MOST_ERROR: f64 = 0.25;

/// A report of what quantization did to a network. It prints as a table.
///
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let report = Majority::quantize(&floats()?, samples().view())?.report;
/// println!("{report}");
///
/// let sum = &report.layers[0];
/// assert_eq!((sum.layer.as_str(), sum.neurons), ("sum", 1));
/// // three inputs add up to 0 to 3, which a constant moves by -2 into two bits
/// assert_eq!((sum.proved.lo, sum.proved.hi), (-2, 1));
/// assert_eq!((sum.seen.lo, sum.seen.hi), (-1, 0)); // over the samples
/// assert_eq!(sum.weights.relative(), 0.0); //            weights of 1 are integers already
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Name of the network.
    pub network: String,
    /// The calibration that found the ranges.
    pub calibration: Calibration,
    /// Number of samples.
    pub samples: usize,
    /// How well the integers of the input stand for the samples.
    pub input: Fidelity,
    /// The linear layers, in order.
    pub layers: Vec<LayerReport>,
    /// What asks for action, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A report of what quantization did to a linear layer and to the activation that reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LayerReport {
    /// Name of the layer.
    pub layer: String,
    /// Number of neurons.
    pub neurons: usize,
    /// Number of weights.
    #[serde(default)]
    pub total_weights: usize,
    /// Declared width of the accumulators in bits.
    pub declared: u32,
    /// What holds the accumulators to the declared width.
    pub overflow: Overflow,
    /// The range that accumulators can reach with the integer weights; under `wrap`, before the
    /// reduction.
    pub proved: Range,
    /// The range that accumulators reached over the samples.
    pub seen: Range,
    /// Least width of a neuron.
    pub narrowest: u32,
    /// Greatest width of a neuron.
    pub widest: u32,
    /// Indices of the neurons that use 95% or more of the declared width.
    pub near: Vec<usize>,
    /// Number of neurons that an input not seen in calibration could drive out of their width.
    pub unproved: usize,
    /// Number of inputs that never changed over the samples, in a `Dense` layer whose scale of weights is found.
    pub constant_inputs: usize,
    /// Those of them that [`Calibration::with_drop_constants`] dropped, by their place among the inputs of the
    /// layer: their weights are 0, and the bias absorbs them.
    #[serde(default)]
    pub dropped_inputs: Vec<usize>,
    /// Number of weights that were cut to the greatest absolute value of their width.
    pub saturated: usize,
    /// How well integer weights stand for the float ones.
    pub weights: Fidelity,
    /// How well the integers after the activation, or the scores of the last layer, stand for
    /// those of the float network.
    pub results: Fidelity,
}

/// How well integers stand for reals, in root mean squares.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fidelity {
    /// The root mean square of the reals.
    pub signal: f64,
    /// The root mean square of the differences between the reals and what the integers stand for.
    pub error: f64,
}

impl Fidelity {
    /// Compares each real with what its integer stands for.
    pub(crate) fn of<S, T, D>(reals: &ArrayBase<S, D>, stand_ins: &ArrayBase<T, D>) -> Self
    where
        S: ndarray::Data<Elem = f64>,
        T: ndarray::Data<Elem = f64>,
        D: ndarray::Dimension,
    {
        let squares = ndarray::Zip::from(reals)
            .and(stand_ins)
            .fold((0.0, 0.0), |(signal, error), &x, &y| {
                (signal + x * x, error + (x - y) * (x - y))
            });
        let count = reals.len().max(1) as f64;
        Fidelity {
            signal: (squares.0 / count).sqrt(),
            error: (squares.1 / count).sqrt(),
        }
    }

    /// The error relative to the signal; 0 if there is neither.
    pub fn relative(&self) -> f64 {
        if self.error == 0.0 {
            0.0
        } else {
            self.error / self.signal
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: quantized by {} over {} samples, input error {}",
            self.network, self.calibration, self.samples, self.input
        )?;
        let width = self
            .layers
            .iter()
            .map(|layer| layer.layer.len())
            .max()
            .unwrap_or(0)
            .max("layer".len());
        writeln!(
            f,
            "  {:width$}  {:>19}  {:>19}  {:<13}  {:>8}  {:>5}  {:>8}  {:>8}  {:>9}  {:>7}  {:>7}",
            "layer",
            "proved",
            "seen",
            "declared",
            "widths",
            "near",
            "unproved",
            "constant",
            "saturated",
            "weights",
            "results",
        )?;
        for layer in &self.layers {
            writeln!(
                f,
                "  {:width$}  {:>19}  {:>19}  {:<13}  {:>8}  {:>5}  {:>8}  {:>8}  {:>9}  {:>7}  {:>7}",
                layer.layer,
                interval(layer.proved),
                interval(layer.seen),
                format!("{} {}", layer.declared, layer.overflow),
                format!("{} to {}", layer.narrowest, layer.widest),
                layer.near.len(),
                layer.unproved,
                layer.constant_inputs,
                layer.saturated,
                layer.weights.to_string(),
                layer.results.to_string(),
            )?;
        }
        f.write_str(
            "  near: neurons within 5% of the declared width; unproved: neurons that an unseen input could overflow;\n  \
             constant: inputs that never change; weights, results: relative error, root mean square\n",
        )?;
        writeln!(
            f,
            "  columns that ask for action: constant above 0, saturated above {:.0}% of the weights, weights and results above {:.0}%",
            100.0 * MOST_SATURATED,
            100.0 * MOST_ERROR
        )?;
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "  note: {note}"))
    }
}

impl fmt::Display for Fidelity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}%", 100.0 * self.relative())
    }
}

fn interval(range: Range) -> String {
    format!("{} to {}", range.lo, range.hi)
}
