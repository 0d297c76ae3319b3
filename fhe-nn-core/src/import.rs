//! Imports models from elsewhere: an ONNX file becomes a declaration with proposed bit-widths, and float weights.
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
//! Nodes are read one after the other. Matrix products and convolutions become linear layers; averages, maxima,
//! sums and products of tensors become the layers of the same kind. Nodes that compute each value by itself are
//! collected as one function until a layer reads it. Its lines, such as batch normalization, go into weights and
//! biases, and the rest is an activation, which is recognized by its values, whatever nodes it was written with.
//! Nodes that only move values are followed, not computed: transposed, reshaped or sliced values are the same
//! values at other places, and the weights that read them are moved instead.
//!
//! A line of each input value that the model begins with, such as `Sub` and `Div` by feature or by channel, is the client's,
//! and costs nothing: it is kept beside the floats as `input.mean` and `input.std`. Features are alike after that, so the
//! declaration has one scale for them; where they are not, a note of the quantizer says to write `scales = per_value`.
//!
//! The guide's page [`operators`](crate::guide::operators) has every operator of ONNX, and what becomes of it. A node
//! that has no counterpart is refused by its name, and so is an attribute that is not known.
//!
//! Integer weights and scales of a model that is quantized already are kept: `QuantizeLinear` and
//! `DequantizeLinear` as Brevitas and PyTorch export them, operators of integers such as `QLinearConv` as onnxruntime
//! writes them, and `Quant` of QONNX.
//!
//! What follows the last layer is the client's. It brings the values of a row into the order of the network, moves,
//! averages, adds up or quantizes scores as the model does, and [`Scores::reals`](crate::Scores::reals) are the
//! model's outputs. A softmax, an argmax or another function of them is left to you, and a note says so.
//!
//! Models of scikit-learn come in as skl2onnx writes them: multilayer perceptrons, linear and logistic models, and
//! pipelines with scalers. Of several outputs, the one with the most real values is imported, or the one that
//! [`ImportOptions`] choose.
//!
//! A file is not trusted: a model and the files beside it may have at most 1 GiB, and at most 2^25 values, and everything that is wrong is
//! an [`ImportError`].
//!
//! # Rooms
//!
//! Each folder imports only from those before it in this list, and from the errors and the budget beside them:
//! `onnx` (what a file says), `function` (functions of single values), `place` (where values are), `net` (the
//! network that is made) and `operator` (what each node makes of its operands). `walk` leads a graph through them.

mod budget;
mod comparison;
mod error;
mod function;
mod imported;
mod net;
mod onnx;
mod operator;
mod options;
mod place;
mod reference;
mod sketch;
mod stored;
#[cfg(test)]
mod tests;
mod walk;

use std::path::Path;

use fhe_nn_proof::model::check_size;

pub use comparison::Comparison;
pub use error::{ImportError, Unsupported};
pub use imported::{CustomFunction, Imported};
pub use net::Widths;
pub use options::ImportOptions;
pub use reference::Reference;

use self::budget::Budget;
use self::net::{network_name, propose};
use self::onnx::{Beside, Graph};
use self::walk::walk;
use crate::kind::Kind;
use crate::{Error, file};

/// Imports an ONNX file; the network is named after it. The options are [`Widths`] alone, or [`ImportOptions`].
/// Values that the model keeps in files beside it, such as `model.onnx.data`, are read from its folder.
///
/// # Errors
/// [`ImportError`] for files that cannot be read, and the errors of [`onnx`](onnx()).
pub fn load(
    path: impl AsRef<Path>,
    options: impl Into<ImportOptions>,
) -> Result<Imported, ImportError> {
    let path = path.as_ref();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    let bytes = file::read(path)?;
    let imported = import(
        &bytes,
        Beside::Folder(folder),
        &network_name(&stem),
        &options.into(),
    );
    imported.map_err(|error| error.of_file(path))
}

/// Imports an ONNX model in memory; the network gets the name `name`.
///
/// # Errors
/// [`ImportError`] for models that are broken or keep values in other files, and for nodes that have no
/// counterpart, all of which it lists.
pub fn onnx(
    bytes: &[u8],
    name: &str,
    options: impl Into<ImportOptions>,
) -> Result<Imported, ImportError> {
    import(bytes, Beside::Memory(&[]), name, &options.into())
}

/// Imports an ONNX model in memory, with the files in which it keeps values. `data` has the location of each file
/// as the model names it (`model.onnx.data`), and its bytes.
///
/// # Errors
/// [`ImportError::External`] for a file that is not there or too short, and the errors of [`onnx`](onnx()).
pub fn onnx_with_data(
    bytes: &[u8],
    data: &[(&str, &[u8])],
    name: &str,
    options: impl Into<ImportOptions>,
) -> Result<Imported, ImportError> {
    import(bytes, Beside::Memory(data), name, &options.into())
}

fn import(
    bytes: &[u8],
    beside: Beside<'_>,
    name: &str,
    options: &ImportOptions,
) -> Result<Imported, ImportError> {
    check_size(bytes.len() as u64).map_err(Error::from)?;
    Kind::check(bytes, &[Kind::Onnx], "an ONNX model")?;
    let budget = Budget::new();
    let graph = Graph::parse(bytes, beside, options.output(), &budget)?;
    let mut net = walk(&graph, &budget)?;
    let widths = options.widths();
    let spec = propose(&net, name, &widths)?;
    if widths.requantize() {
        net.requantize();
    }
    net.drop_moved_scales(&spec)?;
    let functions = net.functions.iter();
    let functions = functions.map(|(name, expr)| CustomFunction {
        name: name.clone(),
        expr: expr.clone(),
    });
    Ok(Imported {
        spec,
        functions: functions.collect(),
        floats: net.floats,
        notes: net.notes,
        tail: net.tail,
    })
}
