//! The edits of a declaration that make its model provable.

use fhe_nn_proof::prove::reachable_failure_bits;
use fhe_nn_proof::spec::Overflow;
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS};

use super::broken::Attempt;
use crate::ast::Layer;
use crate::errors::Place;
use crate::layers::{Activation, Kind, Linear};

/// The steps that must follow an edit of a width.
pub(super) const AGAIN: &str = "; then quantize and save the model again";

/// A number of the declaration, and what to do with it.
pub(super) struct Edit {
    pub(super) place: Place,
    pub(super) help: String,
}

impl Attempt<'_> {
    /// The edit to the bound on failure that parameters reach, with a remark; `otherwise` if they reach none.
    pub(super) fn for_parameters(
        &self,
        layer: &str,
        otherwise: Option<String>,
    ) -> (Option<String>, Edit) {
        let place = match self.layer(layer) {
            Some((_, layer)) => number(layer),
            None => self.path(),
        };
        let reachable = reachable_failure_bits(self.spec, self.bytes, self.options);
        let written = self.weights.failure;
        match reachable.ok().flatten() {
            Some(bits) => {
                let default = self.options.failure_bits();
                let note = format!("`failure` is {default} unless it is written");
                let most = "the most that there are parameters for; narrower weights of the layer allow more";
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
                let either = self.options.failure_bits() > 1.0;
                (
                    either.then(|| "there are none at 2^-1 either".to_owned()),
                    edit,
                )
            }
        }
    }

    /// The promised width and the edit, for sums of `needs` bits that exceed the promise of the declaration.
    /// `None` if the declaration has room for them.
    pub(super) fn for_promise(&self, name: &str, needs: u32) -> Option<(u32, Edit)> {
        let (index, layer) = self.layer(name)?;
        let linear = linear(layer)?;
        let declared = linear.accumulator.filter(|width| width.value < needs)?;
        let readable = match self.reader(index) {
            None => MAX_OUTPUT_BITS,
            Some((_, act)) if act.table.is_none() => act.function.reader().max_width(),
            Some(_) => MAX_ROUNDED_BITS,
        };
        let edit = if needs <= readable {
            Edit {
                place: declared.place,
                help: format!("write `accumulator = {needs}` on `{name}`{AGAIN}"),
            }
        } else {
            narrower(layer, linear, needs - declared.value)
        };
        Some((declared.value, edit))
    }

    /// The edit for sums that cannot be read encrypted.
    pub(super) fn for_width(&self, name: &str, width: u32, limit: u32) -> Option<Edit> {
        let (index, layer) = self.layer(name)?;
        let linear = linear(layer)?;
        let overflow = linear.overflow.map(|overflow| overflow.value);
        let untabled = self
            .reader(index)
            .filter(|(_, act)| act.table.is_none() && width <= MAX_ROUNDED_BITS);
        Some(match (untabled, linear.accumulator, overflow) {
            (Some((reader, act)), ..) => Edit {
                place: number(layer),
                help: format!(
                    "write `table = {}` on `{}`{AGAIN}",
                    act.advised_table(),
                    reader.name
                ),
            },
            (None, Some(accumulator), Some(Overflow::Wrap)) => Edit {
                place: accumulator.place,
                help: format!("write `accumulator = {limit}` on `{name}`{AGAIN}"),
            },
            (None, ..) => narrower(layer, linear, width - limit),
        })
    }

    /// The edit for a table that reads all bits of sums that are too wide for it.
    pub(super) fn for_table(&self, name: &str, bits: u32) -> Option<Edit> {
        let (_, layer) = self.layer(name)?;
        let Kind::Activation(act) = &layer.kind else {
            return None;
        };
        let table = act.advised_table();
        let sums = layer.sources[0].checked_sub(1);
        let sums = sums.map(|index| &self.network.layers[index]);
        let more = match bits {
            ..=MAX_ROUNDED_BITS => "",
            _ => ", and make what it reads narrower",
        };
        Some(Edit {
            place: number(sums.filter(|sums| linear(sums).is_some()).unwrap_or(layer)),
            help: format!("write `table = {table}` on `{name}`{more}{AGAIN}"),
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

/// The edit that removes `fewer` bits from the weights, and thereby from the sums.
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
