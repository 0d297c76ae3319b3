//! The proof of a model: the macro reads it, proves every neuron's range from its weights, and finds the
//! parameters that a run will have, by the same functions as at run time.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use fhe_nn_proof::error::{ModelError, ProofError, more};
use fhe_nn_proof::model::MAX_BYTES;
use fhe_nn_proof::plan::Options;
use fhe_nn_proof::prove::{Proof, prove as prove_bytes};
use fhe_nn_proof::spec::Spec;
use fhe_nn_proof::widths::Range;

use crate::ast::{Kind, Network, Weights};
use crate::errors::{Error, Errors, Place};

/// The proof of the model of a network, if it has one.
pub(crate) fn prove(network: &Network, spec: &Spec) -> Result<Option<Proof>, Vec<Error>> {
    let Some(weights) = &network.weights else {
        return Ok(None);
    };
    let options = Options {
        failure_bits: weights
            .failure
            .map_or(Options::default().failure_bits, |bits| bits.value as f64),
        ..Options::default()
    };
    let proof = read(weights).and_then(|bytes| {
        prove_bytes(spec, &bytes, &options).map_err(|error| broken(network, weights, error))
    });
    let mut errors = Errors::new();
    let proof = proof.map_err(|error| errors.push(error)).ok();
    errors.finish(proof).map(Some)
}

/// The bytes of the model.
fn read(weights: &Weights) -> Result<Vec<u8>, Error> {
    let path = weights.path.value();
    let place = Place::of(&weights.path);
    let file = File::open(resolved(weights)).map_err(|error| {
        Error::new(place, format!("`{path}` cannot be read: {error}"))
            .note("the path starts from the folder of this source file")
            .help("remove `weights`, quantize and `save` a model there, and write it again")
    })?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    match read {
        Ok(size) if size as u64 <= MAX_BYTES => Ok(bytes),
        Ok(_) => Err(Error::new(
            place,
            format!("`{path}` is larger than {MAX_BYTES} bytes, which are the most that are read"),
        )),
        Err(error) => Err(Error::new(
            place,
            format!("`{path}` cannot be read: {error}"),
        )),
    }
}

/// From the folder of the source file, as `include_bytes!` has it.
fn resolved(weights: &Weights) -> PathBuf {
    // a compiler knows the file, a test of this crate does not
    let source = match proc_macro::is_available() {
        true => weights.path.span().unwrap().local_file(),
        false => None,
    };
    let folder = source.and_then(|file| Some(file.parent()?.to_owned()));
    folder.unwrap_or_default().join(weights.path.value())
}

/// What is wrong with a model, at the number to change.
fn broken(network: &Network, weights: &Weights, error: ProofError) -> Error {
    let place = Place::of(&weights.path);
    let again = "; then quantize and save the model again";
    match error {
        ProofError::Model(ModelError::AccumulatorBreaks {
            layer,
            neuron,
            reaches: Range { lo, hi },
            needs,
            promised,
            others,
        }) => {
            let others = more(others);
            let linear = network.layers.iter().find_map(|own| match &own.kind {
                Kind::Linear(linear) if own.name == layer => Some(linear),
                _ => None,
            });
            let declared = linear.and_then(|linear| linear.accumulator);
            let at = linear.map_or(place, |linear| {
                linear.accumulator.unwrap_or(linear.weights).place
            });
            Error::new(
                at,
                format!(
                    "neuron {neuron} of `{layer}` needs {needs} bits, but has {promised}{others}"
                ),
            )
            .note(format!(
                "with the weights of `{}`, it reaches [{lo}, {hi}]",
                weights.path.value()
            ))
            .help(match declared {
                Some(_) => format!("write `accumulator = {needs}` on `{layer}`{again}"),
                None => "the file was changed after it was quantized: save it again".to_owned(),
            })
        }
        ProofError::Plan(error) => {
            let at = weights.failure.map_or(place, |failure| failure.place);
            let (law, help) = parts(&error.to_string());
            let found = Error::new(at, law);
            match help {
                Some(help) => found.help(help),
                None => found,
            }
        }
        ProofError::Model(error) => {
            let (law, help) = parts(&error.to_string());
            let path = weights.path.value();
            Error::new(
                place,
                format!("`{path}` is no model of `{}`: {law}", network.name()),
            )
            .help(help.unwrap_or_else(|| {
                "quantize the network as it is declared here, and save it there".to_owned()
            }))
        }
    }
}

/// The law and the help of an error of the run time.
fn parts(text: &str) -> (String, Option<String>) {
    match text.split_once("\n  = help: ") {
        Some((law, help)) => (law.to_owned(), Some(help.to_owned())),
        None => (text.to_owned(), None),
    }
}
