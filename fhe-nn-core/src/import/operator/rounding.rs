//! How a quantizer rounds, by the names that QONNX has for it.

use std::fmt;

use crate::import::error::{Refusal, refuse};
use crate::import::onnx::Node;

/// The distance from a jump, in steps, within which a number counts as one at the jump.
const NEAR: f64 = 1.0 / 16_384.0;

/// How a quantizer rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// To the nearest integer, and halves to the even one, as `QuantizeLinear` does.
    Nearest,
    Floor,
    Ceil,
    /// Away from 0.
    Up,
    /// Towards 0.
    Down,
    /// To the nearest integer, and halves away from 0.
    HalfUp,
    /// To the nearest integer, and halves towards 0.
    HalfDown,
}

impl Rounding {
    /// The rounding of a node of QONNX, which is to the nearest integer by default.
    ///
    /// # Errors
    /// A refusal of a name that is not known.
    pub(super) fn of(node: &Node) -> Result<Self, Refusal> {
        let Some(name) = node.text("rounding_mode") else {
            return Ok(Rounding::Nearest);
        };
        Ok(match name.to_ascii_uppercase().as_str() {
            "ROUND" | "HALF_EVEN" => Rounding::Nearest,
            "FLOOR" => Rounding::Floor,
            "CEIL" => Rounding::Ceil,
            "UP" => Rounding::Up,
            "DOWN" | "ROUND_TO_ZERO" => Rounding::Down,
            "HALF_UP" => Rounding::HalfUp,
            "HALF_DOWN" => Rounding::HalfDown,
            _ => {
                return refuse(format!(
                    "its `rounding_mode` is `{name}`, which is not known"
                ));
            }
        })
    }

    /// What is added to a number, so that rounding to the nearest integer is this rounding; `None` if it depends on
    /// the sign, and numbers are not known to be positive.
    ///
    /// Only numbers within [`NEAR`] of where this rounding jumps are rounded otherwise. What computes them has no more
    /// digits than that: a sum of floats of 32 bits.
    pub(super) fn shift(self, is_positive: bool) -> Option<f64> {
        match self {
            Rounding::Nearest => Some(0.0),
            Rounding::Floor => Some(NEAR - 0.5),
            Rounding::Ceil => Some(0.5 - NEAR),
            Rounding::Down if is_positive => Rounding::Floor.shift(true),
            Rounding::Up if is_positive => Rounding::Ceil.shift(true),
            Rounding::HalfUp if is_positive => Some(NEAR),
            Rounding::HalfDown if is_positive => Some(-NEAR),
            Rounding::Down | Rounding::Up | Rounding::HalfUp | Rounding::HalfDown => None,
        }
    }

    /// The integer of a number.
    pub(super) fn round(self, x: f64) -> f64 {
        match self {
            Rounding::Nearest => x.round_ties_even(),
            Rounding::Floor => x.floor(),
            Rounding::Ceil => x.ceil(),
            Rounding::Up => x.abs().ceil().copysign(x),
            Rounding::Down => x.trunc(),
            Rounding::HalfUp => x.round(),
            Rounding::HalfDown => (x.abs() - 0.5).ceil().copysign(x),
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rounding::Nearest => "ROUND",
            Rounding::Floor => "FLOOR",
            Rounding::Ceil => "CEIL",
            Rounding::Up => "UP",
            Rounding::Down => "ROUND_TO_ZERO",
            Rounding::HalfUp => "HALF_UP",
            Rounding::HalfDown => "HALF_DOWN",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rounding_has_its_integers() {
        let numbers = [-2.5, -1.7, -1.5, -0.2, 0.0, 0.5, 1.3, 1.5, 2.5];
        let cases = [
            (Rounding::Nearest, [-2, -2, -2, 0, 0, 0, 1, 2, 2]),
            (Rounding::Floor, [-3, -2, -2, -1, 0, 0, 1, 1, 2]),
            (Rounding::Ceil, [-2, -1, -1, 0, 0, 1, 2, 2, 3]),
            (Rounding::Up, [-3, -2, -2, -1, 0, 1, 2, 2, 3]),
            (Rounding::Down, [-2, -1, -1, 0, 0, 0, 1, 1, 2]),
            (Rounding::HalfUp, [-3, -2, -2, 0, 0, 1, 1, 2, 3]),
            (Rounding::HalfDown, [-2, -2, -1, 0, 0, 0, 1, 1, 2]),
        ];
        for (rounding, integers) in cases {
            assert_eq!(
                numbers.map(|x| rounding.round(x) as i64),
                integers,
                "{rounding:?}"
            );
            // shifted numbers are rounded to the nearest integer
            let from = if rounding.shift(false).is_some() {
                0
            } else {
                4
            };
            let shift = rounding.shift(from > 0).expect("one for positive numbers");
            assert_eq!(
                numbers.map(|x| (x + shift).round_ties_even() as i64)[from..],
                integers[from..],
                "{rounding:?}"
            );
        }
    }
}
