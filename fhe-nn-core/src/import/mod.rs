//! Models from elsewhere: an ONNX file becomes a declaration with proposed bit-widths, and float weights.
//!
//! ```no_run
//! # fn main() -> Result<(), fhe_nn_core::import::ImportError> {
//! use fhe_nn_core::import::{self, Widths};
//!
//! let imported = import::load("digits.onnx", &Widths::default())?;
//! println!("{}", imported.declaration()); // the struct, ready to paste
//! imported.floats.save("digits.safetensors")?; // for `Digits::quantize`
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a model
//!
//! Nodes are read one after the other. Matrix products and convolutions become linear layers; averages,
//! greatest values, sums and products of tensors become those of the language. Everything that computes each
//! value by itself is one function until a layer reads it: lines, such as batch normalization, go into weights
//! and biases, and what is left is an activation, which is recognized by its values, whatever nodes it was
//! written with. Everything that only moves values is followed, not computed: transposed, reshaped or
//! sliced values are the same values at other places, and the weights that read them are moved instead.
//!
//! Integer weights and scales of a model that was trained with quantization are kept: `QuantizeLinear` and
//! `DequantizeLinear` as Brevitas and PyTorch export them, `Quant` of QONNX.
//!
//! A file is not trusted: it has at most 1 GiB, a model at most 2^25 values, and what is wrong is an
//! [`ImportError`].

mod area;
mod axes;
mod code;
mod combine;
mod conv;
mod embedding;
mod error;
mod expr;
mod fold;
mod formula;
mod graph;
mod kept;
mod layers;
mod levels;
mod line;
mod linear;
mod names;
mod net;
mod node;
mod operation;
mod pool;
mod propose;
mod proto;
mod rearrange;
mod recognize;
mod scores;
mod signal;
mod tensor;
mod values;
#[cfg(test)]
mod vectors;
mod walk;
mod weigh;
mod windows;

use std::path::Path;

use fhe_nn_proof::model::check_size;
use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, ArrayView2};

pub use error::{ImportError, Unsupported};
pub use propose::Widths;

use self::expr::Expr;
use self::graph::Graph;
use self::tensor::Budget;
use crate::quantize::{CustomFn, float_scores};
use crate::{Error, Floats, file};

/// A model as a declaration and its floats.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The declaration, with the bit-widths of the model, or proposed ones.
    pub spec: Spec,
    /// Weights, biases and parameters by the names of fields; scales that the model has itself.
    pub floats: Floats,
    /// Of the `Custom` layers, in their order.
    pub functions: Vec<OwnFunction>,
    /// If the network takes inputs in another order than the model, channels first: of every value, its place
    /// in the model's input.
    pub order: Option<Vec<usize>>,
    /// What is not in the declaration, a line each: what is the client's, and in which order inputs are.
    pub notes: Vec<String>,
}

/// A function that no activation of the language computes.
#[derive(Debug, Clone)]
pub struct OwnFunction {
    /// Its name.
    pub name: String,
    expr: Expr,
}

/// The network of an ONNX file, by whose name it is called.
///
/// # Errors
/// [`ImportError`] for files that cannot be read, and those of [`onnx`].
pub fn load(path: impl AsRef<Path>, widths: &Widths) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let words = names::snake_case(&stem);
    let words = words.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    let mut name: String = words.collect();
    // a layer or trait of that name would be hidden
    if names::is_taken(&name) {
        name.push_str("Network");
    }
    onnx(&file::read(path)?, &name, widths)
}

/// The network of an ONNX model in memory, called `name`.
///
/// # Errors
/// [`ImportError`] for models that are broken, and with all nodes that have no counterpart.
pub fn onnx(bytes: &[u8], name: &str, widths: &Widths) -> Result<Imported, ImportError> {
    check_size(bytes.len() as u64).map_err(Error::from)?;
    let budget = Budget::new();
    let graph = Graph::parse(bytes, &budget)?;
    let net = walk::walk(&graph, &budget)?;
    let spec = propose::propose(&net, name, widths)?;
    Ok(Imported {
        spec,
        order: net.order(),
        floats: net.floats,
        functions: net
            .functions
            .into_iter()
            .map(|(name, expr)| OwnFunction { name, expr })
            .collect(),
        notes: net.notes,
    })
}

impl Imported {
    /// The struct that declares the network, and its own functions, ready to paste.
    pub fn declaration(&self) -> String {
        let names: Vec<&str> = self.functions.iter().map(|own| own.name.as_str()).collect();
        let functions = self.functions.iter().map(OwnFunction::code);
        let texts = std::iter::once(self.spec.declaration(&names)).chain(functions);
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The scores of the float network; see [`crate::Network::float_scores`].
    ///
    /// # Errors
    /// Those of the inputs.
    pub fn float_scores(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f64>, Error> {
        let functions: Vec<_> = self.functions.iter().map(|own| |x| own.value(x)).collect();
        let functions: Vec<CustomFn<'_>> =
            functions.iter().map(|own| own as CustomFn<'_>).collect();
        float_scores(&self.spec, &functions, &self.floats, inputs)
    }
}

impl OwnFunction {
    /// Its value.
    pub fn value(&self, x: f32) -> f32 {
        self.expr.value(&[f64::from(x)], 0) as f32
    }

    /// Itself, as it is declared.
    pub fn code(&self) -> String {
        code::function(&self.name, &self.expr).unwrap_or_default()
    }
}
