//! What is wrong with a model, at the number to change.

use fhe_nn_proof::error::{ModelError, ProofError, more};
use fhe_nn_proof::plan::{Options, PlanError};
use fhe_nn_proof::prove::reachable_failure_bits;
use fhe_nn_proof::spec::{Overflow, Spec};
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, Range};

use crate::ast::{Activation, Kind, Layer, Linear, Network, Weights};
use crate::errors::{Error, Place};

/// What an edit of a declaration asks for.
const AGAIN: &str = "; then quantize and save the model again";
/// What helps if the declaration is as it should be.
const SAVE: &str = "quantize the network as it is declared here, and save it there";

/// A proof that failed, and what it was to prove.
pub(super) struct Attempt<'a> {
    pub(super) network: &'a Network,
    pub(super) weights: &'a Weights,
    pub(super) spec: &'a Spec,
    pub(super) bytes: &'a [u8],
    pub(super) options: &'a Options,
}

/// A number of the declaration, and the edit of it that helps.
struct Edit {
    place: Place,
    help: String,
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
                let Range { lo, hi } = reaches;
                let file = self.weights.path.value();
                let reach =
                    format!("neuron {neuron} of `{layer}` reaches [{lo}, {hi}]: {needs} bits");
                let others = more(others);
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
                ref layer,
                bits,
                limit,
            }) => self.at(self.for_table(layer, bits, limit), law),
            ProofError::Model(_) => {
                let (file, network) = (self.weights.path.value(), self.network.name());
                let law = format!("`{file}` is no model of `{network}`: {law}");
                let help = help.unwrap_or_else(|| SAVE.to_owned());
                Error::new(self.path(), law).help(help)
            }
        }
    }

    /// An error at the number to change, or about the file if no number is.
    fn at(&self, edit: Option<Edit>, law: String) -> Error {
        let note = format!("with the weights of `{}`", self.weights.path.value());
        match edit {
            Some(Edit { place, help }) => Error::new(place, law).note(note).help(help),
            None => Error::new(self.path(), law).help(SAVE),
        }
    }

    fn path(&self) -> Place {
        Place::of(&self.weights.path)
    }

    /// The bound on failure that parameters reach, with a remark; if there are none for any, `otherwise`.
    fn for_parameters(&self, layer: &str, otherwise: Option<String>) -> (Option<String>, Edit) {
        let place = match self.layer(layer) {
            Some((_, layer)) => number(layer),
            None => self.path(),
        };
        let reachable = reachable_failure_bits(self.spec, self.bytes, self.options);
        let written = self.weights.failure;
        match reachable.ok().flatten() {
            Some(bits) => {
                let default = self.options.failure_bits;
                let note = format!("`failure` is {default} unless it is written");
                let most = "the most that there are parameters for";
                let edit = Edit {
                    place: written.map_or(place, |failure| failure.place),
                    help: format!("write `failure = {bits}` on the network, {most}"),
                };
                (written.is_none().then_some(note), edit)
            }
            None => {
                let edit = Edit {
                    place,
                    help: otherwise.unwrap_or_default() + AGAIN,
                };
                (Some("there are none at 2^-1 either".to_owned()), edit)
            }
        }
    }

    /// For sums of so many bits, which the declaration does not promise: the promise, and the edit. None if
    /// the declaration has room for them.
    fn for_promise(&self, name: &str, needs: u32) -> Option<(u32, Edit)> {
        let (index, layer) = self.layer(name)?;
        let linear = linear(layer)?;
        let declared = linear.accumulator.filter(|width| width.value < needs)?;
        let readable = match self.reader(index) {
            None => MAX_OUTPUT_BITS,
            Some((_, act)) if act.table.is_none() => act.function.reader().max_width(),
            Some(_) => MAX_ROUNDED_BITS,
        };
        let edit = match needs <= readable {
            true => Edit {
                place: declared.place,
                help: format!("write `accumulator = {needs}` on `{name}`{AGAIN}"),
            },
            false => narrower(layer, linear, needs - declared.value),
        };
        Some((declared.value, edit))
    }

    /// For sums that cannot be read encrypted.
    fn for_width(&self, name: &str, width: u32, limit: u32) -> Option<Edit> {
        let (index, layer) = self.layer(name)?;
        let linear = linear(layer)?;
        let overflow = linear.overflow.map(|overflow| overflow.value);
        let untabled = self
            .reader(index)
            .filter(|(_, act)| act.table.is_none() && width <= MAX_ROUNDED_BITS);
        Some(match (untabled, linear.accumulator, overflow) {
            (Some((reader, _)), ..) => Edit {
                place: number(layer),
                help: format!("write `table = {limit}` on `{}`{AGAIN}", reader.name),
            },
            (None, Some(accumulator), Some(Overflow::Wrap)) => Edit {
                place: accumulator.place,
                help: format!("write `accumulator = {limit}` on `{name}`{AGAIN}"),
            },
            (None, ..) => narrower(layer, linear, width - limit),
        })
    }

    /// For a table that reads all of sums that are too wide for one.
    fn for_table(&self, name: &str, bits: u32, limit: u32) -> Option<Edit> {
        let (_, layer) = self.layer(name)?;
        let sums = layer.sources[0].checked_sub(1);
        let sums = sums.map(|index| &self.network.layers[index]);
        let more = match bits {
            ..=MAX_ROUNDED_BITS => "",
            _ => ", and make what it reads narrower",
        };
        Some(Edit {
            place: number(sums.filter(|sums| linear(sums).is_some()).unwrap_or(layer)),
            help: format!("write `table = {limit}` on `{name}`{more}{AGAIN}"),
        })
    }

    fn layer(&self, name: &str) -> Option<(usize, &Layer)> {
        let mut layers = self.network.layers.iter().enumerate();
        layers.find(|(_, layer)| layer.name == name)
    }

    /// The activation that reads the sums of a layer.
    fn reader(&self, index: usize) -> Option<(&Layer, &Activation)> {
        let mut layers = self.network.layers.iter();
        layers.find_map(|layer| match &layer.kind {
            Kind::Activation(act) if layer.sources.contains(&(index + 1)) => Some((layer, act)),
            _ => None,
        })
    }
}

fn linear(layer: &Layer) -> Option<&Linear> {
    match &layer.kind {
        Kind::Linear(linear) => Some(linear),
        _ => None,
    }
}

/// The width of a layer's sums: its `accumulator`, else the `weights` that it follows from, else its sizes.
fn number(layer: &Layer) -> Place {
    linear(layer).map_or(layer.place, |linear| {
        linear.accumulator.unwrap_or(linear.weights).place
    })
}

/// Sums have so many bits fewer if weights have.
fn narrower(layer: &Layer, linear: &Linear, fewer: u32) -> Edit {
    let name = &layer.name;
    match linear.weights.value.checked_sub(fewer) {
        Some(bits @ 2..) => Edit {
            place: linear.weights.place,
            help: format!("write `weights = {bits}` on `{name}`{AGAIN}"),
        },
        _ => Edit {
            place: number(layer),
            help: format!("make the number of inputs of `{name}` smaller{AGAIN}"),
        },
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
                "write `table = 9` on `sign`",
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
                "write `table = 8` on `relu`",
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
            options: &Options::default(),
        };
        let error = attempt.broken(error.into());
        let end = error.place.bytes().end;
        (&NETWORK[..end], error.message())
    }
}
