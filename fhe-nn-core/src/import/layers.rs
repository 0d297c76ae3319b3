//! Layers, written with their weights and parameters.

use fhe_nn_proof::spec::{
    ActivationSpec, ConvSpec, DenseSpec, EmbeddingSpec, Function, Input, Op, Overflow, Rounding,
    Window,
};
use ndarray::{Array1, Array2, ArrayD, IxDyn};

use super::error::{Refusal, refuse};
use super::line::Line;
use super::names::snake_case;
use super::net::Net;
use super::recognize::Recognized;
use super::values::Values;

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

impl Net {
    /// A linear layer, with a line of its sums in its weights and bias.
    pub(super) fn linear(&mut self, linear: &Linear, line: &Line) -> Result<usize, Refusal> {
        let channels = linear.weights.nrows();
        self.budget.take(linear.weights.len(), &linear.name)?;
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
            // the weights of a channel that the line makes nothing of are 0 on any scale
            let own = |c: usize| match line.slope_at(c).abs() {
                0.0 => scales[c],
                slope => scales[c] * slope,
            };
            let scales: Vec<f64> = (0..channels).map(own).collect();
            if scales.iter().all(|scale| scale.is_normal()) {
                let most = linear.weights.rows().into_iter().zip(&scales).enumerate();
                let most = most.map(|(c, (row, scale))| {
                    let largest = row.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
                    (largest * line.slope_at(c).abs() / scale).round()
                });
                let bits = weight_bits(most.fold(1.0, f64::max));
                self.weights.push((tensor - 1, bits));
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
    pub(super) fn activated(
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

    /// Vectors for tokens, which the input then has.
    pub(super) fn embedding(
        &mut self,
        name: &str,
        vectors: &Array2<f64>,
        scale: Option<f64>,
    ) -> Result<usize, Refusal> {
        let (vocabulary, dimension) = vectors.dim();
        let positions = self.bases[0].shape.iter().product();
        if self.is_arranged() {
            return refuse("the input has numbers elsewhere and tokens here");
        }
        self.arrangement = Some((0..positions as u32).collect());
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
        if let Some(scale) = scale {
            let largest = vectors.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            self.weights
                .push((tensor - 1, weight_bits(largest / scale)));
            let scale = ArrayD::from_elem(IxDyn(&[1]), scale as f32);
            self.floats.insert(format!("{name}.weight_scale"), scale)?;
        }
        let weights = vectors.mapv(|x| x as f32).into_dyn();
        self.floats.insert(format!("{name}.weight"), weights)?;
        Ok(tensor)
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

/// Bits of weights of at most so large integers: `2^(w - 1) - 1` at most.
fn weight_bits(most: f64) -> u32 {
    let most = most.round().max(1.0) as u64;
    (64 - most.leading_zeros() + 1).clamp(2, 16)
}
