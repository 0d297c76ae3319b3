//! The outputs of a graph, one of which is imported.

use super::element::is_real;
use super::proto::{Dimension, GraphProto, NodeProto, ValueInfoProto};
use crate::import::error::ImportError;

/// The output that is imported, and the others, by name: the wanted one, or the one with the most real values.
///
/// # Errors
/// [`ImportError::Output`] if there is no output of the wanted name, or none at all.
pub(super) fn chosen(
    graph: &GraphProto,
    wanted: Option<&str>,
) -> Result<(String, Vec<String>), ImportError> {
    let outputs = graph.outputs.iter();
    let index = match wanted {
        Some(name) => outputs.clone().position(|output| output.name == name),
        None => {
            let sizes = outputs.clone().map(|output| reals(output, &graph.nodes));
            // the first of equals
            let sizes = sizes.enumerate().rev();
            sizes.max_by_key(|&(_, size)| size).map(|(index, _)| index)
        }
    };
    let mut names: Vec<String> = outputs.map(|output| output.name.clone()).collect();
    match index {
        Some(index) => Ok((names.remove(index), names)),
        None => Err(ImportError::Output {
            wanted: wanted.map(str::to_owned),
            known: names,
        }),
    }
}

/// The number of real values of an output, as far as it is known.
fn reals(output: &ValueInfoProto, nodes: &[NodeProto]) -> usize {
    let tensor = output.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    if let Some(tensor) = tensor {
        let extents = tensor.shape.iter().flat_map(|shape| &shape.extents);
        let known = extents.filter_map(|extent| match &extent.value {
            Some(Dimension::Number(extent)) => usize::try_from(*extent).ok(),
            Some(Dimension::Name(_)) | None => None,
        });
        return match is_real(tensor.data_type.into()) {
            true => known.fold(1, usize::saturating_mul),
            false => 0,
        };
    }
    // a map from classes to real values
    let mut makers = nodes
        .iter()
        .filter(|node| node.operator == "ZipMap" && node.outputs.contains(&output.name));
    let attributes = makers.next().map(|node| node.attributes.iter());
    let classes = attributes.into_iter().flatten();
    classes
        .map(|classes| classes.integers.len().max(classes.texts.len()))
        .max()
        .unwrap_or(0)
}
