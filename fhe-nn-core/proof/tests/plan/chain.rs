//! Chains of layers to find plans for.

use fhe_nn_proof::client::{Affine, ClientSpec, Interface, Line};
use fhe_nn_proof::plan::{Accumulators, Requirements, StageDemand};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::{Lattice, Reader};
use proptest::prelude::*;

/// A layer, described by its neurons: width, step bits and gain.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) reader: Reader,
    /// Greatest number of bits that are read.
    pub(crate) table: u32,
    pub(crate) rounding: Rounding,
    pub(crate) neurons: Vec<(u32, u32, f64)>,
}

/// Layers that read each other's values.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) inputs: u32,
    pub(crate) hidden: Vec<Layer>,
    pub(crate) last: Layer,
}

impl Layer {
    /// A layer of neurons that are all alike.
    pub(crate) fn alike(reader: Reader, neurons: usize, width: u32, gain: f64) -> Self {
        Layer {
            reader,
            table: reader.max_width(),
            rounding: Rounding::Exact,
            neurons: vec![(width, 0, gain); neurons],
        }
    }
}

impl Chain {
    pub(crate) fn requirements(&self) -> Requirements {
        let (mut inputs, mut source) = (self.inputs, 0);
        let mut accumulators = |name: String, layer: &Layer| {
            let neurons = layer.neurons.iter().copied();
            let accumulators = Accumulators::new(name, vec![source], layer.reader, inputs, neurons)
                .read_by(layer.table, layer.rounding);
            (inputs, source) = (accumulators.sums.neurons, source + 1);
            accumulators
        };
        let stages = self
            .hidden
            .iter()
            .enumerate()
            .map(|(i, layer)| StageDemand {
                accumulators: accumulators(format!("fc{i}"), layer),
                lookup: format!("act{i}").into(),
                phases: 1,
            });
        let stages: Vec<StageDemand> = stages.collect();
        let scores = self.last.neurons.len();
        let lattice = Lattice {
            step_bits: 0,
            offset: 0,
        };
        let line = Line {
            slope: 1.0,
            offset: 0.0,
        };
        let client = ClientSpec {
            network: "Chain".into(),
            inputs: self.inputs as usize,
            tokens: None,
            input_bits: 1,
            encoder: Affine {
                scale: 1.0,
                zero_point: 0,
            }
            .into(),
            widths: self.last.neurons.iter().map(|neuron| neuron.0).collect(),
            lattices: vec![lattice; scores].into(),
            decoder: vec![line; scores].into(),
            interface: Interface::OWN,
        };
        let output = accumulators("scores".to_owned(), &self.last);
        Requirements::new(client, stages, output, [7; 32])
    }
}

/// Neurons of widths in this range and gains of up to `2^log_gain`.
pub(crate) fn layer(
    reader: Reader,
    widths: core::ops::Range<u32>,
    log_gain: f64,
) -> impl Strategy<Value = Layer> {
    let neuron = (widths, 0u32..3, 0.0..log_gain)
        .prop_map(|(width, step_bits, log)| (width, step_bits.min(width - 1), log.exp2()));
    let table = reader.max_width();
    prop::collection::vec(neuron, 1..6).prop_map(move |neurons| Layer {
        reader,
        table,
        rounding: Rounding::Exact,
        neurons,
    })
}

/// A layer of wide accumulators, whose tables read the top bits.
pub(crate) fn wide_layer(reader: Reader) -> impl Strategy<Value = Layer> {
    (layer(reader, 2..17, 12.0), 1u32..5, any::<bool>()).prop_map(|(layer, table, exact)| Layer {
        table,
        rounding: if exact {
            Rounding::Exact
        } else {
            Rounding::Approximate
        },
        ..layer
    })
}

/// Chains of at most `hidden` hidden layers, wide and narrow ones.
pub(crate) fn wide_chain(hidden: usize) -> impl Strategy<Value = Chain> {
    let any = prop_oneof![
        layer(Reader::Padded, 2..7, 9.0),
        wide_layer(Reader::Padded),
        wide_layer(Reader::Antiperiodic)
    ];
    let hidden = prop::collection::vec(any, 1..=hidden);
    let last = layer(Reader::Client, 3..14, 9.0);
    (1u32..800, hidden, last).prop_map(|(inputs, hidden, last)| Chain {
        inputs,
        hidden,
        last,
    })
}

/// Chains of at most `hidden` hidden layers, whose scores have fewer than `score_bits` bits.
pub(crate) fn chain(hidden: usize, score_bits: u32, log_gain: f64) -> impl Strategy<Value = Chain> {
    let any = prop_oneof![
        layer(Reader::Padded, 2..7, log_gain),
        layer(Reader::Antiperiodic, 2..8, log_gain)
    ];
    let hidden = prop::collection::vec(any, 0..=hidden);
    let last = layer(Reader::Client, 3..score_bits, log_gain);
    (1u32..800, hidden, last).prop_map(|(inputs, hidden, last)| Chain {
        inputs,
        hidden,
        last,
    })
}
