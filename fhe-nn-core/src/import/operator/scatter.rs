//! Values of a tensor at places among zeros, or among others of its values.

use ndarray::ArrayD;

use crate::import::error::{Refusal, refuse};
use crate::import::net::Net;
use crate::import::onnx::Node;
use crate::import::place::{NOTHING, Value, View, scatter};

/// `ScatterND` and `ScatterElements` at constant places, of values of one tensor or zeros.
pub(super) fn scattered(
    net: &mut Net,
    node: &Node,
    operands: &[Option<Value>],
) -> Result<View, Refusal> {
    let [Some(data), Some(Value::Constant(places)), Some(updates)] = operands else {
        return refuse("where it puts values is encrypted");
    };
    let view = match (data, updates) {
        (Value::View(data), Value::View(updates)) => {
            let same = data.base == updates.base && data.expr.is(&updates.expr);
            if !same {
                return refuse("it puts values of one tensor among those of another");
            }
            data
        }
        (Value::View(view), _) | (_, Value::View(view)) => view,
        _ => return refuse("none of its operands is known"),
    };
    let own = |value: &Value| -> Result<ArrayD<u32>, Refusal> {
        match value {
            Value::View(view) => Ok((*view.places).clone()),
            Value::Constant(zeros) if zeros.values.iter().all(|&x| x == 0.0) => {
                Ok(ArrayD::from_elem(zeros.values.raw_dim(), NOTHING))
            }
            _ => refuse("it puts constants that are not 0 beside values"),
        }
    };
    let (all, new) = (own(data)?, own(updates)?);
    net.budget.take(all.len(), &node.name)?;
    Ok(view.at(scatter(node, &all, places, &new)?))
}
