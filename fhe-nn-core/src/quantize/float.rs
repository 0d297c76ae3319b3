//! The float network: what every layer computes in reals.

use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{ActivationSpec, Encoding, Function, LinearSpec, Op, Pool, Spec};
use ndarray::{Array1, Array2, Axis, IxDyn, concatenate};

use crate::graph::Rows;
use crate::sums::{add_up, convolve};
use crate::{Error, Floats};

/// A function of the user's, the function of a `Custom` layer.
pub type CustomFn<'a> = &'a (dyn Fn(f32) -> f32 + Sync);

/// A declaration with its floats and the user's own functions.
pub(crate) struct Float<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) floats: &'a Floats,
    /// Of the `Custom` layers, in their order.
    pub(crate) functions: &'a [CustomFn<'a>],
}

/// An activation's function with its parameters.
pub(crate) struct Curve<'a> {
    function: Function,
    custom: Option<CustomFn<'a>>,
    /// Each for all channels, or one for each.
    parameters: Vec<Array1<f64>>,
}

impl Float<'_> {
    /// The results of all layers, `[samples, values]`, for samples of the input in reals.
    ///
    /// # Errors
    /// Those of [`Float::layer`].
    pub(crate) fn run(&self, input: Array2<f64>) -> Result<Vec<Array2<f64>>, Error> {
        let mut tensors = vec![input];
        for index in 0..self.spec.layers.len() {
            let sources = self.spec.sources(index);
            let operands: Vec<&Array2<f64>> = sources.iter().map(|&s| &tensors[s]).collect();
            let result = self.layer(index, &operands)?;
            tensors.push(result);
        }
        Ok(tensors)
    }

    /// The result of one layer; of an activation that is antiperiodic, its phases as those of a function of
    /// one period.
    ///
    /// # Errors
    /// [`ModelError::TensorMissing`] and [`ModelError::TensorShape`] for the floats, [`Error::RealNotFinite`].
    pub(super) fn layer(
        &self,
        index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        let layer = &self.spec.layers[index];
        let name = &layer.name;
        let first = operands[0];
        let result = match &layer.op {
            Op::Dense(_) | Op::Conv(_) => {
                let linear = layer.op.linear().expect("both have weights");
                let (weights, bias) = self.linear(name, &linear)?;
                linear_sums(&linear, &weights, &bias, first)
            }
            Op::Embedding(embedding) => {
                let shape = [embedding.vocabulary, embedding.dimension];
                let vectors = self.tensor(&format!("{name}.weight"), &shape)?;
                if embedding.encoding == Encoding::Number {
                    return Ok(vectors_of(&vectors, first));
                }
                let window = fhe_nn_proof::spec::Window::each(
                    embedding.vocabulary,
                    embedding.dimension,
                    embedding.positions,
                );
                convolve(&window, vectors.t(), 0.0, first)
            }
            Op::Activation(act) => {
                let channels = self.channels(index);
                self.curve(index, act)?.results(act.phases, channels, first)
            }
            op => values(op, operands).expect("all others have no floats"),
        };
        super::check_finite(name, &result)?;
        Ok(result)
    }

    /// Weights, `[channels, taps]`, and bias.
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

    /// A tensor that must be there, as a matrix of its first extent.
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
        let custom =
            |op: &Op| matches!(op, Op::Activation(act) if act.function == Function::Custom);
        let before = &self.spec.layers[..index];
        let own = before.iter().filter(|layer| custom(&layer.op)).count();
        let custom = match act.function {
            Function::Custom => Some(*self.functions.get(own).ok_or(ModelError::PartMissing)?),
            _ => None,
        };
        Ok(Curve {
            function: act.function,
            custom,
            parameters: parameters.collect::<Result<_, _>>()?,
        })
    }

    /// Channels of what an activation reads.
    fn channels(&self, index: usize) -> usize {
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

/// The vectors, of a row each, of tokens `[samples, tokens]`: `[samples, dimension x tokens]`.
pub(super) fn vectors_of<T: Copy, U: Copy + Into<f64>>(
    vectors: &Array2<T>,
    tokens: &Array2<U>,
) -> Array2<T> {
    let positions = tokens.ncols();
    let shape = (tokens.nrows(), vectors.ncols() * positions);
    Array2::from_shape_fn(shape, |(sample, j)| {
        let token: f64 = tokens[[sample, j % positions]].into();
        vectors[[token as usize, j / positions]]
    })
}

/// Sums of a layer with weights in reals.
pub(super) fn linear_sums(
    linear: &LinearSpec,
    weights: &Array2<f64>,
    bias: &Array1<f64>,
    values: &Array2<f64>,
) -> Array2<f64> {
    let mut sums = match &linear.window {
        None => values.dot(&weights.t()),
        Some(window) => convolve(window, weights.view(), 0.0, values),
    };
    for (j, mut column) in sums.axis_iter_mut(Axis(1)).enumerate() {
        column += bias[j / linear.positions];
    }
    sums
}

/// The result of a layer without weights or tables; `None` for others.
fn values(op: &Op, operands: &[&Array2<f64>]) -> Option<Array2<f64>> {
    let first = *operands.first()?;
    Some(match op {
        Op::Pool(pool) => match pool.kind {
            Pool::Average => {
                let sums = add_up(&Rows::windows(&pool.window), operands, |weight| {
                    weight as f64
                });
                sums / pool.window.taps() as f64
            }
            Pool::Max => greatest(&pool.window, first),
        },
        Op::Add | Op::Mul | Op::Concat | Op::Flatten => combined(op, operands),
        Op::Dense(_) | Op::Conv(_) | Op::Embedding(_) | Op::Activation(_) => return None,
    })
}

/// Sums, products or all values of tensors `[samples, values]`.
pub(super) fn combined<T: ndarray::LinalgScalar>(op: &Op, operands: &[&Array2<T>]) -> Array2<T> {
    let views: Vec<_> = operands.iter().map(|operand| operand.view()).collect();
    let others = &operands[1..];
    match op {
        Op::Concat => concatenate(Axis(1), &views).expect("as many samples of each"),
        Op::Mul => others
            .iter()
            .fold(operands[0].clone(), |all, &other| all * other),
        Op::Add => others
            .iter()
            .fold(operands[0].clone(), |all, &other| all + other),
        _ => operands[0].clone(),
    }
}

/// The greatest value of every window of tensors `[samples, values]`.
pub(super) fn greatest<T>(window: &fhe_nn_proof::spec::Window, values: &Array2<T>) -> Array2<T>
where
    T: ndarray::LinalgScalar + PartialOrd + Send + Sync,
{
    let taps =
        (0..window.taps()).map(|tap| add_up(&Rows::tap(window, tap), &[values], |_| T::one()));
    let greater = |a: Array2<T>, b: Array2<T>| {
        ndarray::Zip::from(&a)
            .and(&b)
            .map_collect(|&a, &b| if a < b { b } else { a })
    };
    taps.reduce(greater).unwrap_or_else(|| values.clone())
}

impl Curve<'_> {
    /// A function without parameters.
    #[cfg(all(test, feature = "train"))]
    pub(crate) fn of(function: Function) -> Self {
        Curve {
            function,
            custom: None,
            parameters: Vec::new(),
        }
    }

    /// The value at `x` for a neuron of a channel.
    pub(crate) fn value(&self, x: f64, channel: usize) -> f64 {
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

    /// How much further phase q of k lies: q/k of half a period.
    pub(crate) fn shift(&self, q: u32, phases: u32) -> f64 {
        match self.function {
            Function::Wave => 2.0 * f64::from(q) / f64::from(phases),
            _ => 0.0,
        }
    }

    /// One result per neuron and phase.
    fn results(&self, phases: u32, channels: usize, before: &Array2<f64>) -> Array2<f64> {
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
