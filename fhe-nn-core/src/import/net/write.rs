//! How layers are written, with their weights and parameters.

use fhe_nn_proof::spec::{ActivationSpec, Function, Op, Rounding, Window};
use ndarray::{Array1, Array2, ArrayD, IxDyn};

use super::names::snake_case;
use super::network::{Net, Written};
use super::pending::{PendingLinear, Weights, weight_bits};
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Line, Recognized};

/// The greatest integer of a weight, which has at most 16 bits.
const MOST_WEIGHT: f64 = 32_767.0;

impl Net {
    /// Writes a linear layer, with a line of its sums in its weights and bias.
    pub(crate) fn linear(&mut self, linear: &PendingLinear, line: &Line) -> Result<usize, Refusal> {
        let own = &linear.weights;
        let channels = own.matrix.nrows();
        self.budget.take(own.matrix.len(), &own.name)?;
        let mut weights = own.matrix.clone();
        for (channel, mut row) in weights.rows_mut().into_iter().enumerate() {
            row *= line.slope_at(channel);
        }
        let bias: Array1<f64> = own
            .bias
            .iter()
            .enumerate()
            .map(|(c, &b)| line.value(b, c))
            .collect();
        let tensor = self.push(&own.name, vec![linear.reads], linear.op())?;
        let name = self.layers[tensor - 1].name.to_string();
        let shape = linear.weight_shape();
        let values: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
        let weights = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .expect("as many weights as the layer has taps");
        if let Some(scales) = &own.scales {
            // a line of slope 0 makes the weights of a channel 0, on any scale
            let scaled = |c: usize| match line.slope_at(c).abs() {
                0.0 => scales[c],
                slope => scales[c] * slope,
            };
            let scales: Vec<f64> = (0..channels).map(scaled).collect();
            let most = own.matrix.rows().into_iter().zip(&scales).enumerate();
            let most = most.map(|(c, (row, scale))| {
                let largest = row.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
                (largest * line.slope_at(c).abs() / scale).round_ties_even()
            });
            let most = most.fold(1.0, f64::max);
            if most > MOST_WEIGHT {
                self.notes.push(format!(
                    "weights of `{name}` are integers of more than 16 bits, so they are quantized again"
                ));
            } else if scales.iter().all(|scale| scale.is_normal()) {
                self.weights.push((tensor - 1, weight_bits(most)));
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

    /// Writes a linear layer that puts every channel through a line.
    pub(crate) fn scaled(&mut self, tensor: usize, line: &Line) -> Result<usize, Refusal> {
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
        let linear = PendingLinear {
            reads: tensor,
            window,
            weights: Weights {
                name: "scale".to_owned(),
                matrix: weights,
                bias: (0..channels).map(|c| line.offset_at(c)).collect(),
                scales: None,
            },
        };
        self.linear(&linear, &Line::itself())
    }

    /// Writes an activation without its outer line.
    pub(crate) fn activated(
        &mut self,
        reads: usize,
        found: &Recognized,
        positions: usize,
    ) -> Result<Written, Refusal> {
        let tensor = self.activation(reads, found)?;
        Ok(Written {
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
            // exports have this precision
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

    /// Writes a table that changes nothing.
    pub(crate) fn identity(&mut self, reads: usize) -> Result<usize, Refusal> {
        let op = Op::Activation(activation(Function::Identity));
        self.push("identity", vec![reads], op)
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
