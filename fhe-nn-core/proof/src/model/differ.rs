//! How the declaration in a file differs from that of the program.

use serde_json::Value;

use crate::spec::{Layer, Spec};

/// The first difference between a declaration and that of a file.
pub(super) fn difference(ours: &Spec, theirs: &Spec) -> Option<String> {
    let (count, their_count) = (ours.layers.len(), theirs.layers.len());
    if ours.name != theirs.name {
        Some(format!("it is `{}`", theirs.name))
    } else if ours.input != theirs.input {
        let (ours, theirs) = (&ours.input, &theirs.input);
        Some(format!(
            "its input is {:?} of {} bits, not {:?} of {} bits",
            theirs.shape, theirs.bits, ours.shape, ours.bits
        ))
    } else if count != their_count {
        Some(format!("it has {their_count} layers, not {count}"))
    } else {
        let mut layers = ours.layers.iter().zip(theirs.layers.iter());
        layers.find_map(|(ours, theirs)| of_layers(ours, theirs))
    }
}

/// The first key whose values differ between two layers.
fn of_layers(ours: &Layer, theirs: &Layer) -> Option<String> {
    let name = &theirs.name;
    if ours.name != theirs.name {
        return Some(format!(
            "its layer `{name}` is in the place of `{}`",
            ours.name
        ));
    }
    let fields = |layer: &Layer| serde_json::to_value(&layer.op).expect("a spec is data");
    let (ours, theirs) = (fields(ours), fields(theirs));
    let Some(((kind, ours), (their_kind, theirs))) = only(&ours).zip(only(&theirs)) else {
        return (ours != theirs).then(|| format!("its layer `{name}` is {theirs}, not {ours}"));
    };
    if kind != their_kind {
        return Some(format!(
            "its layer `{name}` is of kind {their_kind}, not {kind}"
        ));
    }
    let mut differing = ours
        .iter()
        .filter(|&(key, value)| theirs.get(key) != Some(value));
    differing.next().map(|(key, value)| {
        let their_value = theirs.get(key).unwrap_or(&Value::Null);
        format!("its layer `{name}` has {key} {their_value}, not {value}")
    })
}

/// An enum with fields is an object with one key, its variant.
fn only(op: &Value) -> Option<(&String, &serde_json::Map<String, Value>)> {
    let (kind, fields) = op.as_object()?.iter().next()?;
    Some((kind, fields.as_object()?))
}
