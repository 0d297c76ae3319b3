//! Law 1: shapes agree from layer to layer and with the input.

use fhe_nn_proof::spec::{
    ConvSpec, DenseSpec, EmbeddingSpec, Op, Overflow, PoolSpec, Tensor, TensorKind, Window,
    WindowError,
};
use fhe_nn_proof::widths::{Range, accumulator_bits};

use super::{Facts, activation, count};
use crate::ast::{Form, Kind, Layer, Linear, Network, Pool, Taps};
use crate::errors::{Error, Errors, Place, Spanned};
use crate::layer::{Axes, LayerType};

/// A layer as data, in the shape of what it reads, and whether that shape is known; its accumulators are
/// those of the worst case. Where shapes do not agree, the layer is as if they did.
pub(super) fn agree(
    errors: &mut Errors,
    network: &Network,
    facts: &Facts,
    index: usize,
) -> Option<(Op, bool)> {
    let layer = &network.layers[index];
    let source = layer.sources[0];
    let shape = &facts.tensors[source].shape;
    let mut reads = Reads {
        errors,
        network,
        facts,
        layer,
        known: layer.sources.iter().all(|&source| facts.shaped[source]),
    };
    let op = match &layer.kind {
        Kind::Linear(linear) => match &linear.form {
            Form::Dense { inputs, outputs } => reads.dense(linear, *inputs, *outputs),
            Form::Conv { .. } => reads.convolution(linear, shape)?,
        },
        Kind::Embedding(embedding) => {
            let tokens = network.input.tokens?;
            let vocabulary = tokens.vocabulary;
            if embedding.vocabulary.value != vocabulary {
                reads.mismatch(
                    embedding.vocabulary.place,
                    format!(
                        "`{}` knows {}, but the input has {vocabulary}",
                        layer.name,
                        count(embedding.vocabulary.value, "token")
                    ),
                    format!(
                        "write `{}: Embedding<{vocabulary}, {}>`",
                        layer.name, embedding.dimension
                    ),
                );
            }
            Op::Embedding(EmbeddingSpec {
                vocabulary,
                dimension: embedding.dimension,
                positions: network.input.shape.iter().product(),
                encoding: tokens.encoding,
                weights: embedding.weights.value,
            })
        }
        Kind::Activation(act) => Op::Activation(activation(act)),
        Kind::Pool(pool) => reads.pool(pool, shape)?,
        Kind::Combination => reads.combination()?,
    };
    let known = reads.known;
    Some((op, known))
}

/// The facts of a result of which only a dense layer's shape is known.
pub(super) fn unknown(layer: &Layer, first: &Tensor) -> Tensor {
    let (shape, range, kind) = match &layer.kind {
        Kind::Linear(linear) => {
            let bits = linear.accumulator.map_or(8, |width| width.value);
            let shape = vec![linear.form.outputs()];
            (shape, Range::signed(bits), TensorKind::Accumulators)
        }
        Kind::Activation(act) => (vec![1], act.function.range(act.output), TensorKind::Values),
        _ => (vec![1], first.range, TensorKind::Sums),
    };
    Tensor {
        shape,
        range,
        odd: false,
        kind,
    }
}

/// A layer and what it reads.
struct Reads<'a> {
    errors: &'a mut Errors,
    network: &'a Network,
    facts: &'a Facts,
    layer: &'a Layer,
    /// Whether the shapes that come in are known.
    known: bool,
}

impl Reads<'_> {
    fn dense(&mut self, linear: &Linear, inputs: Spanned<usize>, outputs: usize) -> Op {
        let source = self.layer.sources[0];
        let (name, values) = (&self.layer.name, self.facts.tensors[source].len());
        if self.known && values != inputs.value {
            let law = format!(
                "`{name}` takes {}, but gets {values}",
                count(inputs.value, "value")
            );
            let help = format!("write `{name}: Dense<{values}, {outputs}>`");
            self.mismatch(inputs.place, law, help);
        }
        Op::Dense(DenseSpec {
            inputs: inputs.value,
            outputs,
            weights: linear.weights.value,
            accumulator: self.worst_case(inputs.value, linear),
            overflow: overflow(linear),
        })
    }

    fn convolution(&mut self, linear: &Linear, shape: &[usize]) -> Option<Op> {
        let Form::Conv {
            flat,
            inputs,
            outputs,
            taps,
            groups,
        } = &linear.form
        else {
            return None;
        };
        let name = &self.layer.name;
        let area = self.area(shape, *flat)?;
        if self.known && shape[0] != inputs.value {
            let law = format!(
                "`{name}` takes {}, but gets {}",
                count(inputs.value, "channel"),
                shape[0]
            );
            let help = self.rewritten(&[shape[0], outputs.value], taps, groups.value);
            self.mismatch(inputs.place, law, help);
        }
        for (what, channels) in [("input", inputs), ("output", outputs)] {
            if !channels.value.is_multiple_of(groups.value) {
                let law = format!(
                    "{} of `{name}` do not divide its {}",
                    count(groups.value, "group"),
                    count(channels.value, &format!("{what} channel"))
                );
                let divisor = (1..=groups.value.min(channels.value))
                    .rev()
                    .find(|d| inputs.value.is_multiple_of(*d) && outputs.value.is_multiple_of(*d));
                let channels = [inputs.value, outputs.value];
                let help = self.rewritten(&channels, taps, divisor.unwrap_or(1));
                self.errors.push(Error::new(groups.place, law).help(help));
                return None;
            }
        }
        let window = self.window(
            taps,
            *flat,
            area,
            (inputs.value, outputs.value, groups.value),
        )?;
        Some(Op::Conv(ConvSpec {
            window,
            flat: *flat,
            weights: linear.weights.value,
            accumulator: self.worst_case(window.taps(), linear),
            overflow: overflow(linear),
        }))
    }

    fn pool(&mut self, pool: &Pool, shape: &[usize]) -> Option<Op> {
        let flat = match (pool.axes, shape.len()) {
            (Axes::One, _) | (Axes::All, ..=2) => true,
            (Axes::Two, _) | (Axes::All, _) => false,
        };
        let area = self.area(shape, flat)?;
        let channels = shape[0];
        let window = match &pool.taps {
            Some(taps) => self.window(taps, flat, area, (channels, channels, channels))?,
            None => Window {
                kernel: area,
                input: area,
                groups: channels,
                ..Window::each(channels, channels, 1)
            },
        };
        let kind = pool.kind;
        Some(Op::Pool(PoolSpec { window, flat, kind }))
    }

    fn combination(&mut self) -> Option<Op> {
        let shapes = self
            .layer
            .sources
            .iter()
            .map(|&source| &self.facts.tensors[source].shape);
        let shapes: Vec<&Vec<usize>> = shapes.collect();
        let (op, what) = match self.layer.layer_type {
            LayerType::Add => (Op::Add, "adds"),
            LayerType::Mul => (Op::Mul, "multiplies"),
            LayerType::Concat => (Op::Concat, "puts together"),
            _ => return Some(Op::Flatten),
        };
        let first = shapes[0];
        let own = |shape: &[usize]| match op {
            Op::Concat => shape.iter().skip(1).copied().collect::<Vec<usize>>(),
            _ => shape.to_vec(),
        };
        let other = shapes.iter().find(|shape| own(shape) != own(first));
        if let (true, Some(other)) = (self.known, other) {
            let law = format!(
                "`{}` {what} {first:?} and {other:?}, which do not fit",
                self.layer.name
            );
            let note = match op {
                Op::Concat => "all extents but the first must be the same",
                _ => "all extents must be the same",
            };
            let ways = self.layer.sources.iter().map(|&source| self.way(source));
            let ways: Vec<String> = ways.collect();
            self.errors.push(
                Error::new(self.layer.from.unwrap_or(self.layer.place), law)
                    .note(format!("{note}\n{}", ways.join("\n")))
                    .help("name fields of one shape"),
            );
            return None;
        }
        Some(op)
    }

    /// Height and width of what windows move over, a length as one of height 1.
    fn area(&mut self, shape: &[usize], flat: bool) -> Option<[usize; 2]> {
        if !self.known {
            return None;
        }
        match (shape, flat) {
            (&[_, length], true) => Some([1, length]),
            (&[_, down, across], false) => Some([down, across]),
            _ => {
                let layer = &self.layer;
                let (takes, other) = match flat {
                    true => (
                        "[channels, length]",
                        layer.layer_type.name().replace("1d", "2d"),
                    ),
                    false => (
                        "[channels, height, width]",
                        layer.layer_type.name().replace("2d", "1d"),
                    ),
                };
                let law = format!("`{}` takes {takes}, but gets {shape:?}", layer.name);
                let fits = matches!((shape.len(), flat), (2, false) | (3, true));
                let help = match (layer.sources[0], shape) {
                    (0, [down, across]) if !flat => {
                        format!("write `shape = [1, {down}, {across}]` on the input")
                    }
                    (0, [length]) if flat => format!("write `shape = [1, {length}]` on the input"),
                    _ if fits => format!("use `{other}` instead"),
                    _ => "give it channels and positions: what comes in is flat".to_owned(),
                };
                self.mismatch(layer.place, law, help);
                None
            }
        }
    }

    /// The windows of a layer.
    fn window(
        &mut self,
        taps: &Taps,
        flat: bool,
        input: [usize; 2],
        (channels, outputs, groups): (usize, usize, usize),
    ) -> Option<Window> {
        let both = |value: usize, one: usize| if flat { [one, value] } else { [value, value] };
        let window = Window {
            channels,
            outputs,
            input,
            kernel: both(taps.kernel.value, 1),
            stride: both(taps.stride.value, 1),
            padding: both(taps.padding.value, 0),
            dilation: both(taps.dilation, 1),
            groups,
        };
        let name = &self.layer.name;
        let changed = |taps: Taps| match self.layer.kind {
            Kind::Linear(_) => self.rewritten(&[channels, outputs], &taps, groups),
            _ => self.rewritten(&[], &taps, 1),
        };
        let (place, law, help) = match window.check() {
            Ok(()) => return Some(window),
            Err(WindowError::Kernel) => {
                let reach = window.reach(1);
                let side = input[1].min(if flat { input[1] } else { input[0] });
                let padded = side + 2 * taps.padding.value;
                let fits = (padded - 1) / taps.dilation + 1;
                (
                    taps.kernel.place,
                    format!(
                        "kernel of `{name}` spans {reach}, but its input has {padded} values along an axis"
                    ),
                    changed(Taps {
                        kernel: Spanned {
                            value: fits,
                            ..taps.kernel
                        },
                        ..*taps
                    }),
                )
            }
            Err(WindowError::Padding) => (
                taps.padding.place,
                format!(
                    "padding of `{name}` is {}, but its kernel spans {}: windows would see padding alone",
                    taps.padding.value,
                    window.reach(1)
                ),
                changed(Taps {
                    padding: Spanned {
                        value: window.reach(1) - 1,
                        ..taps.padding
                    },
                    ..*taps
                }),
            ),
            Err(error @ (WindowError::Zero | WindowError::Groups)) => (
                self.layer.place,
                format!("`{name}` has windows that cannot be: {error}"),
                "change its sizes".to_owned(),
            ),
        };
        self.mismatch(place, law, help);
        None
    }

    fn mismatch(&mut self, place: Place, law: String, help: String) {
        let note = self.origin();
        self.known = false;
        self.errors
            .push(Error::new(place, law).note(note).help(help));
    }

    /// How what comes in came about.
    fn origin(&self) -> String {
        let source = self.layer.sources[0];
        let dense = |layer: &Layer| matches!(&layer.kind, Kind::Linear(linear) if matches!(linear.form, Form::Dense { .. }));
        let of_chain = |layer: &Layer| dense(layer) || matches!(layer.kind, Kind::Activation(_));
        let shape = &self.network.input.shape;
        if !self.network.layers.iter().all(of_chain) {
            return self.way(source);
        }
        let layers = &self.network.layers;
        let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
        let reader = source.checked_sub(1).map(|index| &layers[index]);
        match (reader.map(|layer| (layer, &layer.kind)), shape.as_slice()) {
            (Some((layer, Kind::Activation(act))), _) => {
                let before = layer.sources[0].checked_sub(1).map(|index| &layers[index]);
                let Some((before, Kind::Linear(linear))) = before.map(|layer| (layer, &layer.kind))
                else {
                    return self.way(source);
                };
                let outputs = linear.form.outputs();
                let (before, phases) = (&before.name, act.phases() as usize);
                let noun = count(outputs, "output");
                match phases {
                    1 => format!("`{before}` has {noun}"),
                    _ => format!(
                        "`{before}` has {noun} x {phases} phases of `{}` = {} values",
                        layer.name,
                        outputs * phases
                    ),
                }
            }
            (_, [_]) => format!("the input has shape {shape:?}"),
            _ => format!(
                "the input has shape {shape:?}: {} = {} values",
                extents.join(" x "),
                shape.iter().product::<usize>()
            ),
        }
    }

    /// The shapes on the way to a tensor: "input [1, 28, 28] -> conv [4, 13, 13]".
    fn way(&self, tensor: usize) -> String {
        let mut steps = Vec::new();
        let mut next = Some(tensor);
        while let Some(tensor) = next {
            let layer = tensor
                .checked_sub(1)
                .map(|index| &self.network.layers[index]);
            let shape = &self.facts.tensors[tensor].shape;
            let name = layer.map_or("input", |layer| &layer.name);
            steps.push(format!("{name} {shape:?}"));
            next = layer.map(|layer| layer.sources[0]);
        }
        steps.reverse();
        steps.join(" -> ")
    }

    /// The layer with these sizes, as far as they are not the defaults.
    fn rewritten(&self, channels: &[usize], taps: &Taps, groups: usize) -> String {
        let kernel = taps.kernel.value;
        let (mut sizes, mut defaults) = (channels.to_vec(), Vec::new());
        sizes.extend([kernel, taps.stride.value, taps.padding.value]);
        match channels {
            [] => defaults.extend([kernel, 0]),
            _ => {
                sizes.extend([taps.dilation, groups]);
                defaults.extend([1, 0, 1, 1]);
            }
        }
        while sizes.len() > channels.len() + 1 && sizes.last() == defaults.last() {
            sizes.pop();
            defaults.pop();
        }
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let (name, layer) = (&self.layer.name, self.layer.layer_type.name());
        format!("write `{name}: {layer}<{}>`", sizes.join(", "))
    }

    fn worst_case(&self, taps: usize, linear: &Linear) -> u32 {
        let range = self.facts.tensors[self.layer.sources[0]].range;
        accumulator_bits(taps, range, linear.weights.value).unwrap_or(63)
    }
}

fn overflow(linear: &Linear) -> Overflow {
    linear.overflow.map_or(Overflow::Checked, |word| word.value)
}
