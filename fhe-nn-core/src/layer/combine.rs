//! Layers that combine whole tensors and have no numbers of their own.

use std::sync::Arc;

use fhe_nn_proof::encoder::Encoder;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::Combine;
use ndarray::{Array2, Axis, LinalgScalar, concatenate};

use super::{Compute, Layer, Part, of_sources, sealed::Sealed};
use crate::Error;
use crate::quantize::float::Float;
use crate::quantize::run::Run;
use crate::quantize::tensor::Tensor;
#[cfg(feature = "train")]
use crate::train::{Failure, forward::Forward, signal::Signal};

/// Flattens a tensor. Sums stay sums, which an activation may read.
///
/// # Shapes
/// `[..]` to `[product of the extents]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Flatten(Arc<[Encoder]>);

/// The sum of two or more tensors, value by value: `#[from(a, b)] sum: layer::Add`. The quantizer gives
/// the operands one scale.
///
/// # Shapes
/// Two or more tensors of one shape to the same shape. All but the first may also have one value for each channel,
/// `[C]`, `[C, 1]` or `[C, 1, 1]` beside `[C, ..]`, which is added to all values of the channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Add(Arc<[Encoder]>);

/// Concatenates tensors along their first extent: `#[from(a, b)] both: Concat`. The quantizer gives the
/// operands one scale. If all operands are sums, the results are sums too, which an activation may read.
///
/// # Shapes
/// `[A, ..]` and `[B, ..]` to `[A + B, ..]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Concat(Arc<[Encoder]>);

/// The product of two tensors, value by value: `#[from(a, b)] product: layer::Mul`. In integers, it is
/// exactly `floor((a + b)^2 / 4) - floor((a - b)^2 / 4)`, which takes two bootstraps for each result.
///
/// # Shapes
/// Two tensors of one shape to the same shape. The second may also have one value for each channel, `[C]`, `[C, 1]` or
/// `[C, 1, 1]` beside `[C, ..]`, by which all values of the channel are multiplied: a gate, as in
/// squeeze-and-excitation.
#[derive(Debug, Clone, PartialEq)]
pub struct Mul(Arc<[Encoder]>);

of_sources!(
    [] Flatten;
    [] Add;
    [] Concat;
    [] Mul;
);

impl Compute for Combine {
    fn float(
        &self,
        _float: &Float<'_>,
        _index: usize,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Error> {
        Ok(combined(*self, operands))
    }

    fn quantize(&self, run: &mut Run<'_>, index: usize) -> Result<(Part, Tensor), Error> {
        run.combined(index, |operands| combined(*self, operands))
    }

    #[cfg(feature = "train")]
    fn train(
        &self,
        forward: &mut Forward<'_>,
        index: usize,
        tensors: &[Signal],
    ) -> Result<Signal, Failure> {
        let operands = forward.operands(index, tensors)?;
        let first = *operands.first().ok_or(ModelError::PartMissing)?;
        let (mut integers, mut scale) = (first.integers.clone(), first.scale.clone());
        match self {
            Combine::Add => {
                for other in &operands[1..] {
                    integers = (&integers + repeated(&other.integers, &integers)?)?;
                }
            }
            Combine::Mul => {
                for other in &operands[1..] {
                    integers = (&integers * repeated(&other.integers, &integers)?)?;
                    scale = (scale * &other.scale)?;
                }
            }
            Combine::Concat => {
                let all: Vec<_> = operands.iter().map(|operand| &operand.integers).collect();
                integers = candle_core::Tensor::cat(&all, 1)?;
            }
            Combine::Flatten => {}
        }
        forward.combined(index, &operands, integers, scale)
    }
}

/// Adds, multiplies or concatenates tensors, `[samples, values]`.
fn combined<T: LinalgScalar>(combine: Combine, operands: &[&Array2<T>]) -> Array2<T> {
    let (first, others) = (operands[0].clone(), operands[1..].iter());
    match combine {
        Combine::Add => others.fold(first, |all, &other| each(&all, other, |a, b| a + b)),
        Combine::Mul => others.fold(first, |all, &other| each(&all, other, |a, b| a * b)),
        Combine::Concat => {
            let views: Vec<_> = operands.iter().map(|operand| operand.view()).collect();
            concatenate(Axis(1), &views).expect("as many samples of each")
        }
        Combine::Flatten => first,
    }
}

/// Combines the values of every sample. One value of `b` may meet several values of `a` in a row.
fn each<T: LinalgScalar>(a: &Array2<T>, b: &Array2<T>, combine: impl Fn(T, T) -> T) -> Array2<T> {
    let repeats = a.ncols() / b.ncols().max(1);
    Array2::from_shape_fn(a.dim(), |(sample, value)| {
        combine(a[[sample, value]], b[[sample, value / repeats.max(1)]])
    })
}

/// `[samples, values]` with every value as often in a row as `like` has more of them.
#[cfg(feature = "train")]
fn repeated(
    tensor: &candle_core::Tensor,
    like: &candle_core::Tensor,
) -> candle_core::Result<candle_core::Tensor> {
    let ((samples, own), (_, values)) = (tensor.dims2()?, like.dims2()?);
    if own == values {
        return Ok(tensor.clone());
    }
    let each = tensor.reshape((samples, own, 1))?;
    each.broadcast_as((samples, own, values / own))?
        .reshape((samples, values))
}
