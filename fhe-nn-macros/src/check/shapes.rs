//! Law 1: shapes agree from layer to layer and with the input.

use super::{Stage, count};
use crate::ast::Network;
use crate::errors::{Error, Errors};

/// What comes into a layer is what it takes. `Dense` flattens: the number of values decides.
pub(super) fn agree(errors: &mut Errors, network: &Network, stages: &[Stage<'_>]) {
    let shape = &network.input.shape;
    let mut values: usize = shape.iter().product();
    let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
    let mut origin = match shape.as_slice() {
        [_] => format!("the input has shape {shape:?}"),
        _ => format!(
            "the input has shape {shape:?}: {} = {values} values",
            extents.join(" x ")
        ),
    };
    for stage in stages {
        let (name, dense) = (stage.name, stage.dense);
        let inputs = dense.inputs.value;
        if values != inputs {
            let law = format!(
                "`{name}` takes {}, but gets {values}",
                count(inputs, "value")
            );
            errors.push(
                Error::new(dense.inputs.place, law)
                    .note(origin)
                    .help(format!(
                        "write `{name}: Dense<{values}, {}>`",
                        dense.outputs
                    )),
            );
        }
        if stage.broken_phases().is_some() {
            // another law says so; how many values were meant is unknown
            return;
        }
        let phases = stage.reader.map_or(1, |reader| reader.activation.phases()) as usize;
        values = dense.outputs * phases;
        let outputs = count(dense.outputs, "output");
        origin = match stage.reader {
            Some(reader) if phases > 1 => format!(
                "`{name}` has {outputs} x {phases} phases of `{}` = {values} values",
                reader.name
            ),
            _ => format!("`{name}` has {outputs}"),
        };
    }
}
