//! The float network: what every layer computes in reals.

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{ActivationSpec, Function, LinearSpec, Spec};
use ndarray::{Array1, Array2, Axis, IxDyn, concatenate};

use super::preset_scales::Clamp;
use crate::sums::convolve;
use crate::{Error, Floats};

/// The function of a `Custom` layer.
pub type CustomFn<'a> = &'a (dyn Fn(f32) -> f32 + Sync);

/// A declaration with its floats and the functions of its `Custom` layers.
pub(crate) struct Float<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) floats: &'a Floats,
    /// The functions of the `Custom` layers, in their order.
    pub(crate) functions: &'a [CustomFn<'a>],
}

/// An activation's function with its parameters.
pub(crate) struct Curve<'a> {
    function: Function,
    custom: Option<CustomFn<'a>>,
    /// Each parameter has one value for all channels, or one for each channel.
    parameters: Vec<Array1<f64>>,
    /// The interval to which results are cut, whatever their scale.
    clamp: Option<Clamp>,
}

impl Float<'_> {
    /// The weights, `[channels, taps]`, and the bias.
    pub(crate) fn linear(
        &self,
        name: &str,
        linear: &LinearSpec,
    ) -> Result<(Array2<f64>, Array1<f64>), Error> {
        let (channels, shape) = (linear.channels, weight_shape(linear));
        let weights = self.tensor(&format!("{name}.weight"), &shape)?;
        let bias = format!("{name}.bias");
        let bias = self.floats.shaped(&bias, IxDyn(&[channels]))?;
        let bias = bias.map(|bias| bias.iter().map(|&x| f64::from(x)).collect());
        Ok((weights, bias.unwrap_or_else(|| Array1::zeros(channels))))
    }

    /// The vectors of an embedding, `[vocabulary, dimension]`.
    pub(crate) fn vectors(&self, index: usize) -> Result<Array2<f64>, Error> {
        let layer = &self.spec.layers[index];
        let shape = layer.op.vectors().ok_or(ModelError::PartMissing)?;
        self.tensor(&format!("{}.weight", layer.name), &shape)
    }

    /// A tensor that must exist, as a matrix with as many rows as its first extent.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Array2<f64>, Error> {
        let tensor = self.floats.shaped(name, IxDyn(shape))?;
        let tensor = tensor.ok_or_else(|| ModelError::TensorMissing {
            tensor: name.to_owned(),
        })?;
        let rows = shape.first().copied().unwrap_or(1);
        let values = tensor.iter().map(|&x| f64::from(x)).collect();
        Ok(
            Array2::from_shape_vec((rows, tensor.len() / rows.max(1)), values)
                .expect("as many values as the shape has"),
        )
    }

    /// The function of an activation.
    pub(crate) fn curve(&self, index: usize, act: &ActivationSpec) -> Result<Curve<'_>, Error> {
        let name = &self.spec.layers[index].name;
        let channels = self.channels(index);
        let parameter = |&(parameter, default): &(&str, Option<f64>)| {
            let tensor = format!("{name}.{parameter}");
            let given = self.floats.get(&tensor);
            let Some(given) = given else {
                let one = default.map(|default| Array1::from_elem(1, default));
                return one.ok_or(ModelError::TensorMissing { tensor });
            };
            match given.len() {
                len if len == 1 || len == channels => {
                    Ok(given.iter().map(|&x| f64::from(x)).collect())
                }
                _ => Err(ModelError::TensorShape {
                    tensor,
                    expected: vec![channels],
                    actual: given.shape().to_vec(),
                }),
            }
        };
        let parameters = act.function.parameters().iter().map(parameter);
        let is_custom = |act: &ActivationSpec| act.function == Function::Custom;
        let custom = if is_custom(act) {
            let before = self.spec.layers[..index].iter();
            let before = before.filter(|layer| layer.op.activation().is_some_and(is_custom));
            let function = self.functions.get(before.count());
            Some(*function.ok_or(ModelError::PartMissing)?)
        } else {
            None
        };
        Ok(Curve {
            function: act.function,
            custom,
            parameters: parameters.collect::<Result<_, _>>()?,
            clamp: match act.function.is_antiperiodic() {
                true => None,
                false => self.clamp(index + 1)?,
            },
        })
    }

    /// Number of channels that an activation reads.
    pub(crate) fn channels(&self, index: usize) -> usize {
        let source = self.spec.sources(index)[0];
        let facts = self.spec.flow().unwrap_or_default();
        facts.get(source).map_or(1, |tensor| tensor.shape[0])
    }
}

/// The shape of the weights of a layer, as PyTorch has it.
pub(crate) fn weight_shape(linear: &LinearSpec) -> Vec<usize> {
    let (channels, taps) = (linear.channels, linear.taps);
    match linear.window {
        None => vec![channels, taps],
        Some(window) if linear.flat => {
            vec![channels, taps / window.kernel[1], window.kernel[1]]
        }
        Some(window) => {
            let [down, across] = window.kernel;
            vec![channels, taps / (down * across), down, across]
        }
    }
}

/// The sums of a layer with weights, in reals.
pub(crate) fn linear_sums(
    linear: &LinearSpec,
    weights: &Array2<f64>,
    bias: &Array1<f64>,
    values: &Array2<f64>,
) -> Array2<f64> {
    let mut sums = match &linear.window {
        None => values.dot(&weights.t()),
        Some(window) => convolve(window, weights.view(), &[0.0], values),
    };
    for (j, mut column) in sums.axis_iter_mut(Axis(1)).enumerate() {
        column += bias[j / linear.positions];
    }
    sums
}

impl Curve<'_> {
    /// A function without parameters.
    #[cfg(all(test, feature = "train"))]
    pub(crate) fn of(function: Function) -> Self {
        Curve {
            function,
            custom: None,
            parameters: Vec::new(),
            clamp: None,
        }
    }

    /// The value at `x` for a neuron of a channel.
    pub(crate) fn value(&self, x: f64, channel: usize) -> f64 {
        let value = self.unclamped(x, channel);
        self.clamp.map_or(value, |clamp| clamp.value(value))
    }

    /// The same function, cut to a clamp as well.
    #[cfg(feature = "train")]
    pub(crate) fn cut(self, clamp: Clamp) -> Self {
        let own = self.clamp.map_or(clamp, |own| own.within(clamp));
        Curve {
            clamp: Some(own),
            ..self
        }
    }

    fn unclamped(&self, x: f64, channel: usize) -> f64 {
        if let Some(custom) = self.custom {
            return f64::from(custom(x as f32));
        }
        match self.parameters.as_slice() {
            [] => self.function.value(x, &[]),
            parameters => {
                let own = parameters.iter().map(|each| each[channel % each.len()]);
                self.function.value(x, &own.collect::<Vec<_>>())
            }
        }
    }

    /// The shift of phase q of k, which is q/k of half a period.
    pub(crate) fn shift(&self, q: u32, phases: u32) -> f64 {
        match self.function {
            Function::Wave => 2.0 * f64::from(q) / f64::from(phases),
            _ => 0.0,
        }
    }

    /// Computes one result for each neuron and phase.
    pub(crate) fn results(
        &self,
        phases: u32,
        channels: usize,
        before: &Array2<f64>,
    ) -> Array2<f64> {
        let positions = before.ncols() / channels.max(1);
        let phase = |q: u32| {
            let shift = self.shift(q, phases);
            let mut results = before.clone();
            for (j, mut column) in results.axis_iter_mut(Axis(1)).enumerate() {
                column.mapv_inplace(|x| self.value(x + shift, j / positions.max(1)));
            }
            results
        };
        let phases: Vec<Array2<f64>> = (0..phases).map(phase).collect();
        let views: Vec<_> = phases.iter().map(|phase| phase.view()).collect();
        concatenate(Axis(1), &views).expect("every phase has the same shape")
    }
}
