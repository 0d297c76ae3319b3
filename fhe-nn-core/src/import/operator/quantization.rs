//! Quantization that the model itself has, which is kept: `QuantizeLinear` and `DequantizeLinear` as
//! quantization-aware training exports them, and `Quant` of QONNX.

use std::rc::Rc;

use fhe_nn_proof::client::OutputForm;
use ndarray::{ArrayD, IxDyn};

use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::function::Expr;
use crate::import::net::Net;
use crate::import::onnx::{Behind, Constant, Kind, Node, WeightGrid, levels};
use crate::import::place::{Grid, Value, View, axis_of, broadcast};

/// The result of a node that quantizes, or makes reals of integers; `None` for other nodes.
///
/// # Errors
/// A refusal if values of a tensor have more than one scale, or weights more than one for each output.
pub(super) fn quantization(
    net: &mut Net,
    node: &Node,
    operands: &[Option<Value>],
    budget: &Budget,
) -> Result<Option<Value>, Refusal> {
    let constant = |index: usize| match operands.get(index) {
        Some(Some(Value::Constant(constant))) => Some(constant.as_ref()),
        _ => None,
    };
    let Some(Some(first)) = operands.first() else {
        return Ok(None);
    };
    if let (Value::Levels(view, grid), "Clip", 11..) = (first, node.operator.as_str(), node.version)
    {
        let limit = |index: usize| match operands.get(index) {
            None | Some(None) => Ok(None),
            Some(Some(_)) => match constant(index).and_then(Constant::scalar) {
                Some(limit) if !limit.is_nan() => Ok(Some(limit)),
                _ => refuse("its limits are not numbers"),
            },
        };
        let lo = limit(1)?.map_or(grid.lo, |lo| grid.lo.max(lo.ceil() as i64));
        let hi = limit(2)?.map_or(grid.hi, |hi| grid.hi.min(hi.floor() as i64));
        return Ok(Some(Value::Levels(view.clone(), Grid { lo, hi, ..*grid })));
    }
    if !matches!(
        node.operator.as_str(),
        "QuantizeLinear" | "DequantizeLinear" | "Quant"
    ) {
        return Ok(None);
    }
    let Some(scale) = constant(1) else {
        return refuse("its scale is known only when the model runs");
    };
    let zero = ArrayD::zeros(IxDyn(&[]));
    let zero = Constant::new(zero, Kind::Integer);
    let zero_point = constant(2).unwrap_or(&zero);
    let (lo, hi) = match node.operator.as_str() {
        "Quant" => quant_levels(node, constant(3))?,
        _ => {
            let given = node.integer("output_dtype", 0);
            let given = levels(given).or(zero_point.levels);
            given.unwrap_or((0, 255))
        }
    };
    match first {
        Value::Constant(values) => {
            let axis = node.integer("axis", 1);
            let along = |parameter: &Constant| along(parameter, &values.values, axis, node, budget);
            let (scales, zeros) = (along(scale)?, along(zero_point)?);
            let each = |reals: &ArrayD<f64>, compute: &dyn Fn(f64, f64, f64) -> f64| {
                let mut result = reals.clone();
                let parameters = scales.iter().zip(&zeros);
                for (value, (&scale, &zero)) in result.iter_mut().zip(parameters) {
                    *value = compute(*value, scale, zero);
                }
                result
            };
            let (lo, hi) = (lo as f64, hi as f64);
            let level = |x: f64, scale: f64, zero: f64| {
                ((x / scale).round_ties_even() + zero).clamp(lo, hi)
            };
            let real = |q: f64, scale: f64, zero: f64| (q - zero) * scale;
            let made = match node.operator.as_str() {
                "QuantizeLinear" => Constant {
                    levels: Some((lo as i64, hi as i64)),
                    ..Constant::new(each(&values.values, &level), Kind::Integer)
                },
                operator => {
                    let both = |x: f64, scale, zero| real(level(x, scale, zero), scale, zero);
                    let made = match operator {
                        "Quant" => each(&values.values, &both),
                        _ => each(&values.values, &real),
                    };
                    let is_symmetric = zeros.iter().all(|&zero| zero == 0.0);
                    let axis = axis_of(axis, values.values.ndim().max(1)).unwrap_or(0);
                    if !is_symmetric {
                        net.notes.push(format!(
                            "what `{}` makes has zero points that are not 0, so it is quantized again",
                            node.name
                        ));
                    }
                    let grid = is_symmetric.then(|| weight_grid(scale, axis, values.values.ndim()));
                    Constant {
                        grid: grid.flatten(),
                        ..Constant::new(made, Kind::Real)
                    }
                }
            };
            Ok(Some(Value::Constant(Rc::new(made))))
        }
        Value::View(view) | Value::Levels(view, _) => {
            let (Some(scale), Some(zero_point)) = (scale.scalar(), zero_point.scalar()) else {
                return refuse("values of a tensor have more than one scale");
            };
            let own = Grid {
                scale,
                zero_point: zero_point as i64,
                lo,
                hi,
            };
            let grid = match first {
                Value::Levels(_, grid) => *grid,
                _ => own,
            };
            let is_integer = matches!(first, Value::Levels(..));
            if node.operator == "DequantizeLinear" && !is_integer {
                return refuse("it makes reals of values that are not integers yet");
            }
            if (grid.scale, grid.zero_point) != (own.scale, own.zero_point) {
                return refuse("its scale is another than that of the node before");
            }
            if !grid.is_usable() {
                return refuse("its scale is not positive, or its zero point is not a level");
            }
            if node.operator == "QuantizeLinear" {
                return Ok(Some(Value::Levels(view.clone(), grid)));
            }
            if node.behind == Behind::Moves
                && let Some(levels) = net.client_levels(view, grid, OutputForm::Real)
            {
                return Ok(Some(Value::View(levels)));
            }
            let tensor = net.quantized(view, grid)?;
            Ok(Some(Value::View(match tensor {
                0 => view.clone(),
                tensor => View {
                    places: Rc::new(net.places(view)),
                    base: net.base_of(tensor),
                    expr: Expr::itself(),
                    by: view.by.clone(),
                    is_integer: false,
                },
            })))
        }
        Value::Scores(..) | Value::Unknown => Ok(None),
    }
}

/// The least and the greatest integer of a `Quant`, which may be signed, and narrow: without the least integer.
fn quant_levels(node: &Node, bits: Option<&Constant>) -> Result<(i64, i64), Refusal> {
    let signed = node.integer("signed", 1) != 0;
    let narrow = i64::from(node.integer("narrow", 0) != 0);
    match bits.and_then(Constant::scalar) {
        Some(bits) if bits.fract() == 0.0 && (1.0..=16.0).contains(&bits) => {
            let levels = 1i64 << bits as i64;
            Ok(if signed {
                (-levels / 2 + narrow, levels / 2 - 1)
            } else {
                (0, levels - 1 - narrow)
            })
        }
        _ => refuse("its width is not a number of 1 to 16 bits"),
    }
}

/// A parameter for each value of a tensor. It is given for all values, for each, or for each index along an axis.
fn along(
    parameter: &Constant,
    values: &ArrayD<f64>,
    axis: i64,
    node: &Node,
    budget: &Budget,
) -> Result<ArrayD<f64>, Refusal> {
    let count = parameter.values.len();
    let own = match parameter.values.ndim() {
        1 if count > 1 => {
            let axis = axis_of(axis, values.ndim())?;
            let mut shape = vec![1; values.ndim()];
            shape[axis] = count;
            let values: Vec<f64> = parameter.values.iter().copied().collect();
            ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_default()
        }
        1 => ArrayD::from_elem(IxDyn(&[]), parameter.scalar().unwrap_or(f64::NAN)),
        _ => parameter.values.clone(),
    };
    broadcast(&own, values.shape(), node, budget)
}

/// The scales of weights; `None` if they do not run along one axis.
fn weight_grid(scale: &Constant, axis: usize, rank: usize) -> Option<WeightGrid> {
    let own = scale.values.iter().copied();
    let positive = |&scale: &f64| scale.is_normal() && scale > 0.0;
    let scales: Vec<f64> = own.filter(positive).collect();
    if scales.len() != scale.values.len() {
        return None;
    }
    let axis = match scale.values.shape() {
        // along the axis that has more than one
        shape if shape.len() > 1 => {
            let mut long = (0..shape.len()).filter(|&axis| shape[axis] > 1);
            let axis = long.next().unwrap_or(0);
            if long.next().is_some() || shape.len() > rank {
                return None;
            }
            // shapes are broadcast together from the last extent on
            axis + rank - shape.len()
        }
        _ => axis,
    };
    Some(WeightGrid {
        scales: scales.into(),
        axis,
    })
}
