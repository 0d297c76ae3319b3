//! Small random networks, straight from integers.

use std::sync::Arc;

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{
    ActivationSpec, DenseSpec, Function, Input, Interface, Layer, Op, Overflow, Rounding, Spec,
};
use fhe_nn_proof::widths::{Range, max_weight};
use ndarray::Array2;

use crate::layer::{Linear, Part, Tables};
use fhe_nn_proof::graph::Graph;

/// A network with owned integers.
pub(super) struct Net {
    spec: Spec,
    parts: Vec<Part>,
}

/// One hidden layer and its activation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hidden {
    pub(super) neurons: usize,
    pub(super) weights: u32,
    pub(super) overflow: Overflow,
    /// Width of the accumulators under `calibrated` and `wrap`. Under `checked`, widths are proved.
    pub(super) width: u32,
    pub(super) function: Function,
    pub(super) output: u32,
    /// The most bits that tables read; `None` for whole accumulators.
    pub(super) table: Option<u32>,
    pub(super) rounding: Rounding,
    pub(super) phases: u32,
}

/// Shape of a random network.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) inputs: usize,
    pub(super) bits: u32,
    pub(super) hidden: Vec<Hidden>,
    pub(super) scores: usize,
}

impl Net {
    pub(super) fn random(random: &mut Random, shape: &Shape) -> Self {
        let mut net = Builder {
            layers: Vec::new(),
            parts: Vec::new(),
            fan_in: shape.inputs,
            range: Range::unsigned(shape.bits),
        };
        shape
            .hidden
            .iter()
            .for_each(|hidden| net.hidden(random, hidden));
        net.linear(random, "scores", shape.scores, 3, Overflow::Checked, 20);
        let input = Input {
            shape: vec![shape.inputs].into(),
            ..Input::new(&[], shape.bits)
        };
        Net {
            spec: Spec {
                name: "Net".into(),
                input,
                layers: net.layers.into(),
                interface: Interface::OWN,
            },
            parts: net.parts,
        }
    }

    pub(super) fn graph(&self) -> Graph<'_> {
        Graph::new(&self.spec, &self.parts).expect("the parts were made for the spec")
    }
}

struct Builder {
    layers: Vec<Layer>,
    parts: Vec<Part>,
    fan_in: usize,
    range: Range,
}

impl Builder {
    fn hidden(&mut self, random: &mut Random, hidden: &Hidden) {
        let name = format!("fc{}", self.layers.len());
        self.linear(
            random,
            &name,
            hidden.neurons,
            hidden.weights,
            hidden.overflow,
            hidden.width,
        );
        let Some(Part::Linear(linear)) = self.parts.last_mut() else {
            unreachable!("a linear layer was just added")
        };
        let linear = Arc::make_mut(linear);
        let range = hidden.function.range(hidden.output);
        let part = if hidden.function.is_antiperiodic() {
            for (constant, &width) in linear.constants.iter_mut().zip(&linear.widths) {
                // under `checked` a constant that never leaves the width, else any
                let any = hidden.overflow != Overflow::Checked;
                *constant = if any {
                    random.within(Range::signed(width))
                } else {
                    0
                };
            }
            Part::Antiperiodic
        } else {
            let table = |&width: &u32| {
                (0..1 << hidden.table.map_or(width, |table| table.min(width)))
                    .map(|_| random.within(range) as i16)
                    .collect()
            };
            let tables: Vec<Vec<i16>> = linear.widths.iter().map(table).collect();
            Part::Tables(Tables::new(tables.iter().map(Vec::as_slice)).into())
        };
        self.parts.push(part);
        let activation = ActivationSpec {
            function: hidden.function,
            output: hidden.output,
            table: hidden.table,
            rounding: hidden.rounding,
            phases: hidden.phases,
        };
        let name = format!("act{}", self.layers.len());
        self.push(name, Op::Activation(activation));
        self.range = range;
        self.fan_in = hidden.neurons * hidden.phases as usize;
    }

    fn push(&mut self, name: String, op: Op) {
        let name = name.into();
        self.layers.push(Layer {
            name,
            ..Layer::new("", op)
        });
    }

    fn linear(
        &mut self,
        random: &mut Random,
        name: &str,
        outputs: usize,
        bits: u32,
        overflow: Overflow,
        width: u32,
    ) {
        let most = max_weight(bits);
        let weights = Array2::from_shape_fn((outputs, self.fan_in), |_| {
            random.within(Range {
                lo: -most,
                hi: most,
            }) as i16
        });
        let proved = |row: ndarray::ArrayView1<'_, i16>| {
            let ends = |&w: &i16| [i64::from(w) * self.range.lo, i64::from(w) * self.range.hi];
            let lo = row
                .iter()
                .map(|w| ends(w).into_iter().min().unwrap_or(0))
                .sum();
            let hi = row
                .iter()
                .map(|w| ends(w).into_iter().max().unwrap_or(0))
                .sum();
            Range { lo, hi }.signed_bits().max(3)
        };
        let widths = match overflow {
            Overflow::Checked => weights.rows().into_iter().map(proved).collect(),
            // neurons of two widths share a layer
            Overflow::Calibrated => (0..outputs).map(|j| width - (j % 2) as u32).collect(),
            Overflow::Wrap => vec![width; outputs],
        };
        let spec = DenseSpec {
            inputs: self.fan_in,
            outputs,
            weights: bits,
            accumulator: width,
            overflow,
        };
        self.push(name.to_owned(), Op::Dense(spec));
        self.parts.push(Part::Linear(Arc::new(Linear {
            weights,
            constants: vec![0; outputs],
            widths,
            scales: vec![0.5; outputs],
            bias: vec![1.0; outputs],
            input: Affine {
                scale: 1.0,
                zero_point: 0,
            }
            .into(),
        })));
    }
}

/// Steele, Lea and Flood's splitmix64 (OOPSLA 2014): enough for tests.
pub(in crate::engine) struct Random(pub(in crate::engine) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(in crate::engine) fn within(&mut self, range: Range) -> i64 {
        range.lo + (self.next() % (range.hi - range.lo + 1) as u64) as i64
    }

    /// Returns a number in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f32 {
        self.within(Range::unsigned(24)) as f32 / (1u32 << 24) as f32
    }
}
