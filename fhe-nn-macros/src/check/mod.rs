//! The laws: what makes a network that can run encrypted. One function each.
//!
//! The order of the layers comes first. It makes of the fields a chain of [`Stage`]s, a linear
//! layer and who reads its accumulators, and the other laws speak of those.

mod antiperiodic;
mod order;
mod shapes;
mod widths;

use std::borrow::Cow;

use fhe_nn_proof::spec::{ActivationSpec, DenseSpec, Input, Layer, Op, Overflow, Rounding, Spec};
use fhe_nn_proof::widths::{Range, accumulator_bits, accumulator_bound, max_weight};

use crate::ast::{Activation, Dense, Kind, Network};
use crate::errors::{Error, Errors, Place};

/// The specification of a network that keeps every law.
pub(crate) fn check(network: &Network) -> Result<Spec, Vec<Error>> {
    let mut errors = Errors::new();
    let stages = order::stages(&mut errors, network);
    if let Some(stages) = &stages {
        shapes::agree(&mut errors, network, stages);
        for stage in stages {
            // a law about an accumulator that fails says all there is to say about its table
            let fits = antiperiodic::wrap_needs_an_antiperiodic_reader(&mut errors, stage)
                && antiperiodic::wave_needs_wrap(&mut errors, stage)
                && widths::accumulator_fits(&mut errors, stage)
                && widths::table_fits(&mut errors, stage)
                && widths::output_fits(&mut errors, stage);
            if fits {
                widths::rounding_has_bits_to_drop(&mut errors, stage);
                antiperiodic::phases_divide_half_a_period(&mut errors, stage);
            }
        }
    }
    errors.finish(stages.map(|stages| spec(network, &stages)))
}

/// A linear layer with what it reads and who reads it.
struct Stage<'a> {
    name: &'a str,
    dense: &'a Dense,
    /// The activation before it; `None` for the first stage, which reads the input.
    source: Option<&'a str>,
    /// The activation behind it; `None` for the last stage, which the client decrypts.
    reader: Option<Reader<'a>>,
    /// The range of the values that it reads.
    range: Range,
    /// Width of these values, or of the activation before.
    bits: u32,
}

/// An activation that reads accumulators.
#[derive(Clone, Copy)]
struct Reader<'a> {
    name: &'a str,
    place: Place,
    activation: &'a Activation,
}

impl Stage<'_> {
    /// Width of the accumulator in the worst case.
    fn worst_case(&self) -> u32 {
        let dense = self.dense;
        accumulator_bits(dense.inputs.value, self.range, dense.weights.value)
            .expect("at most 24 + 16 + 15 bits and a sign")
    }

    /// Width that the accumulator is held to.
    fn width(&self) -> u32 {
        self.dense
            .accumulator
            .map_or_else(|| self.worst_case(), |accumulator| accumulator.value)
    }

    /// What holds the accumulator to it.
    fn overflow(&self) -> Overflow {
        self.dense
            .overflow
            .map_or(Overflow::Checked, |overflow| overflow.value)
    }

    /// Where the width of the accumulator was written: itself, or the weights that it follows
    /// from.
    fn place(&self) -> Place {
        self.dense.accumulator.unwrap_or(self.dense.weights).place
    }

    /// "64 inputs x 3 (2-bit input) x 3 (3-bit weights) = 576, plus a sign".
    fn arithmetic(&self) -> String {
        let (inputs, weights) = (self.dense.inputs.value, self.dense.weights.value);
        let bound =
            accumulator_bound(inputs, self.range, weights).expect("at most 24 + 16 + 15 bits");
        let source = match self.source {
            None => "input".to_owned(),
            Some(name) => format!("`{name}`"),
        };
        format!(
            "{} x {} ({}-bit {source}) x {} ({weights}-bit weights) = \
                {bound}, plus a sign",
            count(inputs, "input"),
            self.range.max_abs(),
            self.bits,
            max_weight(weights),
        )
    }
}

/// "1 input", "2 inputs".
fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// The network as data.
fn spec(network: &Network, stages: &[Stage<'_>]) -> Spec {
    let mut widths = stages.iter();
    let layers = network.layers.iter().map(|layer| {
        let op = match &layer.kind {
            Kind::Dense(dense) => {
                let stage = widths.next().expect("a stage for every linear layer");
                Op::Dense(DenseSpec {
                    inputs: dense.inputs.value,
                    outputs: dense.outputs,
                    weights: dense.weights.value,
                    accumulator: stage.width(),
                    overflow: stage.overflow(),
                })
            }
            Kind::Activation(act) => Op::Activation(ActivationSpec {
                function: act.function,
                output: act.output,
                table: act.table,
                rounding: act
                    .rounding
                    .map_or(Rounding::Exact, |rounding| rounding.value),
                phases: act.phases(),
            }),
        };
        Layer {
            name: Cow::Owned(layer.name.clone()),
            op,
        }
    });
    Spec {
        name: Cow::Owned(network.name()),
        input: Input {
            shape: Cow::Owned(network.input.shape.clone()),
            bits: network.input.bits,
        },
        layers: layers.collect(),
    }
}
