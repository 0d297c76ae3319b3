//! What a node that quantizes says: its scales, zero points, levels and rounding.

use std::rc::Rc;

use ndarray::{ArrayD, IxDyn};

use super::rounding::Rounding;
use crate::import::budget::Budget;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::{Constant, Kind, Node, levels};
use crate::import::place::{Grid, Value};

/// A node that quantizes.
pub(super) struct Quantizer {
    pub(super) conversion: Conversion,
    /// One scale, or several along an axis.
    pub(super) scale: Rc<Constant>,
    pub(super) zero_point: Rc<Constant>,
    /// The least and the greatest integer.
    pub(super) lo: i64,
    pub(super) hi: i64,
    pub(super) rounding: Rounding,
}

/// What a node that quantizes makes of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// Integers of reals: `QuantizeLinear`.
    Quantize,
    /// Reals of integers: `DequantizeLinear`.
    Dequantize,
    /// Reals of reals: `Quant` of QONNX.
    Both,
    /// One of two opposite reals, by the sign: `BipolarQuant` of QONNX, and its `Quant` of one signed bit.
    Sign,
}

impl Quantizer {
    /// What a node says; `None` for nodes that do not quantize.
    ///
    /// # Errors
    /// A refusal of what is known only when the model runs, or not at all.
    pub(super) fn of(
        node: &Node,
        operands: &[Option<Value>],
        budget: &Budget,
    ) -> Result<Option<Self>, Refusal> {
        let conversion = match node.operator.as_str() {
            "QuantizeLinear" => Conversion::Quantize,
            "DequantizeLinear" => Conversion::Dequantize,
            "Quant" | "IntQuant" => Conversion::Both,
            "BipolarQuant" => Conversion::Sign,
            _ => return Ok(None),
        };
        let constant = |index: usize| match operands.get(index) {
            Some(Some(Value::Constant(constant))) => Ok(Some(constant)),
            Some(Some(_)) => {
                refuse("its scale or its zero point is known only when the model runs")
            }
            _ => Ok(None),
        };
        let Some(scale) = constant(1)? else {
            return refuse("it has no scale");
        };
        let zero_point = constant(2)?.cloned().unwrap_or_else(|| {
            let zero = Constant::new(ArrayD::zeros(IxDyn(&[])), Kind::Integer);
            Rc::new(zero)
        });
        budget.take(scale.values.len() + zero_point.values.len(), &node.name)?;
        let signed = node.integer("signed", 1) != 0;
        let (conversion, (lo, hi), rounding) = match conversion {
            Conversion::Quantize | Conversion::Dequantize => {
                let given = levels(node.integer("output_dtype", 0)).or(zero_point.levels);
                (conversion, given.unwrap_or((0, 255)), Rounding::Nearest)
            }
            Conversion::Sign => (conversion, (-1, 1), Rounding::Nearest),
            Conversion::Both => {
                let bits = bits(constant(3)?.map(Rc::as_ref))?;
                let rounding = Rounding::of(node)?;
                // QONNX says that these are signs
                let conversion = if bits == 1 && signed {
                    Conversion::Sign
                } else {
                    conversion
                };
                (conversion, quant_levels(node, bits, signed), rounding)
            }
        };
        if conversion != Conversion::Dequantize
            && zero_point.values.iter().any(|zero| zero.fract() != 0.0)
        {
            return refuse("its zero point is not an integer");
        }
        if conversion == Conversion::Sign && zero_point.values.iter().any(|&zero| zero != 0.0) {
            return refuse("it quantizes to signs with a zero point that is not 0");
        }
        Ok(Some(Quantizer {
            conversion,
            scale: scale.clone(),
            zero_point,
            lo,
            hi,
            rounding,
        }))
    }

    /// The grid of all values of a tensor.
    ///
    /// # Errors
    /// A refusal if it has more than one.
    pub(super) fn grid(&self) -> Result<Grid, Refusal> {
        let (Some(scale), Some(zero_point)) = (self.scale.scalar(), self.zero_point.scalar())
        else {
            return refuse("values of a tensor have more than one scale");
        };
        Ok(Grid {
            scale,
            zero_point: zero_point as i64,
            lo: self.lo,
            hi: self.hi,
        })
    }

    /// The integer of a real. The quotient has the precision of 32 bits that it has in the model.
    fn level(&self, x: f64, scale: f64, zero: f64) -> f64 {
        let quotient = f64::from(x as f32 / scale as f32);
        let (lo, hi) = (self.lo as f64, self.hi as f64);
        match self.conversion {
            // QONNX rounds last
            Conversion::Both => self.rounding.round((quotient + zero).clamp(lo, hi)),
            Conversion::Quantize | Conversion::Dequantize => {
                (self.rounding.round(quotient) + zero).clamp(lo, hi)
            }
            Conversion::Sign if quotient >= 0.0 => 1.0,
            Conversion::Sign => -1.0,
        }
    }

    /// What the node makes of a constant.
    pub(super) fn value(&self, x: f64, scale: f64, zero: f64) -> f64 {
        let real = |level: f64| (level - zero) * scale;
        match self.conversion {
            Conversion::Quantize => self.level(x, scale, zero),
            Conversion::Dequantize => real(x),
            Conversion::Both | Conversion::Sign => real(self.level(x, scale, zero)),
        }
    }
}

/// The bit-width of a `Quant`, which may be that of a bias.
fn bits(bits: Option<&Constant>) -> Result<u32, Refusal> {
    match bits.and_then(Constant::scalar) {
        Some(bits) if bits.fract() == 0.0 && (1.0..=32.0).contains(&bits) => Ok(bits as u32),
        _ => refuse("its width is not a number of 1 to 32 bits"),
    }
}

/// The least and the greatest integer of a `Quant`, which may be signed, and narrow: without the last integer.
fn quant_levels(node: &Node, bits: u32, signed: bool) -> (i64, i64) {
    let narrow = i64::from(node.integer("narrow", 0) != 0);
    let levels = 1i64 << bits;
    if signed {
        (-levels / 2 + narrow, levels / 2 - 1)
    } else {
        (0, levels - 1 - narrow)
    }
}
