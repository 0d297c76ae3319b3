//! The network that an import makes, layer by layer.
//!
//! A linear layer is not written before something reads it other than a function of single values: it and
//! this function are then a linear layer and an activation, and lines between them are in its weights and
//! bias. Batch normalization so disappears. Who reads a linear layer through another function reads another
//! copy of it, as accumulators have one reader; sums cost nothing but their weights.

use std::collections::HashSet;
use std::rc::Rc;

use fhe_nn_proof::spec::{
    ActivationSpec, ConvSpec, DenseSpec, EmbeddingSpec, Function, Input, Layer, Op, Overflow, Pool,
    PoolSpec, Rounding, Tensor, TensorKind, Window,
};
use ndarray::{Array1, Array2, ArrayD, IxDyn};

use super::error::{Refusal, refuse};
use super::expr::{Expr, Line};
use super::names::snake_case;
use super::recognize::{Recognized, custom, never_decreases, recognize};
use super::signal::{Grid, Signal};
use crate::Floats;

/// The network so far. Widths are not yet what they will be.
pub(super) struct Net {
    pub(super) bases: Vec<Base>,
    pub(super) layers: Vec<Layer>,
    /// Of the input and of every layer.
    pub(super) facts: Vec<Tensor>,
    pub(super) floats: Floats,
    /// What a user should know.
    pub(super) notes: Vec<String>,
    /// Widths of inputs and results that the model itself has: tensor and bits.
    pub(super) widths: Vec<(usize, u32)>,
    /// Widths of weights that the model itself has: layer and bits.
    pub(super) weights: Vec<(usize, u32)>,
    pub(super) input: Input,
    /// Of the `Custom` layers, in their order: names, and what they compute.
    pub(super) functions: Vec<(String, Expr)>,
    /// Of every value of the network's input: its place in the model's. Once something reads it.
    order: Option<Vec<u32>>,
    made: Vec<(usize, Expr, Values)>,
    names: HashSet<String>,
}

/// A tensor, written or not.
pub(super) struct Base {
    /// Extents, channels first.
    pub(super) shape: Vec<usize>,
    pub(super) source: Source,
}

/// Where a tensor comes from.
#[derive(Clone)]
pub(super) enum Source {
    /// The model's input.
    Input,
    /// A layer, or the network's input: by the number of the tensor.
    Tensor(usize),
    /// A linear layer that is not written.
    Linear(Rc<Linear>),
    /// Greatest values of one, by the number of its base.
    MaxPool(usize, PoolSpec),
}

/// A linear layer that is not written.
pub(super) struct Linear {
    pub(super) name: String,
    /// The tensor that it reads.
    pub(super) reads: usize,
    pub(super) window: Option<(Window, bool)>,
    /// `[channels, taps]`.
    pub(super) weights: Array2<f64>,
    pub(super) bias: Vec<f64>,
    /// If weights are integers times a scale: that of each channel.
    pub(super) scales: Option<Vec<f64>>,
}

/// A tensor that is written, and the line that its values still go through.
#[derive(Clone)]
pub(super) struct Values {
    pub(super) tensor: usize,
    pub(super) line: Line,
    /// So many values in a row have one slope and offset.
    pub(super) positions: usize,
}

impl Net {
    /// A network of an input in the model's shape.
    pub(super) fn new(shape: &[usize]) -> Self {
        let own = match shape {
            [1, rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let input = Input {
            shape: own.to_vec().into(),
            bits: 1,
            tokens: None,
        };
        Net {
            bases: vec![Base {
                shape: own.to_vec(),
                source: Source::Input,
            }],
            layers: Vec::new(),
            facts: vec![input.tensor()],
            floats: Floats::new(),
            notes: Vec::new(),
            widths: Vec::new(),
            weights: Vec::new(),
            input,
            functions: Vec::new(),
            order: None,
            made: Vec::new(),
            names: HashSet::from(["input".to_owned()]),
        }
    }

    /// A tensor of which nothing is written yet.
    pub(super) fn base(&mut self, shape: Vec<usize>, source: Source) -> usize {
        self.bases.push(Base { shape, source });
        self.bases.len() - 1
    }

    /// A tensor that a layer makes, as a base.
    pub(super) fn written(&mut self, tensor: usize) -> usize {
        let shape = self.facts[tensor].shape.clone();
        self.base(shape, Source::Tensor(tensor))
    }

    /// Channels of a base, and values of each. Of the input, every value may be a channel.
    pub(super) fn channels(&self, base: usize) -> (usize, usize) {
        let Base { shape, source } = &self.bases[base];
        let values: usize = shape.iter().product();
        match source {
            Source::Input => (values, 1),
            _ => (shape[0], values / shape[0].max(1)),
        }
    }

    /// Extents of a base, of the input as it is read.
    pub(super) fn shape(&self, base: usize) -> &[usize] {
        match self.bases[base].source {
            Source::Input => &self.input.shape,
            _ => &self.bases[base].shape,
        }
    }

    /// Fixes in which order the network takes the model's input.
    pub(super) fn arrange(&mut self, shape: &[usize], order: &[u32]) -> Result<(), Refusal> {
        let known = match &self.order {
            Some(known) => known == order && *self.input.shape == *shape,
            None => {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                if !sorted.into_iter().eq(0..self.facts[0].len() as u32) {
                    return refuse(
                        "it reads a part of the input, but only all of it can be arranged",
                    );
                }
                true
            }
        };
        if !known {
            return refuse("it reads the input in another shape than a node before it");
        }
        if self.order.is_none() {
            if !order.iter().copied().eq(0..order.len() as u32) {
                let text = "the network takes inputs channels first";
                self.notes.push(format!("{text}: {shape:?}"));
            }
            self.input.shape = shape.to_vec().into();
            self.facts[0] = self.input.tensor();
            self.order = Some(order.to_vec());
        }
        Ok(())
    }

    /// Of every value of the input, its place in the model's; `None` if it is the same.
    pub(super) fn order(&self) -> Option<Vec<usize>> {
        let order = self.order.as_ref()?;
        let moved = !order.iter().copied().eq(0..order.len() as u32);
        moved.then(|| order.iter().map(|&place| place as usize).collect())
    }

    /// Whether the input is read yet.
    pub(super) fn is_arranged(&self) -> bool {
        self.order.is_some()
    }

    /// The same places in the tensor that is written.
    pub(super) fn places(&self, signal: &Signal) -> ArrayD<u32> {
        match (&self.bases[signal.base].source, &self.order) {
            (Source::Input, Some(order)) => {
                let mut inverse = vec![0u32; order.len()];
                for (own, &of_model) in order.iter().enumerate() {
                    inverse[of_model as usize] = own as u32;
                }
                signal
                    .places
                    .mapv(|place| inverse.get(place as usize).copied().unwrap_or(place))
            }
            _ => (*signal.places).clone(),
        }
    }

    /// Writes what must be, so that another layer can read a signal, but for a line.
    pub(super) fn values(&mut self, signal: &Signal) -> Result<Values, Refusal> {
        let known = |(base, expr, _): &&(usize, Expr, Values)| {
            *base == signal.base && expr.is(&signal.expr)
        };
        if let Some((_, _, values)) = self.made.iter().find(known) {
            return Ok(values.clone());
        }
        let (channels, positions) = self.channels(signal.base);
        let values = match self.bases[signal.base].source.clone() {
            Source::Input => {
                if self.order.is_none() {
                    let shape = self.bases[signal.base].shape.clone();
                    let all: Vec<u32> = (0..channels as u32).collect();
                    self.arrange(&shape, &all)?;
                }
                let Some(line) = signal.expr.line() else {
                    return refuse("the function of the input is the client's: apply it before");
                };
                Values {
                    tensor: 0,
                    line,
                    positions,
                }
            }
            Source::Tensor(tensor) => match signal.expr.line() {
                Some(line) => Values {
                    tensor,
                    line,
                    positions,
                },
                None => {
                    let found = known_function(signal, channels)?;
                    let sums = self.facts[tensor].kind == TensorKind::Sums;
                    let reads = match sums && found.inner.is_itself() {
                        true => tensor,
                        false => self.scaled(tensor, &found.inner)?,
                    };
                    self.activated(reads, &found, positions)?
                }
            },
            Source::Linear(linear) => {
                let (line, found) = match signal.expr.line() {
                    Some(line) => (line, None),
                    None => {
                        let found = known_function(signal, channels)?;
                        (found.inner.clone(), Some(found))
                    }
                };
                let sums = self.linear(&linear, &line)?;
                match found {
                    Some(found) => self.activated(sums, &found, positions)?,
                    None => Values {
                        tensor: self.identity(sums)?,
                        line: Line::itself(),
                        positions,
                    },
                }
            }
            Source::MaxPool(linear, pool) => {
                // the greatest value of a function that never decreases is that of the greatest
                let through = never_decreases(&signal.expr, channels);
                let inner = Signal {
                    base: linear,
                    by: signal.by.clone(),
                    places: signal.places.clone(),
                    expr: match through {
                        true => signal.expr.clone(),
                        false => Expr::itself(),
                    },
                };
                let tensor = self.plain(&inner)?;
                let pooled = self.push("max_pool", vec![tensor], Op::Pool(pool))?;
                let base = self.written(pooled);
                match through {
                    true => Values {
                        tensor: pooled,
                        line: Line::itself(),
                        positions,
                    },
                    false => self.values(&Signal {
                        base,
                        by: signal.by.clone(),
                        places: signal.places.clone(),
                        expr: signal.expr.clone(),
                    })?,
                }
            }
        };
        self.made
            .push((signal.base, signal.expr.clone(), values.clone()));
        Ok(values)
    }

    /// Writes all of a signal: a tensor, through which no line goes any more.
    pub(super) fn plain(&mut self, signal: &Signal) -> Result<usize, Refusal> {
        let values = self.values(signal)?;
        if values.line.is_itself() {
            return Ok(values.tensor);
        }
        let channels = self.facts[values.tensor].shape[0];
        let line = self.by_channel(&values)?;
        let sums = self.scaled(values.tensor, &line)?;
        let tensor = self.identity(sums)?;
        let count = self.facts[tensor].len();
        self.notes.push(format!(
            "`{}` only scales and shifts {channels} channels: {count} bootstraps more",
            self.layers[tensor - 1].name
        ));
        Ok(tensor)
    }

    /// The same, of results of tables.
    pub(super) fn plain_values(&mut self, signal: &Signal) -> Result<usize, Refusal> {
        let tensor = self.plain(signal)?;
        self.of_tables(tensor)
    }

    /// A tensor itself, or its values after a table, if it has sums.
    pub(super) fn of_tables(&mut self, tensor: usize) -> Result<usize, Refusal> {
        match self.facts[tensor].kind {
            TensorKind::Sums => self.identity(tensor),
            _ => Ok(tensor),
        }
    }

    /// A line that is the same for all values of a channel.
    pub(super) fn by_channel(&self, values: &Values) -> Result<Line, Refusal> {
        let tensor = &self.facts[values.tensor];
        let positions = tensor.len() / tensor.shape[0].max(1);
        let is_uniform = values.line.slope.len() == 1 && values.line.offset.len() == 1;
        if is_uniform || values.positions == positions {
            return Ok(values.line.clone());
        }
        // a line for every value of the model's input
        let order = self.order.as_deref().unwrap_or_default();
        let own = |channel: usize| {
            let places = &order[channel * positions..(channel + 1) * positions];
            let line = |&place: &u32| {
                let place = place as usize;
                (values.line.slope_at(place), values.line.offset_at(place))
            };
            let first = places.first().map(line)?;
            places
                .iter()
                .all(|place| line(place) == first)
                .then_some(first)
        };
        let lines: Option<Vec<(f64, f64)>> = (0..tensor.shape[0]).map(own).collect();
        match lines {
            Some(lines) => {
                let (slope, offset) = lines.into_iter().unzip();
                Ok(Line { slope, offset })
            }
            None => refuse("values of one channel are scaled or shifted differently"),
        }
    }

    /// A linear layer, with a line of its sums in its weights and bias.
    pub(super) fn linear(&mut self, linear: &Linear, line: &Line) -> Result<usize, Refusal> {
        let channels = linear.weights.nrows();
        let mut weights = linear.weights.clone();
        for (channel, mut row) in weights.rows_mut().into_iter().enumerate() {
            row *= line.slope_at(channel);
        }
        let bias: Array1<f64> = linear
            .bias
            .iter()
            .enumerate()
            .map(|(c, &b)| line.value(b, c))
            .collect();
        let tensor = self.push(&linear.name, vec![linear.reads], linear.op())?;
        let name = self.layers[tensor - 1].name.to_string();
        let shape = linear.weight_shape();
        let values: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
        let weights = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .expect("as many weights as the layer has taps");
        if let Some(scales) = &linear.scales {
            let own = |c: usize| scales[c] * line.slope_at(c).abs();
            let scales: Vec<f64> = (0..channels).map(own).collect();
            if scales.iter().all(|scale| scale.is_normal()) {
                let most = linear.weights.rows().into_iter().zip(&scales).enumerate();
                let most = most.map(|(c, (row, scale))| {
                    let largest = row.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
                    (largest * line.slope_at(c).abs() / scale).round()
                });
                let most = most.fold(1.0, f64::max) as u64;
                // 2^(w - 1) - 1 at most
                let bits = 64 - most.leading_zeros() + 1;
                self.weights.push((tensor - 1, bits.clamp(2, 16)));
                let scales: Array1<f32> = scales.iter().map(|&scale| scale as f32).collect();
                self.floats
                    .insert(format!("{name}.weight_scale"), scales.into_dyn())?;
            }
        }
        self.floats.insert(format!("{name}.weight"), weights)?;
        if bias.iter().any(|&b| b != 0.0) {
            let bias = bias.mapv(|b| b as f32).into_dyn();
            self.floats.insert(format!("{name}.bias"), bias)?;
        }
        Ok(tensor)
    }

    /// A linear layer of one weight for every channel.
    pub(super) fn scaled(&mut self, tensor: usize, line: &Line) -> Result<usize, Refusal> {
        const MOST: usize = 1 << 10;
        let shape = self.facts[tensor].shape.clone();
        let channels = shape[0];
        let slopes: Vec<f64> = (0..channels).map(|c| line.slope_at(c)).collect();
        let (window, weights) = match shape.as_slice() {
            [_] if channels <= MOST => (None, Array2::from_diag(&Array1::from(slopes))),
            [_] => return refuse(format!("it scales more than {MOST} values of their own")),
            [_, area @ ..] => {
                let flat = area.len() == 1;
                let input = match area {
                    [down, across] => [*down, *across],
                    _ => [1, area.iter().product()],
                };
                let window = Window {
                    input,
                    groups: channels,
                    ..Window::each(channels, channels, 1)
                };
                let weights = Array2::from_shape_fn((channels, 1), |(c, _)| slopes[c]);
                (Some((window, flat)), weights)
            }
            [] => return refuse("it has no extents"),
        };
        let linear = Linear {
            name: "scale".to_owned(),
            reads: tensor,
            window,
            weights,
            bias: (0..channels).map(|c| line.offset_at(c)).collect(),
            scales: None,
        };
        self.linear(&linear, &Line::itself())
    }

    /// An activation, but for its outer line.
    fn activated(
        &mut self,
        reads: usize,
        found: &Recognized,
        positions: usize,
    ) -> Result<Values, Refusal> {
        let tensor = self.activation(reads, found)?;
        Ok(Values {
            tensor,
            line: found.outer.clone(),
            positions,
        })
    }

    fn activation(&mut self, reads: usize, found: &Recognized) -> Result<usize, Refusal> {
        let spec = Op::Activation(activation(found.function));
        let tensor = self.push(&snake_case(found.function.name()), vec![reads], spec)?;
        let name = self.layers[tensor - 1].name.to_string();
        if let Some(own) = &found.own {
            let function = self.unused("function");
            self.functions.push((function, own.clone()));
        }
        if found.function == Function::Sign {
            self.notes
                .push(format!("`{name}` is 1 at 0, where the model's may be 0"));
        }
        let defaults = found.function.parameters().iter();
        for ((parameter, values), (_, default)) in found.parameters.iter().zip(defaults) {
            // the precision of an export
            let is_default =
                |value: &f64| default.is_some_and(|default| (value - default).abs() < 1e-7);
            if values.len() == 1 && is_default(&values[0]) {
                continue;
            }
            let values: Array1<f32> = values.iter().map(|&x| x as f32).collect();
            self.floats
                .insert(format!("{name}.{parameter}"), values.into_dyn())?;
        }
        Ok(tensor)
    }

    /// A table that changes nothing.
    pub(super) fn identity(&mut self, reads: usize) -> Result<usize, Refusal> {
        let op = Op::Activation(activation(Function::Identity));
        self.push("identity", vec![reads], op)
    }

    /// A signal, quantized as the model says: a tensor with this scale.
    pub(super) fn quantized(&mut self, signal: &Signal, grid: Grid) -> Result<usize, Refusal> {
        let values = self.values(signal)?;
        if values.tensor == 0 && values.line.is_itself() {
            self.fix(0, "input", grid, 0)?;
            return Ok(0);
        }
        if values.line.is_itself() && self.is_on(values.tensor, grid) {
            return Ok(values.tensor);
        }
        let is_free = self
            .widths
            .iter()
            .all(|(tensor, _)| *tensor != values.tensor);
        let has_table = matches!(
            values
                .tensor
                .checked_sub(1)
                .map(|layer| &self.layers[layer].op),
            Some(Op::Activation(_))
        );
        let tensor = match (values.line.is_itself(), self.facts[values.tensor].kind) {
            (true, TensorKind::Values) if is_free && has_table => values.tensor,
            (true, TensorKind::Sums) => self.identity(values.tensor)?,
            _ => {
                let line = self.by_channel(&values)?;
                let sums = self.scaled(values.tensor, &line)?;
                self.identity(sums)?
            }
        };
        let Op::Activation(act) = &self.layers[tensor - 1].op else {
            return refuse("values of a layer without a table have the scale of what it reads");
        };
        let lo = act.function.range(grid.bits().clamp(1, 8)).lo;
        let name = self.layers[tensor - 1].name.to_string();
        self.fix(tensor, &name, grid, lo)?;
        Ok(tensor)
    }

    /// Keeps the scale of a tensor whose integers begin with `lo`.
    fn fix(&mut self, tensor: usize, name: &str, grid: Grid, lo: i64) -> Result<(), Refusal> {
        let most = if tensor == 0 { 16 } else { 8 };
        if grid.bits() > most {
            let bits = grid.bits();
            return refuse(format!(
                "it quantizes to {bits} bits, but at most {most} are known here"
            ));
        }
        let one = |x: f64| ArrayD::from_elem(IxDyn(&[1]), x as f32);
        let zero_point = grid.zero_point - grid.lo + lo;
        self.floats
            .insert(format!("{name}.scale"), one(grid.scale))?;
        self.floats
            .insert(format!("{name}.zero_point"), one(zero_point as f64))?;
        self.widths.retain(|(known, _)| *known != tensor);
        self.widths.push((tensor, grid.bits()));
        Ok(())
    }

    /// Whether a tensor has a scale that is kept, and the same.
    fn is_on(&self, tensor: usize, grid: Grid) -> bool {
        let layer = tensor.checked_sub(1).map(|index| &self.layers[index]);
        let chooses = |layer: &&Layer| match &layer.op {
            Op::Pool(pool) => pool.kind == Pool::Max,
            op => matches!(op, Op::Concat | Op::Flatten),
        };
        if let Some(layer) = layer.filter(chooses) {
            let before = [tensor - 1];
            let sources = match layer.sources.is_empty() {
                true => &before[..],
                false => &layer.sources,
            };
            return sources.iter().all(|&source| self.is_on(source, grid));
        }
        let name = layer.map_or("input", |layer| &layer.name);
        let kept = self.floats.get(&format!("{name}.scale"));
        kept.and_then(|scale| scale.first().copied()) == Some(grid.scale as f32)
    }

    /// A layer that reads tensors; the number of its result.
    pub(super) fn push(
        &mut self,
        name: &str,
        sources: Vec<usize>,
        op: Op,
    ) -> Result<usize, Refusal> {
        let operands: Vec<&Tensor> = sources.iter().map(|&tensor| &self.facts[tensor]).collect();
        let facts = match op.result(&operands) {
            Ok(facts) => facts,
            Err(error) => return refuse(error.to_string()),
        };
        let name = self.unused(name);
        let before = [self.layers.len()];
        self.layers.push(Layer {
            name: name.into(),
            sources: match sources == before {
                true => Vec::new().into(),
                false => sources.into(),
            },
            op,
        });
        self.facts.push(facts);
        Ok(self.layers.len())
    }

    /// Vectors for tokens, which the input then has.
    pub(super) fn embedding(
        &mut self,
        name: &str,
        vectors: &Array2<f64>,
    ) -> Result<usize, Refusal> {
        let (vocabulary, dimension) = vectors.dim();
        let positions = self.bases[0].shape.iter().product();
        if self.is_arranged() {
            return refuse("the input has numbers elsewhere and tokens here");
        }
        self.order = Some((0..positions as u32).collect());
        self.input = Input::one_hot(&[], vocabulary);
        self.input.shape = vec![positions].into();
        self.facts[0] = self.input.tensor();
        let op = Op::Embedding(EmbeddingSpec {
            vocabulary,
            dimension,
            positions,
            encoding: fhe_nn_proof::spec::Encoding::OneHot,
            weights: 2,
        });
        let tensor = self.push(name, vec![0], op)?;
        let name = self.layers[tensor - 1].name.to_string();
        let weights = vectors.mapv(|x| x as f32).into_dyn();
        self.floats.insert(format!("{name}.weight"), weights)?;
        Ok(tensor)
    }

    fn unused(&mut self, name: &str) -> String {
        let name = snake_case(name);
        let mut unused = name.clone();
        let mut count = 1;
        while !self.names.insert(unused.clone()) {
            count += 1;
            unused = format!("{name}{count}");
        }
        unused
    }
}

impl Linear {
    /// Of widths that are not yet known.
    pub(super) fn op(&self) -> Op {
        let (weights, accumulator, overflow) = (2, 2, Overflow::Checked);
        match self.window {
            Some((window, flat)) => Op::Conv(ConvSpec {
                window,
                flat,
                weights,
                accumulator,
                overflow,
            }),
            None => Op::Dense(DenseSpec {
                inputs: self.weights.ncols(),
                outputs: self.weights.nrows(),
                weights,
                accumulator,
                overflow,
            }),
        }
    }

    fn weight_shape(&self) -> Vec<usize> {
        let (channels, taps) = self.weights.dim();
        match self.window {
            None => vec![channels, taps],
            Some((window, flat)) => {
                let [down, across] = window.kernel;
                let inputs = window.channels / window.groups;
                match flat {
                    true => vec![channels, inputs, across],
                    false => vec![channels, inputs, down, across],
                }
            }
        }
    }
}

fn activation(function: Function) -> ActivationSpec {
    ActivationSpec {
        function,
        output: 1,
        table: None,
        rounding: Rounding::Exact,
        phases: 1,
    }
}

/// # Errors
/// A refusal if no activation computes it.
fn known_function(signal: &Signal, channels: usize) -> Result<Recognized, Refusal> {
    let found = recognize(&signal.expr, channels).or_else(|| custom(&signal.expr));
    found.map_or_else(
        || refuse(format!("no activation computes what `{}` does, and channels differ or Rust has no such function", signal.by)),
        Ok,
    )
}
