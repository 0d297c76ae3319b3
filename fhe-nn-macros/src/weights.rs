//! The proof of a model: the macro reads it, proves every neuron's range from its weights, and finds the
//! parameters that a run will have, by the same functions as at run time.

mod broken;
mod edit;
mod file;

use fhe_nn_proof::plan::PlanOptions;
use fhe_nn_proof::prove::{Proof, prove as prove_bytes};
use fhe_nn_proof::spec::Spec;
use syn::LitStr;

use self::broken::Attempt;
use crate::ast::{Network, Weights};
use crate::errors::{Error, Errors};

/// A model that was proved.
pub(crate) struct Proved {
    /// The path of its file, which does not depend on the current folder.
    pub(crate) path: LitStr,
    /// The proof of it.
    pub(crate) proof: Proof,
}

/// The proof of the model of a network, if it has one.
pub(crate) fn prove(network: &Network, spec: &Spec) -> Result<Option<Proved>, Vec<Error>> {
    let Some(weights) = &network.weights else {
        return Ok(None);
    };
    let mut errors = Errors::new();
    let proved = attempt(network, weights, spec);
    let proved = proved.map_err(|error| errors.push(error)).ok();
    errors.finish(proved).map(Some)
}

fn attempt(network: &Network, weights: &Weights, spec: &Spec) -> Result<Proved, Error> {
    let mut options = PlanOptions::new();
    if let Some(bits) = weights.failure {
        options = options.with_failure_bits(bits.value as f64);
    }
    let (path, bytes) = file::read(&weights.path)?;
    let attempt = Attempt {
        network,
        weights,
        spec,
        bytes: &bytes,
        options: &options,
    };
    let proof = prove_bytes(spec, &bytes, &options).map_err(|error| attempt.broken(error))?;
    Ok(Proved { path, proof })
}
