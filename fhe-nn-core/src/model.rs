//! A network as a value: a declaration with the integers of its quantized model.

use std::path::Path;

use fhe_nn_proof::client::ClientSpec;
use fhe_nn_proof::graph::Graph;
use fhe_nn_proof::model;
use fhe_nn_proof::part::Part;
use fhe_nn_proof::plan::{Fingerprint, Plan, PlanOptions};
use fhe_nn_proof::spec::{Op, Rounding, Spec};

use crate::kind::Kind;
use crate::{Error, file};

/// A quantized network that is known only when the program runs.
///
/// A model file holds the declaration beside the integers, so the file alone is enough. A service or a
/// command-line tool uses this type where a program for one network uses the declared struct. Both do the
/// same, since [`Network`](crate::Network) delegates to this type. Layers with functions of their own
/// (`Custom`) need no code here, because their tables are in the file.
///
/// A clone shares the integers and costs next to nothing.
///
/// ```
/// use fhe_nn_core::{Model, Network};
/// # use fhe_nn_core::prelude::*;
/// # use ndarray::array;
/// # #[fhe_network(input(shape = [2], bits = 1))]
/// # struct Both {
/// #     #[bits(weights = 2)]
/// #     sum: Dense<2, 1>,
/// # }
/// # let mut floats = Floats::new();
/// # floats.insert("sum.weight", array![[1.0, 1.0]].into_dyn())?;
/// # let samples = array![[0.0, 1.0], [1.0, 1.0]];
/// # let both = Both::quantize(&floats, samples.view())?.network;
/// let bytes = both.to_bytes(); // a file that `both.save` wrote
/// let model = Model::from_bytes(&bytes)?;
/// assert_eq!(model.spec().name, "Both");
/// assert_eq!(model.run(&[1.0, 0.0])?, both.run(&[1.0, 0.0])?);
/// # Ok::<(), fhe_nn_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    spec: Spec,
    parts: Vec<Part>,
}

impl Model {
    /// The largest model, or file of floats or rows, that is read, in bytes: 1 GiB.
    pub const MAX_BYTES: u64 = model::MAX_BYTES;

    /// Makes a model from a checked declaration and parts that were made for it or checked against it.
    pub(crate) fn new(spec: Spec, parts: Vec<Part>) -> Self {
        Model { spec, parts }
    }

    /// Loads a file that [`Model::save`] or [`Network::save`](crate::Network::save) wrote. Everything that
    /// this crate relies on is checked, so the file may come from anywhere.
    ///
    /// # Errors
    /// [`Error::Read`] and those of [`Model::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::read_as("model", path.as_ref(), Self::from_bytes)
    }

    /// Reads a model file from memory.
    ///
    /// # Errors
    /// [`Error::Model`] if the bytes are not a model, if its declaration breaks a law, or if an
    /// accumulator is narrower than what its weights can reach.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Kind::check(bytes, &[Kind::Safetensors], "a quantized model")?;
        let (spec, parts) = model::open(bytes)?;
        Ok(Self::new(spec, parts))
    }

    /// Returns whether bytes are a file that says of itself that it is a quantized model. It may still be
    /// broken, or of a newer version.
    pub fn recognizes(bytes: &[u8]) -> bool {
        model::recognizes(bytes)
    }

    /// Saves the integers, with their meaning and the declaration, as one safetensors file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), &self.to_bytes())
    }

    /// Returns the model file as bytes. Equal models give equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        model::to_bytes(&self.spec, &self.parts)
    }

    /// Returns the declaration.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Returns the integers of the layers, in their order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the integer program that every backend runs.
    pub fn graph(&self) -> Graph<'_> {
        Graph::new(&self.spec, &self.parts).expect("a model holds the parts of its declaration")
    }

    /// Returns what a client must know: how inputs are encoded and what scores mean. It holds no weights.
    pub fn client_spec(&self) -> ClientSpec {
        self.graph().client_spec()
    }

    /// Returns the SHA-256 hash of the declaration and the integers. Keys and plans refer to it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.graph().fingerprint()
    }

    /// Returns the network with approximate rounding in every table that drops bits; `None` if there is no such
    /// table, or if all of them round so already. The integers are the same, and so are clear runs; encrypted ones are
    /// faster, and differ from clear ones now and then.
    pub fn approximate(&self) -> Option<Model> {
        let facts = self
            .spec
            .flow()
            .expect("a model is of a checked declaration");
        let mut model = self.clone();
        for index in 0..model.spec.layers.len() {
            let width = facts[model.spec.sources(index)[0]].range.signed_bits();
            if let Op::Activation(act) = &mut model.spec.layers.to_mut()[index].op
                && act.table.is_some_and(|table| table < width)
            {
                act.rounding = Rounding::Approximate;
            }
        }
        (model.spec != self.spec).then_some(model)
    }

    /// Finds the parameters of an encrypted run.
    ///
    /// # Errors
    /// [`Error::Plan`] if no parameters hold the noise, and [`Error::Model`] if an accumulator or score is
    /// wider than can be read encrypted.
    pub fn plan(&self, options: &PlanOptions) -> Result<Plan, Error> {
        let (_, plan) = self.graph().plan(options)?;
        Ok(plan)
    }
}
