//! Errors about a model, placed at the number to change.

use fhe_nn_proof::error::{ModelError, ProofError, more};
use fhe_nn_proof::plan::{PlanError, PlanOptions};
use fhe_nn_proof::spec::Spec;
use fhe_nn_proof::widths::Range;

use super::edit::Edit;
use crate::ast::{Network, Weights};
use crate::errors::{Error, Place};

/// The remedy if the declaration is as it should be.
const SAVE: &str = "quantize the network as it is declared here, and save it there";

/// A proof that failed, and what it was to prove.
pub(super) struct Attempt<'a> {
    pub(super) network: &'a Network,
    pub(super) weights: &'a Weights,
    pub(super) spec: &'a Spec,
    pub(super) bytes: &'a [u8],
    pub(super) options: &'a PlanOptions,
}

impl Attempt<'_> {
    /// The error of the proof as one of the declaration.
    pub(super) fn broken(&self, error: ProofError) -> Error {
        let (law, help) = parts(&error.to_string());
        match error {
            ProofError::Plan(PlanError::NoParameters { layer, .. }) => {
                let (note, edit) = self.for_parameters(&layer, help);
                let error = Error::new(edit.place, law).help(edit.help);
                note.into_iter().fold(error, Error::note)
            }
            ProofError::Plan(_) => Error::new(self.path(), law),
            ProofError::Model(ModelError::AccumulatorBreaks {
                layer,
                neuron,
                reaches,
                needs,
                promised,
                others,
            }) => {
                let (file, others) = (self.weights.path.value(), more(others));
                let reaches = shown(reaches);
                let reach = format!("neuron {neuron} of `{layer}` reaches {reaches}: {needs} bits");
                match self.for_promise(&layer, needs) {
                    Some((declared, edit)) => Error::new(
                        edit.place,
                        format!("{reach}, but `accumulator` is {declared}{others}"),
                    )
                    .note(format!(
                        "with the weights of `{file}`; {declared} bits hold {}",
                        shown(Range::signed(declared))
                    ))
                    .help(edit.help),
                    None => Error::new(
                        self.path(),
                        format!("{reach}, but `{file}` says {promised}{others}"),
                    )
                    .help(SAVE),
                }
            }
            ProofError::Model(ModelError::EncryptedWidth {
                ref layer,
                width,
                limit,
                ..
            }) => self.at(self.for_width(layer, width, limit), law),
            ProofError::Model(ModelError::TableTooWide {
                ref layer, bits, ..
            }) => self.at(self.for_table(layer, bits), law),
            ProofError::Model(_) => {
                let (file, network) = (self.weights.path.value(), self.network.name());
                let law = format!("`{file}` is not a model of `{network}`: {law}");
                let help = help.unwrap_or_else(|| SAVE.to_owned());
                Error::new(self.path(), law).help(help)
            }
        }
    }

    /// An error at the number to change, or about the file if there is nothing to change.
    fn at(&self, edit: Option<Edit>, law: String) -> Error {
        let note = format!("with the weights of `{}`", self.weights.path.value());
        match edit {
            Some(Edit { place, help }) => Error::new(place, law).note(note).help(help),
            None => Error::new(self.path(), law).help(SAVE),
        }
    }

    /// Where the path of the file was written.
    pub(super) fn path(&self) -> Place {
        Place::of(&self.weights.path)
    }
}

fn shown(Range { lo, hi }: Range) -> String {
    format!("[{lo}, {hi}]")
}

/// The law and the help of an error of the run time.
fn parts(text: &str) -> (String, Option<String>) {
    match text.split_once("\n  = help: ") {
        Some((law, help)) => (law.to_owned(), Some(help.to_owned())),
        None => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    use super::*;
    use crate::weights::edit::AGAIN;
    use crate::{check, parse};

    const NETWORK: &str = "struct Widths {
        #[bits(weights = 16, accumulator = 24, overflow = wrap)]
        first: Dense<2, 1>,
        #[bits(output = 1, table = 9)]
        wave: Wave,
        #[bits(weights = 8)]
        second: Dense<1, 1>,
        sign: Sign,
        #[bits(weights = 3, accumulator = 24)]
        third: Dense<1, 1>,
        #[bits(output = 1, table = 8)]
        relu: Relu,
        #[bits(weights = 4)]
        scores: Dense<1, 1>,
    }";

    fn width(layer: &str, width: u32, limit: u32) -> ModelError {
        ModelError::EncryptedWidth {
            layer: layer.to_owned(),
            neuron: 0,
            width,
            limit,
            others: 0,
        }
    }

    #[test]
    fn every_width_has_a_number_to_change() {
        // the number at the caret with its key, and the edit
        let cases = [
            // a threshold took a bit more than the worst case
            (
                width("second", 10, 9),
                "weights = 8",
                "write `table = 6` on `sign`",
            ),
            (
                width("first", 24, 20),
                "accumulator = 24",
                "write `accumulator = 20` on `first`",
            ),
            (
                width("third", 22, 20),
                "accumulator = 24",
                "make the number of inputs of `third` smaller",
            ),
            (
                width("second", 24, 20),
                "weights = 8",
                "write `weights = 4` on `second`",
            ),
            (
                ModelError::TableTooWide {
                    layer: "relu".to_owned(),
                    bits: 9,
                    limit: 8,
                },
                "accumulator = 24",
                "write `table = 5` on `relu`",
            ),
        ];
        for (error, number, help) in cases {
            let said = error.to_string();
            let (place, message) = broken(error);
            assert!(
                message.ends_with(&format!("= help: {help}{AGAIN}")),
                "{message}"
            );
            assert!(place.ends_with(number), "{said}: at {place}");
        }
    }

    #[test]
    fn a_promise_beyond_what_is_read_is_kept_by_narrower_weights() {
        let breaks = |layer: &str, reach, promised| {
            let reaches = Range { lo: 0, hi: reach };
            let error = ModelError::breaks(layer, [(reaches, promised)]);
            broken(error.expect("it breaks the promise"))
        };
        let (place, message) = breaks("third", 1 << 24, 24);
        assert!(place.ends_with("accumulator = 24"), "{place}");
        assert!(message.contains("make the number of inputs"), "{message}");
        let (_, message) = breaks("third", 1 << 10, 11);
        assert!(message.contains("says 11"), "{message}");
    }

    /// The source to the end of an error's place, and its message.
    fn broken(error: ModelError) -> (&'static str, String) {
        let tokens = |text: &str| text.parse::<TokenStream>().expect("balanced tokens");
        let args = tokens("input(shape = [2], bits = 16)");
        let parsed = parse::parse(args, tokens(NETWORK));
        let network = parsed.unwrap_or_else(|errors| panic!("{}", errors[0].message()));
        let spec = check::check(&network);
        let spec = spec.unwrap_or_else(|errors| panic!("{}", errors[0].message()));
        let attempt = Attempt {
            network: &network,
            weights: &Weights {
                path: syn::parse_str("\"model.safetensors\"").expect("a path"),
                failure: None,
            },
            spec: &spec,
            bytes: &[],
            options: &PlanOptions::default(),
        };
        let error = attempt.broken(error.into());
        let end = error.place.bytes().end;
        (&NETWORK[..end], error.message())
    }
}
