//! A linear layer between what it reads and its reader, which determine the widths of its accumulators.

use fhe_nn_proof::spec::Overflow;
use fhe_nn_proof::widths::{Range, accumulator_bits, accumulator_bound, max_weight};

use super::facts::Facts;
use crate::ast::Network;
use crate::errors::{Place, count};
use crate::layers::{Activation, Form, Kind, Linear};

/// A linear layer with what it reads and its reader.
pub(super) struct Stage<'a> {
    pub(super) name: &'a str,
    pub(super) linear: &'a Linear,
    /// Number of weights of a neuron.
    taps: usize,
    /// What it reads.
    source: String,
    /// The activation behind it; `None` for the last stage, which the client decrypts.
    pub(super) reader: Option<Reader<'a>>,
    /// The range of the values that it reads.
    pub(super) range: Range,
}

/// An activation that reads accumulators.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) name: &'a str,
    pub(super) place: Place,
    pub(super) activation: &'a Activation,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        network: &'a Network,
        facts: &Facts,
        index: usize,
        linear: &'a Linear,
        taps: usize,
    ) -> Self {
        let source = network.layers[index].sources[0];
        let reader = network.layers.iter().find_map(|layer| match &layer.kind {
            Kind::Activation(activation) if layer.sources.contains(&(index + 1)) => Some(Reader {
                name: &layer.name,
                place: layer.place,
                activation,
            }),
            _ => None,
        });
        Stage {
            name: &network.layers[index].name,
            linear,
            taps,
            source: described(network, source),
            reader,
            range: facts.tensors[source].range,
        }
    }

    /// Width of the accumulator in the worst case.
    pub(super) fn worst_case(&self) -> u32 {
        accumulator_bits(self.taps, self.range, self.linear.weights.value).unwrap_or(63)
    }

    /// Width that the accumulator is held to.
    pub(super) fn width(&self) -> u32 {
        self.linear
            .accumulator
            .map_or_else(|| self.worst_case(), |accumulator| accumulator.value)
    }

    /// What holds the accumulator to its width.
    pub(super) fn overflow(&self) -> Overflow {
        self.linear.overflow()
    }

    /// Where the width of the accumulator was written: itself, or the weights that it follows
    /// from.
    pub(super) fn place(&self) -> Place {
        self.linear.accumulator.unwrap_or(self.linear.weights).place
    }

    /// "64 inputs x 3 (2-bit input) x 3 (3-bit weights) = 576, plus a sign", or for a convolution
    /// "3 x 3 x 4 = 36 taps x ..".
    pub(super) fn arithmetic(&self) -> String {
        let weights = self.linear.weights.value;
        let bound = accumulator_bound(self.taps, self.range, weights);
        let bound = bound.map_or("more than 2^64".to_owned(), |bound| bound.to_string());
        let terms = match &self.linear.form {
            Form::Dense { .. } => count(self.taps, "input"),
            Form::Conv { taps, .. } => {
                let [down, across] = taps.kernel();
                let channels = self.taps / (down * across).max(1);
                let side = if taps.flat {
                    String::new()
                } else {
                    format!("{down} x ")
                };
                format!("{side}{across} x {channels} = {}", count(self.taps, "tap"))
            }
        };
        format!(
            "{terms} x {} ({}) x {} ({weights}-bit weights) = \
                {bound}, plus a sign",
            self.range.max_abs(),
            self.source,
            max_weight(weights),
        )
    }

    /// How many inputs would fit if `values` values do, as "14 inputs"; for a convolution, how many input
    /// channels. `None` if not one would fit.
    pub(super) fn room(&self, values: usize) -> Option<String> {
        let (values, noun) = match &self.linear.form {
            Form::Dense { .. } => (values, "input"),
            Form::Conv { taps, .. } => {
                let area: usize = taps.kernel().iter().product();
                (values / area.max(1), "input channel")
            }
        };
        (values > 0).then(|| count(values, noun))
    }
}

/// A tensor by its name, with its width if that was written: "4-bit input", "`pool`".
pub(super) fn described(network: &Network, tensor: usize) -> String {
    match tensor.checked_sub(1).map(|index| &network.layers[index]) {
        None => format!("{}-bit input", network.input.bits),
        Some(layer) => match &layer.kind {
            Kind::Activation(act) => format!("{}-bit `{}`", act.output, layer.name),
            _ => format!("`{}`", layer.name),
        },
    }
}
