//! Floats that no layer of a network reads: a mistake, since what they stand for would be left out.

use fhe_nn_proof::spec::{Op, Spec};

use crate::{Error, Floats};

/// What a layer of any kind may have, beside the parameters of its function.
const NAMES: [&str; 7] = [
    "weight",
    "bias",
    "weight_scale",
    "scale",
    "zero_point",
    "step",
    "clamp",
];

/// Checks that every tensor is one of a field.
///
/// # Errors
/// [`Error::TensorsUnused`].
pub(super) fn check(spec: &Spec, floats: &Floats) -> Result<(), Error> {
    let unused = floats.iter().map(|(name, _)| name);
    let unused: Vec<String> = unused
        .filter(|name| !is_read(spec, name))
        .map(str::to_owned)
        .collect();
    if unused.is_empty() {
        return Ok(());
    }
    let layers = spec.layers.iter();
    let has_weights = |op: &Op| op.linear().is_some() || op.vectors().is_some();
    let wanted = layers.filter(|layer| has_weights(&layer.op));
    Err(Error::TensorsUnused {
        network: spec.name.to_string(),
        unused,
        wanted: wanted
            .map(|layer| format!("{}.weight", layer.name))
            .collect(),
    })
}

fn is_read(spec: &Spec, tensor: &str) -> bool {
    let Some((field, name)) = tensor.rsplit_once('.') else {
        return false;
    };
    if field == "input" {
        return NAMES.contains(&name) || ["mean", "std"].contains(&name);
    }
    let mut layers = spec.layers.iter();
    layers.any(|layer| {
        let function = layer.op.activation().map(|act| act.function);
        let parameters = function.map_or(&[][..], |function| function.parameters());
        *layer.name == *field
            && (NAMES.contains(&name) || parameters.iter().any(|(own, _)| *own == name))
    })
}
