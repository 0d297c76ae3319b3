//! Layers without numbers of their own, which combine whole tensors.

use core::fmt;
use core::ops::RangeInclusive;
use std::borrow::Cow;

use super::{LayerSpec, expect, readable};
use crate::client::Affine;
use crate::error::ModelError;
use crate::graph::Fixed;
use crate::graph::builder::{ALL, Builder};
use crate::graph::map::{Map, Rows};
use crate::model::reader::{ModelReader, Place};
use crate::part::Part;
use crate::spec::flow_error::FlowError;
use crate::spec::tensor::{Tensor, TensorKind};
use crate::widths::Range;

/// An operation on whole tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// The sum of two tensors or more, value by value. All but the first may have one value for each channel.
    Add,
    /// The product of two tensors, value by value. The second may have one value for each channel.
    Mul,
    /// Tensors one after the other, along their channels.
    Concat,
    /// The values of one tensor in a row.
    Flatten,
}

impl Combine {
    /// The name of the layer type.
    pub const fn name(self) -> &'static str {
        match self {
            Combine::Add => "Add",
            Combine::Mul => "Mul",
            Combine::Concat => "Concat",
            Combine::Flatten => "Flatten",
        }
    }

    /// How many values in a row of a tensor meet one value of `other`, in a sum or a product: one if the shapes are
    /// the same, or all of a channel if `other` has one value for each; `None` if they do not go together.
    pub fn repeats(shape: &[usize], other: &[usize]) -> Option<usize> {
        match (shape, other) {
            _ if other == shape => Some(1),
            ([channels, area @ ..], [each, rest @ ..])
                if channels == each && rest.iter().all(|&extent| extent == 1) =>
            {
                Some(area.iter().product())
            }
            _ => None,
        }
    }

    /// The layer type as users write it: the prelude leaves the names `Add` and `Mul` to the operators of
    /// the standard library.
    pub const fn type_name(self) -> &'static str {
        match self {
            Combine::Add => "layer::Add",
            Combine::Mul => "layer::Mul",
            Combine::Concat | Combine::Flatten => self.name(),
        }
    }
}

impl LayerSpec for Combine {
    fn arity(&self) -> (RangeInclusive<usize>, &'static str) {
        match self {
            Combine::Add | Combine::Concat => (2..=usize::MAX, "at least 2 tensors"),
            Combine::Mul => (2..=2, "2 tensors"),
            Combine::Flatten => (1..=1, "1 tensor"),
        }
    }

    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        let (first, others) = (&operands[0].shape, &operands[1..]);
        others.iter().try_for_each(|other| match self {
            Combine::Add | Combine::Mul => match Combine::repeats(first, &other.shape) {
                Some(_) => Ok(()),
                None => expect(first, &other.shape),
            },
            Combine::Concat => {
                let mut expected = first.clone();
                expected[0] = other.shape[0];
                expect(&expected, &other.shape)
            }
            Combine::Flatten => Ok(()),
        })
    }

    fn check_widths(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        match (self, operands) {
            (Combine::Mul, [a, b]) => {
                readable("multiplies", "sums", a.range.plus(b.range))?;
                readable("multiplies", "differences", a.range.minus(b.range))
            }
            _ => Ok(()),
        }
    }

    fn facts(&self, operands: &[&Tensor]) -> Tensor {
        let first = operands[0];
        let others = operands[1..].iter().map(|tensor| tensor.range);
        let sums = |shape, range| Tensor {
            shape,
            range,
            odd: false,
            kind: TensorKind::Sums,
        };
        match self {
            Combine::Add => sums(first.shape.clone(), others.fold(first.range, Range::plus)),
            Combine::Mul => sums(first.shape.clone(), others.fold(first.range, Range::times)),
            Combine::Concat => {
                let mut shape = first.shape.clone();
                shape[0] = operands.iter().map(|tensor| tensor.shape[0]).sum();
                let range = others.fold(first.range, Range::hull);
                let is_sums = |tensor: &&Tensor| tensor.kind == TensorKind::Sums;
                if operands.iter().all(is_sums) {
                    return sums(shape, range);
                }
                Tensor {
                    shape,
                    range,
                    odd: operands.iter().all(|tensor| tensor.odd),
                    kind: TensorKind::Values,
                }
            }
            Combine::Flatten => Tensor {
                shape: vec![first.len()],
                ..first.clone()
            },
        }
    }

    fn type_name(&self) -> String {
        Combine::type_name(*self).to_owned()
    }

    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError> {
        reader.sources(place)
    }

    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError> {
        builder.has_no_integers(index)?;
        let operands = builder.operands(index);
        let sources = builder.sources(index).into_iter();
        let lens: Vec<usize> = sources.map(|source| builder.facts[source].len()).collect();
        let rows = match self {
            Combine::Add => {
                let terms: Vec<(i64, usize)> = lens.iter().map(|len| (1, lens[0] / len)).collect();
                Rows::each(lens[0], &terms)
            }
            Combine::Concat => Rows::concat(&lens),
            Combine::Mul => return Ok(product(builder, index)),
            Combine::Flatten => return Ok(operands[0]),
        };
        Ok(builder.sums(index, operands, Map::Rows(rows), Cow::Borrowed(&[])))
    }

    fn terms(&self, operands: usize) -> usize {
        match self {
            Combine::Add => operands,
            Combine::Mul | Combine::Concat | Combine::Flatten => 0,
        }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }

    fn divisor(&self) -> Option<f64> {
        match self {
            Combine::Add | Combine::Concat | Combine::Flatten => Some(1.0),
            Combine::Mul => None,
        }
    }

    fn needs_centred(&self) -> bool {
        matches!(self, Combine::Mul | Combine::Concat)
    }

    fn meaning(&self, operands: &[Affine]) -> Option<Affine> {
        let first = operands[0];
        Some(match self {
            Combine::Add => Affine {
                scale: first.scale,
                zero_point: operands.iter().map(|operand| operand.zero_point).sum(),
            },
            Combine::Mul => Affine {
                scale: first.scale * operands.get(1)?.scale,
                zero_point: 0,
            },
            Combine::Concat | Combine::Flatten => first,
        })
    }
}

/// `a b = floor((a + b)^2 / 4) - floor((a - b)^2 / 4)`: either both squares are odd or neither is.
fn product(builder: &mut Builder<'_>, index: usize) -> usize {
    let operands = builder.operands(index);
    let len = builder.first(index).len();
    let sources = builder.sources(index);
    let [a, b] = [sources[0], sources[1]].map(|source| builder.facts[source].range);
    let repeats = len / builder.facts[sources[1]].len();
    let squares = [(1, a.plus(b)), (-1, a.minus(b))].map(|(sign, range)| {
        let map = Map::Rows(Rows::each(len, &[(1, 1), (sign, repeats)]));
        let sums = builder.sums(index, operands.clone(), map, Cow::Borrowed(&[]));
        builder.fixed(index, sums, Fixed::QuarterSquare, range, ALL, len)
    });
    let less = Map::Rows(Rows::each(len, &[(1, 1), (-1, 1)]));
    builder.sums(index, squares.to_vec(), less, Cow::Borrowed(&[]))
}
