//! Quantization that the model itself has, which is kept: `QuantizeLinear` and `DequantizeLinear` as
//! quantization-aware training and quantizers of trained models export them, and `Quant` and `BipolarQuant` of QONNX.

use std::rc::Rc;

use fhe_nn_proof::client::OutputForm;

use super::elementwise::elementwise;
use super::quantized_constant::quantized_constant;
use super::quantizer::{Conversion, Quantizer};
use super::rounding::Rounding;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Form, Line, Operation};
use crate::import::net::{Net, Source};
use crate::import::onnx::{Behind, Constant, Node};
use crate::import::place::{Grid, Value, View};

/// The result of a node that quantizes, or makes reals of integers; `None` for other nodes.
///
/// # Errors
/// A refusal if values of a tensor have more than one scale, or are rounded in a way that tables do not have.
pub(super) fn quantization(
    net: &mut Net,
    node: &Node,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Option<Value>, Refusal> {
    let quantizer = Quantizer::of(node, operands, budget)?;
    let (Some(Some(first)), Some(quantizer)) = (operands.first(), quantizer) else {
        return Ok(None);
    };
    let view = match (first, quantizer.conversion) {
        (Value::Constant(values), conversion) => {
            let made = quantized_constant(&quantizer, node, values, budget)?;
            if conversion != Conversion::Quantize && made.grid.is_none() {
                net.notes.push(format!(
                    "what `{}` makes has no scale for each output, so it is quantized again",
                    node.name
                ));
            }
            return Ok(Some(Value::Constant(Rc::new(made))));
        }
        (Value::View(view), Conversion::Quantize) => {
            let grid = usable(quantizer.grid()?)?;
            return Ok(Some(Value::Levels(view.clone(), grid)));
        }
        (Value::Levels(view, own), Conversion::Dequantize) => {
            // the scale may be another, as that of a product of integers is
            let asked = usable(quantizer.grid()?)?;
            if own.goes_with(asked)
                && let Some(levels) = levels_of_client(net, node, view, asked)
            {
                return Ok(Some(Value::View(levels)));
            }
            rescaled(&on_grid(net, view, *own)?, *own, asked)?
        }
        (Value::View(view), Conversion::Dequantize) => {
            let asked = quantizer.grid()?;
            let is_input = matches!(net.bases[view.base].source, Source::Input);
            if !(view.is_integer && is_input && view.expr.keeps_integers()) {
                return refuse("it makes reals of values that are not integers yet");
            }
            let Some((lo, hi)) = net.input_levels else {
                return refuse("the input's type has no integers of at most 16 bits");
            };
            // the client takes the integers, and makes reals of them as it normalizes an input
            let line = Line {
                slope: vec![asked.scale],
                offset: vec![-asked.scale * asked.zero_point as f64],
            };
            let real = View {
                expr: Expr::from(&line),
                is_integer: false,
                ..view.clone()
            };
            on_grid(net, &real, usable(Grid { lo, hi, ..asked })?)?
        }
        (Value::View(view), Conversion::Both) => {
            let grid = usable(quantizer.grid()?)?;
            let nearest = quantizer.rounding == Rounding::Nearest;
            if nearest && let Some(levels) = levels_of_client(net, node, view, grid) {
                return Ok(Some(Value::View(levels)));
            }
            let shifted = shifted(net, view, grid, quantizer.rounding)?;
            on_grid(net, &shifted, grid)?
        }
        (Value::View(view), Conversion::Sign) => signs(net, node, view, &quantizer.scale, budget)?,
        (Value::Levels(..), Conversion::Quantize | Conversion::Both | Conversion::Sign) => {
            return refuse("it quantizes integers before their scale makes reals of them");
        }
        (Value::Scores(..) | Value::Unknown, _) => return Ok(None),
    };
    Ok(Some(Value::View(view)))
}

/// The reals of a view on the grid of the model's output, which the client rounds to; `None` if layers read them.
fn levels_of_client(net: &mut Net, node: &Node, view: &View, grid: Grid) -> Option<View> {
    match node.behind {
        Behind::Moves => net.client_levels(view, grid, OutputForm::Real),
        _ => None,
    }
}

/// The reals of a view on a grid.
pub(super) fn on_grid(net: &mut Net, view: &View, grid: Grid) -> Result<View, Refusal> {
    Ok(match net.quantized(view, grid)? {
        0 => view.clone(),
        tensor => View {
            places: Rc::new(net.places(view)),
            base: net.base_of(tensor),
            expr: Expr::itself(),
            by: view.by.clone(),
            is_integer: false,
        },
    })
}

/// A view whose values, rounded to the nearest level of a grid, are those of a view that is rounded in another way.
fn shifted(net: &Net, view: &View, grid: Grid, rounding: Rounding) -> Result<View, Refusal> {
    if rounding == Rounding::Nearest {
        return Ok(view.clone());
    }
    if matches!(net.bases[view.base].source, Source::Input) {
        return refuse(
            "it rounds inputs in its own way, but the client rounds to the nearest level",
        );
    }
    let Some(shift) = rounding.shift(grid.lo >= 0) else {
        return refuse(format!(
            "it rounds values of both signs by `{rounding}`, which no table does: `ROUND`, `FLOOR` and `CEIL` are known"
        ));
    };
    let shift = shift * grid.scale;
    let is_zero = |expr: &Expr| {
        let line = expr.line();
        line.is_some_and(|line| line.is_constant() && !line.shifts())
    };
    let expr = match (view.expr.line(), view.expr.form()) {
        (Some(_), _) => Some(view.expr.clone() + shift),
        // 0 stays 0, however it is rounded
        (None, Form::Apply(Operation::Max, operands)) => match operands.as_slice() {
            [inner, zero] if inner.line().is_some() && is_zero(zero) => Some(Expr::apply(
                Operation::Max,
                vec![inner.clone() + shift, zero.clone()],
            )),
            _ => None,
        },
        _ => None,
    };
    match expr {
        Some(expr) => Ok(View {
            expr,
            ..view.clone()
        }),
        None => refuse(format!(
            "it rounds by `{rounding}`, which is known of sums and behind a ReLU alone"
        )),
    }
}

fn usable(grid: Grid) -> Result<Grid, Refusal> {
    if grid.is_usable() {
        Ok(grid)
    } else {
        refuse("its scale is not positive, or its zero point is not a level")
    }
}

/// Values of one grid, read as if their integers were those of another.
fn rescaled(view: &View, own: Grid, asked: Grid) -> Result<View, Refusal> {
    if own.goes_with(asked) {
        return Ok(view.clone());
    }
    if view.is_padded() && own.zero_point != asked.zero_point {
        return refuse("its zero point is another than that of the padding before");
    }
    let line = Line {
        slope: vec![asked.scale / own.scale],
        offset: vec![asked.scale * (own.zero_point - asked.zero_point) as f64],
    };
    Ok(View {
        expr: Expr::from(&line).of(std::slice::from_ref(&view.expr)),
        ..view.clone()
    })
}

/// `scale` where values are 0 or positive, and `-scale` elsewhere.
fn signs(
    net: &mut Net,
    node: &Node,
    view: &View,
    scale: &Rc<Constant>,
    budget: &Budget,
) -> Result<View, Refusal> {
    if !view.is_integer && net.is_input(view) {
        let Some(scale) = scale.scalar().filter(|scale| *scale > 0.0) else {
            return refuse("signs of the input have more than one scale");
        };
        // the client sends the signs
        let grid = net.signs_of_input()?;
        let line = Line {
            slope: vec![2.0 * scale / grid.scale],
            offset: vec![scale],
        };
        return Ok(View {
            expr: Expr::from(&line).of(std::slice::from_ref(&view.expr)),
            ..view.clone()
        });
    }
    let zero = Expr::constant(vec![0.0]);
    let is_positive = Expr::apply(Operation::LessOrEqual, vec![zero, Expr::argument(0)]);
    let negative = Expr::argument(1) * -1.0;
    let sign = Expr::apply(
        Operation::Select,
        vec![is_positive, Expr::argument(1), negative],
    );
    let operands = [Value::View(view.clone()), Value::Constant(scale.clone())];
    elementwise(net, node, &sign, &operands, budget)
}
