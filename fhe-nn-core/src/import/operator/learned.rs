//! The operators of `ai.onnx.ml` that are affine, as skl2onnx writes the models of scikit-learn.

use std::rc::Rc;

use ndarray::{Array1, Array2, ArrayD, Axis};

use super::elementwise::elementwise;
use super::formula::sigmoid;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Operation};
use crate::import::net::{Net, Weights, dense, layer_name};
use crate::import::onnx::{Constant, Kind, Node};
use crate::import::place::{Value, View, Whole, WholeKind};

/// The results of a node of `ai.onnx.ml` that reads values of a tensor; `None` for other nodes.
///
/// # Errors
/// A refusal of what is not affine, and of attributes that do not fit.
pub(super) fn learned(
    net: &mut Net,
    node: &Node,
    view: &View,
    indices: Option<&Constant>,
    budget: &Budget,
) -> Result<Option<Vec<Value>>, Refusal> {
    let one = match node.operator.as_str() {
        "ai.onnx.ml:Scaler" => Value::View(scaler(net, node, view, budget)?),
        "ai.onnx.ml:Binarizer" => {
            let threshold = Expr::constant(vec![node.real("threshold", 0.0)]);
            let formula = Expr::apply(Operation::Less, vec![threshold, Expr::itself()]);
            let operand = [Value::View(view.clone())];
            Value::View(real(elementwise(net, node, &formula, &operand, budget)?))
        }
        "ai.onnx.ml:ArrayFeatureExtractor" => {
            let Some(indices) = indices else {
                return refuse("which values it takes is known only when the model runs");
            };
            Value::View(view.at(extracted(view, indices, node, budget)?))
        }
        "ai.onnx.ml:LinearRegressor" => {
            let targets = node.integer("targets", 1);
            let sums = sums(net, node, view, usize::try_from(targets).ok())?;
            match node.text("post_transform").unwrap_or("NONE") {
                "NONE" => Value::View(sums),
                other => return refuse(format!("its `post_transform` is `{other}`")),
            }
        }
        "ai.onnx.ml:LinearClassifier" => return classifier(net, node, view).map(Some),
        "ai.onnx.ml:Normalizer" => {
            let kind = match node.text("norm").unwrap_or("MAX") {
                "MAX" => WholeKind::NormMax,
                "L1" => WholeKind::NormL1,
                "L2" => WholeKind::NormL2,
                other => return refuse(format!("its `norm` is `{other}`")),
            };
            Value::Scores(view.clone(), Whole::along(kind, -1, view.shape())?)
        }
        // a map from classes to the values of a tensor
        "ai.onnx.ml:ZipMap" => Value::View(view.clone()),
        _ => return Ok(None),
    };
    Ok(Some(vec![one]))
}

/// `(x - offset) scale`, with numbers for all values or for each feature.
fn scaler(net: &mut Net, node: &Node, view: &View, budget: &Budget) -> Result<View, Refusal> {
    let features = view.shape().last().copied().unwrap_or(0);
    let numbers = |name: &str, default: f64| {
        let given = node.reals(name).unwrap_or_default();
        let values: Array1<f64> = match given.len() {
            0 => Array1::from_elem(1, default),
            count if count == 1 || count == features => given.iter().map(|&x| x.into()).collect(),
            count => {
                return refuse(format!(
                    "`{name}` has {count} numbers for {features} features"
                ));
            }
        };
        let constant = Constant::new(values.into_dyn(), Kind::Real);
        Ok(Value::Constant(Rc::new(constant)))
    };
    let operands = [
        Value::View(view.clone()),
        numbers("offset", 0.0)?,
        numbers("scale", 1.0)?,
    ];
    let formula = (Expr::argument(0) - Expr::argument(1)) * Expr::argument(2);
    Ok(real(elementwise(net, node, &formula, &operands, budget)?))
}

/// The same values as reals.
fn real(view: View) -> View {
    View {
        is_integer: false,
        ..view
    }
}

/// The places of the values with some indices along the last axis.
fn extracted(
    view: &View,
    indices: &Constant,
    node: &Node,
    budget: &Budget,
) -> Result<ArrayD<u32>, Refusal> {
    let Some((&size, before)) = view.shape().split_last() else {
        return refuse("it takes values of a single value");
    };
    let mut own = Vec::with_capacity(indices.values.len());
    for index in indices.to_integers() {
        match usize::try_from(index) {
            Ok(index) if index < size => own.push(index),
            _ => return refuse(format!("it takes value {index} of {size}")),
        }
    }
    let rows: usize = before.iter().product();
    budget.take(rows.saturating_mul(own.len()), &node.name)?;
    Ok(view.places.select(Axis(before.len()), &own))
}

/// The sums of a linear model, `[1, rows of coefficients]`.
fn sums(net: &mut Net, node: &Node, view: &View, rows: Option<usize>) -> Result<View, Refusal> {
    let features = view.places.len();
    let coefficients = node.reals("coefficients").unwrap_or_default();
    let given = coefficients.len();
    let rows = rows.filter(|&rows| rows > 0 && rows.checked_mul(features) == Some(given));
    let Some(rows) = rows else {
        return refuse(format!(
            "it has {given} coefficients, which do not fit its outputs and {features} features"
        ));
    };
    net.budget.take(given, &node.name)?;
    let values = coefficients.iter().map(|&w| f64::from(w)).collect();
    let matrix =
        Array2::from_shape_vec((rows, features), values).expect("as many as were asked for");
    let intercepts = node.reals("intercepts").unwrap_or_default();
    let bias = match intercepts.len() {
        0 => vec![0.0; rows],
        count if count == rows => intercepts.iter().map(|&b| b.into()).collect(),
        count => return refuse(format!("it has {count} intercepts for {rows} outputs")),
    };
    let weights = Weights {
        name: layer_name("", &node.name, "linear"),
        matrix,
        bias,
        scales: None,
    };
    let base = dense(net, view, weights)?;
    Ok(View::whole(base, &[1, rows]))
}

/// `LinearClassifier`: the label, whose place the client finds, and the scores of the classes.
fn classifier(net: &mut Net, node: &Node, view: &View) -> Result<Vec<Value>, Refusal> {
    let features = view.places.len().max(1);
    let given = node.reals("coefficients").unwrap_or_default().len();
    let rows = given / features;
    let labels = node.integers("classlabels_ints").unwrap_or_default().len();
    let labels = labels.max(node.texts("classlabels_strings").unwrap_or_default().len());
    if labels != rows {
        return refuse(format!(
            "it has {rows} rows of coefficients for {labels} classes"
        ));
    }
    let sums = sums(net, node, view, Some(rows))?;
    let whole = |kind| Whole::along(kind, 1, sums.shape());
    let label = Value::Scores(sums.clone(), whole(WholeKind::ArgMax)?);
    let scores = match node.text("post_transform").unwrap_or("NONE") {
        "NONE" => Value::View(sums),
        "LOGISTIC" => Value::View(View {
            expr: sigmoid(Expr::itself()),
            by: node.name.as_str().into(),
            ..sums
        }),
        "SOFTMAX" => Value::Scores(sums.clone(), whole(WholeKind::Softmax)?),
        other => return refuse(format!("its `post_transform` is `{other}`")),
    };
    Ok(vec![label, scores])
}
