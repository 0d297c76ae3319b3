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
//! A file is not trusted: it has at most 1 GiB, a model at most 2^26 values, and what is wrong is an
//! [`ImportError`].

mod combine;
mod error;
mod expr;
mod fold;
mod formula;
mod graph;
mod levels;
mod linear;
mod names;
mod net;
mod pool;
mod propose;
mod proto;
mod rearrange;
mod recognize;
mod scores;
mod signal;
mod tensor;
mod walk;
mod windows;

use std::path::Path;

use fhe_nn_proof::spec::Spec;
use ndarray::Array2;

pub use error::{ImportError, Unsupported};
pub use propose::Widths;

use self::graph::Graph;
use self::tensor::Budget;
use crate::quantize::float_scores;
use crate::{Error, Floats, file};

/// A model as a declaration and its floats.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The declaration, with the bit-widths of the model, or proposed ones.
    pub spec: Spec,
    /// Weights, biases and parameters by the names of fields; scales that the model has itself.
    pub floats: Floats,
    /// What is not in the declaration, a line each: what is the client's, and in which order inputs are.
    pub notes: Vec<String>,
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
    onnx(&file::read(path)?, &words.collect::<String>(), widths)
}

/// The network of an ONNX model in memory, called `name`.
///
/// # Errors
/// [`ImportError`] for models that are broken, and with all nodes that have no counterpart.
pub fn onnx(bytes: &[u8], name: &str, widths: &Widths) -> Result<Imported, ImportError> {
    file::check_size(bytes.len() as u64)?;
    let budget = Budget::new();
    let graph = Graph::parse(bytes, &budget)?;
    let net = walk::walk(&graph, &budget)?;
    let spec = propose::propose(&net, name, widths)?;
    Ok(Imported {
        spec,
        floats: net.floats,
        notes: net.notes,
    })
}

impl Imported {
    /// The struct that declares the network, ready to paste.
    pub fn declaration(&self) -> String {
        self.spec.declaration()
    }

    /// The scores of the float network; see [`crate::Network::float_scores`].
    ///
    /// # Errors
    /// Those of the inputs.
    pub fn float_scores(&self, inputs: &Array2<f32>) -> Result<Array2<f64>, Error> {
        float_scores(&self.spec, &[], &self.floats, inputs)
    }
}
