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
/// Two or more tensors of one shape to the same shape.
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
/// Two tensors of one shape to the same shape.
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
                    integers = (integers + &other.integers)?;
                }
            }
            Combine::Mul => {
                for other in &operands[1..] {
                    integers = (integers * &other.integers)?;
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
        Combine::Add => others.fold(first, |all, &other| all + other),
        Combine::Mul => others.fold(first, |all, &other| all * other),
        Combine::Concat => {
            let views: Vec<_> = operands.iter().map(|operand| operand.view()).collect();
            concatenate(Axis(1), &views).expect("as many samples of each")
        }
        Combine::Flatten => first,
    }
}
