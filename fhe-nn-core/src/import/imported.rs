//! What an import returns: a declaration, its floats, and what a user should know.

use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, ArrayView2};

use super::function::{Expr, function};
use super::net::Tail;
use crate::quantize::CustomFn;
use crate::{Calibration, Error, Floats, Model, Quantized};

/// An imported model: a declaration and its float weights.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Imported {
    /// The declaration, with the bit-widths of the model or proposed ones. Its interface has what is the client's:
    /// the order of inputs, and what becomes of the scores.
    pub spec: Spec,
    /// Weights, biases and parameters by the names of fields, and the scales that the model itself has.
    pub floats: Floats,
    /// The functions of the `Custom` layers, in the order of the layers.
    pub functions: Vec<CustomFunction>,
    /// What the declaration does not say, a line each: what is left to the client, and what is computed otherwise.
    pub notes: Vec<String>,
    /// What is left to the client after the outputs.
    pub(super) tail: Tail,
}

/// A function that no activation of the language computes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CustomFunction {
    /// The name of the function.
    pub name: String,
    pub(super) expr: Expr,
}

impl Imported {
    /// The struct that declares the network, and its custom functions, ready to paste after
    /// `use fhe_nn_core::prelude::*;`.
    pub fn declaration(&self) -> String {
        let names: Vec<&str> = self.functions.iter().map(|own| own.name.as_str()).collect();
        let functions = self.functions.iter().map(CustomFunction::code);
        let texts = std::iter::once(self.spec.declaration(&names)).chain(functions);
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Quantizes the network; see [`Model::quantize_with`].
    ///
    /// # Shapes
    /// `samples`: `[samples, values of one input]`, in the order of the model.
    ///
    /// # Errors
    /// The errors of [`Model::quantize_with`].
    pub fn quantize(
        &self,
        samples: ArrayView2<'_, f32>,
        calibration: &Calibration,
    ) -> Result<Quantized<Model>, Error> {
        self.with_functions(|functions| {
            Model::quantize_with(&self.spec, functions, &self.floats, samples, calibration)
        })
    }

    /// The outputs of the float network; see [`Model::float_scores`].
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`, in the order of the model; the result: `[inputs, outputs]`.
    ///
    /// # Errors
    /// The errors of inputs that do not fit.
    pub fn float_scores(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f64>, Error> {
        self.with_functions(|functions| {
            Model::float_scores(&self.spec, functions, &self.floats, inputs)
        })
    }

    /// Finds the bit-widths of the network; see [`Tuner::run`](crate::tune::Tuner::run). Rows are in the order of the
    /// model. The declaration of the result is printed with its custom functions by [`Imported::declaration`] of
    /// this model with that `spec`.
    ///
    /// # Errors
    /// Those of [`Tuner::run`](crate::tune::Tuner::run).
    #[cfg(feature = "tune")]
    pub fn tune(
        &self,
        tuner: &crate::tune::Tuner<'_>,
        rows: ArrayView2<'_, f32>,
        labels: Option<&[u32]>,
    ) -> Result<crate::tune::Tuned, Error> {
        self.with_functions(|functions| {
            tuner.run(&self.spec, functions, &self.floats, rows, labels)
        })
    }

    fn with_functions<R>(&self, job: impl FnOnce(&[CustomFn<'_>]) -> R) -> R {
        let functions = self.functions.iter();
        let functions: Vec<_> = functions.map(|own| |x| own.value(x)).collect();
        let functions: Vec<CustomFn<'_>> = functions.iter().map(|own| own as _).collect();
        job(&functions)
    }
}

impl CustomFunction {
    /// The value of the function.
    pub fn value(&self, x: f32) -> f32 {
        self.expr.value(&[f64::from(x)], 0) as f32
    }

    /// The function as Rust code.
    pub fn code(&self) -> String {
        function(&self.name, &self.expr).unwrap_or_default()
    }
}
