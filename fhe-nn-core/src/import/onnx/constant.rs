//! Tensors of constants.

use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use super::element::{Kind, extents, levels, values};
use super::proto::TensorProto;
use crate::import::budget::Budget;
use crate::import::error::ImportError;

/// A tensor of constants, whatever their type in the file.
#[derive(Debug, Clone)]
pub(crate) struct Constant {
    pub(crate) values: ArrayD<f64>,
    pub(crate) kind: Kind,
    /// The least and the greatest integer of the type.
    pub(crate) levels: Option<(i64, i64)>,
    /// If the values are integers times a scale, that scale.
    pub(crate) grid: Option<WeightGrid>,
}

/// A grid of integers times a scale: one scale for all values, or one for each index along an axis.
#[derive(Debug, Clone)]
pub(crate) struct WeightGrid {
    pub(crate) scales: Rc<[f64]>,
    pub(crate) axis: usize,
}

impl Constant {
    pub(crate) fn new(values: ArrayD<f64>, kind: Kind) -> Self {
        Constant {
            values,
            kind,
            levels: None,
            grid: None,
        }
    }

    /// A vector of integers.
    pub(crate) fn integers(values: impl IntoIterator<Item = usize>) -> Self {
        let values: ndarray::Array1<f64> = values.into_iter().map(|x| x as f64).collect();
        Constant::new(values.into_dyn(), Kind::Integer)
    }

    /// The only value; `None` if there are more.
    pub(crate) fn scalar(&self) -> Option<f64> {
        match self.values.len() {
            1 => self.values.first().copied(),
            _ => None,
        }
    }

    /// The values as integers, in row-major order.
    pub(crate) fn to_integers(&self) -> Vec<i64> {
        self.values.iter().map(|&x| x as i64).collect()
    }

    /// The scale of the weights of every output, times a factor; `None` if there are none, or they do not run
    /// along the outputs.
    pub(crate) fn output_scales(
        &self,
        axis: usize,
        outputs: usize,
        factor: f64,
    ) -> Option<Vec<f64>> {
        let grid = self.grid.as_ref()?;
        let own = |output: usize| match &*grid.scales {
            [one] => Some(one * factor.abs()),
            all if grid.axis == axis => Some(all.get(output)? * factor.abs()),
            _ => None,
        };
        (0..outputs).map(own).collect()
    }

    /// # Errors
    /// [`ImportError::Tensor`] if the type is not read, or the number of values is not the declared one.
    pub(crate) fn decode(tensor: &TensorProto, budget: &Budget) -> Result<Self, ImportError> {
        let fail = |reason: String| ImportError::Tensor {
            tensor: tensor.name.clone(),
            reason,
        };
        let (shape, declared) = extents(tensor).map_err(&fail)?;
        budget.take(declared, &tensor.name)?;
        let (values, kind) = values(tensor, declared).map_err(&fail)?;
        if values.len() != declared {
            let actual = values.len();
            return Err(fail(format!(
                "shape {shape:?} declares {declared} values, but there are {actual}"
            )));
        }
        let values = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .map_err(|error| fail(error.to_string()))?;
        Ok(Constant {
            levels: levels(tensor.data_type.into()),
            ..Constant::new(values, kind)
        })
    }
}
