//! `Gather` from a constant matrix by the tokens of the input: a vector for every token.

use fhe_nn_proof::spec::{EmbeddingSpec, Encoding, Op};
use ndarray::{Array2, ArrayD, IxDyn};

use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::net::{Net, Source, layer_name, weight_bits};
use crate::import::onnx::{Constant, Node};
use crate::import::place::{Value, View};

/// The vectors of the input's tokens.
pub(super) fn embedding(
    net: &mut Net,
    node: &Node,
    vectors: &Constant,
    tokens: &View,
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
    let tensor = write(net, &name, &matrix.to_owned(), scale)?;
    budget.take(positions * dimension, &node.name)?;
    let base = net.base_of(tensor);
    let mut shape = tokens.shape().to_vec();
    shape.push(dimension);
    let place = |index: usize| (index % dimension * positions + index / dimension) as u32;
    let places = ArrayD::from_shape_vec(
        IxDyn(&shape),
        (0..positions * dimension).map(place).collect(),
    );
    let whole = View::whole(base, &[positions * dimension]);
    Ok(vec![Value::View(whole.at(places.unwrap_or_default()))])
}

/// Writes the layer. From then on the input has tokens.
fn write(
    net: &mut Net,
    name: &str,
    vectors: &Array2<f64>,
    scale: Option<f64>,
) -> Result<usize, Refusal> {
    let (vocabulary, dimension) = vectors.dim();
    let positions: usize = net.bases[0].shape.iter().product();
    if net.is_arranged() {
        return refuse("the input has numbers elsewhere and tokens here");
    }
    net.take_tokens(positions, vocabulary);
    let op = Op::Embedding(EmbeddingSpec {
        vocabulary,
        dimension,
        positions,
        encoding: Encoding::OneHot,
        weights: 2,
    });
    let tensor = net.push(name, vec![0], op)?;
    let name = net.layers[tensor - 1].name.to_string();
    if let Some(scale) = scale {
        let largest = vectors.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        net.weights.push((tensor - 1, weight_bits(largest / scale)));
        let scale = ArrayD::from_elem(IxDyn(&[1]), scale as f32);
        net.floats.insert(format!("{name}.weight_scale"), scale)?;
    }
    let weights = vectors.mapv(|x| x as f32).into_dyn();
    net.floats.insert(format!("{name}.weight"), weights)?;
    Ok(tensor)
}
