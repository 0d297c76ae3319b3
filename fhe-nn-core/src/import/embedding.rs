//! Vectors for tokens.

use ndarray::{ArrayD, IxDyn};

use super::error::{Refusal, refuse};
use super::graph::Node;
use super::names::layer_name;
use super::net::{Net, Source};
use super::signal::{Signal, Value};
use super::tensor::{Budget, Constant};

/// Vectors for the tokens of the input.
pub(super) fn embedding(
    net: &mut Net,
    node: &Node,
    vectors: &Constant,
    tokens: &Signal,
    budget: &Budget,
) -> Result<Vec<Value>, Refusal> {
    let is_input = matches!(net.bases[tokens.base].source, Source::Input);
    if !is_input || !tokens.expr.keeps_integers() || !tokens.is_whole(net.facts[0].len()) {
        return refuse("it looks up vectors by something else than the whole input");
    }
    let Ok(matrix) = vectors.values.view().into_dimensionality::<ndarray::Ix2>() else {
        return refuse("it looks up other things than vectors");
    };
    if node.integer("axis", 0) != 0 {
        return refuse("its `axis` is not 0");
    }
    let dimension = matrix.ncols();
    let positions = tokens.places.len();
    let scale = match vectors.grid.as_ref().map(|grid| &*grid.scales) {
        Some([one]) => Some(*one),
        _ => None,
    };
    let name = layer_name(&node.inputs[0], &node.name, "embedding");
    let tensor = net.embedding(&name, &matrix.to_owned(), scale)?;
    budget.take(positions * dimension, &node.name)?;
    let base = net.written(tensor);
    let mut shape = tokens.shape().to_vec();
    shape.push(dimension);
    let place = |index: usize| (index % dimension * positions + index / dimension) as u32;
    let places = ArrayD::from_shape_vec(
        IxDyn(&shape),
        (0..positions * dimension).map(place).collect(),
    );
    let whole = Signal::whole(base, &[positions * dimension]);
    Ok(vec![Value::Signal(whole.at(places.unwrap_or_default()))])
}
