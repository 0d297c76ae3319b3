//! Which values are never negative.

use fhe_nn_proof::spec::{Op, Pool};

use super::network::{Net, Source};
use crate::import::function::is_never_negative;
use crate::import::place::View;

impl Net {
    /// Whether no value of a view is negative, whatever the input is.
    pub(crate) fn is_never_negative(&self, view: &View) -> bool {
        let tensor = match self.bases[view.base].source {
            Source::Tensor(tensor) | Source::Each(tensor) => Some(tensor),
            Source::Input | Source::Linear(_) | Source::MaxPool(..) | Source::Client(_) => None,
        };
        let never = tensor.is_some_and(|tensor| self.has_no_negative(tensor));
        let least = if never { 0.0 } else { f64::NEG_INFINITY };
        is_never_negative(&view.expr, least)
    }

    /// Whether a tensor stands for reals of which none is negative.
    fn has_no_negative(&self, tensor: usize) -> bool {
        let Some(layer) = self.maker(tensor) else {
            return false; // the input may be anything
        };
        let mut sources = self.sources(tensor - 1).into_iter();
        match &layer.op {
            Op::Activation(act) => act.function.range(1).lo == 0,
            Op::Pool(pool) => match pool.kind {
                Pool::Average | Pool::Max => sources.all(|source| self.has_no_negative(source)),
            },
            Op::Add | Op::Mul | Op::Concat | Op::Flatten => {
                sources.all(|source| self.has_no_negative(source))
            }
            Op::Dense(_) | Op::Conv(_) | Op::Embedding(_) => false,
        }
    }
}
