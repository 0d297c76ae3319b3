//! How a client encodes the values of an input.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::client::Affine;
use crate::widths::Range;

/// The meaning of the integers of an input, or of another tensor that a layer reads: the real value of integer `q`
/// is `scale x (q - zero_point)`.
///
/// A client encodes a real `x` as `clamp(round(x / scale) + zero_point, 0, 2^bits - 1)` in 64-bit floats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Encoder {
    /// What `round` does in the middle between two integers.
    pub ties: Ties,
    /// The scale and the zero point of all values.
    pub affines: Cow<'static, [Affine]>,
}

/// What rounding does with a value in the middle between two integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Ties {
    /// It becomes the even one, as in IEEE 754, ONNX, numpy and PyTorch.
    #[default]
    ToEven,
    /// It becomes the one further from 0. Models from before the rule was stored were made so.
    AwayFromZero,
}

impl Ties {
    /// The nearest integer.
    pub fn round(self, x: f64) -> f64 {
        match self {
            Ties::ToEven => x.round_ties_even(),
            Ties::AwayFromZero => x.round(),
        }
    }
}

impl Encoder {
    /// The encoder of tokens, which are integers already: nothing is rounded.
    pub const TOKENS: Encoder = Encoder {
        ties: Ties::AwayFromZero,
        affines: Cow::Borrowed(&[Affine {
            scale: 1.0,
            zero_point: 0,
        }]),
    };

    /// The scale and the zero point of value `index` of an input of `count` values.
    ///
    /// # Panics
    /// If there is none. Models and plans are checked for that.
    pub fn affine(&self, index: usize, count: usize) -> Affine {
        self.affines[index * self.affines.len() / count]
    }

    /// Encodes all values of an input, each of which it is given by its index.
    pub(crate) fn encode(&self, value: impl Fn(usize) -> f32, range: Range, integers: &mut [i64]) {
        let count = integers.len();
        for (index, integer) in integers.iter_mut().enumerate() {
            let affine = self.affine(index, count);
            let steps = self.ties.round(f64::from(value(index)) / affine.scale);
            *integer = (steps as i64)
                .saturating_add(affine.zero_point)
                .clamp(range.lo, range.hi);
        }
    }

    /// Whether an encoder is one that files from before [`Ties`] were stored can have.
    pub(crate) fn is_of_before(&self) -> bool {
        self.ties == Ties::AwayFromZero && self.affines.len() == 1
    }
}

/// One scale and one zero point, with ties to even.
impl From<Affine> for Encoder {
    fn from(affine: Affine) -> Self {
        Encoder {
            ties: Ties::ToEven,
            affines: Cow::Owned(vec![affine]),
        }
    }
}

/// The two forms in which plans have an encoder. The second is that of before [`Ties`] were stored, which is kept
/// for its models, so that the fingerprints of their plans are what they were.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Now(Now),
    Before(Affine),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Now {
    ties: Ties,
    affines: Cow<'static, [Affine]>,
}

impl From<Encoder> for Stored {
    fn from(encoder: Encoder) -> Self {
        match *encoder.affines {
            [affine] if encoder.is_of_before() => Stored::Before(affine),
            _ => Stored::Now(Now {
                ties: encoder.ties,
                affines: encoder.affines,
            }),
        }
    }
}

impl From<Stored> for Encoder {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Now(Now { ties, affines }) => Encoder { ties, affines },
            Stored::Before(affine) => Encoder {
                ties: Ties::AwayFromZero,
                affines: Cow::Owned(vec![affine]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Affine = Affine {
        scale: 0.5,
        zero_point: 3,
    };

    #[test]
    fn ties_are_rounded_by_the_rule_of_the_encoder() {
        let input = [-0.75, -0.25, 0.25, 0.75, 1.25, 9.0, -9.0];
        let encoded = |ties| {
            let encoder = Encoder {
                ties,
                ..Encoder::from(HALF)
            };
            let mut integers = [0; 7];
            encoder.encode(|index| input[index], Range::unsigned(3), &mut integers);
            integers
        };
        assert_eq!(encoded(Ties::ToEven), [1, 3, 3, 5, 5, 7, 0]);
        assert_eq!(encoded(Ties::AwayFromZero), [1, 2, 4, 5, 6, 7, 0]);
    }

    /// The fingerprint of a plan is that of its JSON.
    #[test]
    fn encoders_of_before_are_written_as_they_were() {
        let before = r#"{"scale":0.5,"zero_point":3}"#;
        let encoder: Encoder = serde_json::from_str(before).expect("an encoder of before");
        assert_eq!(encoder.ties, Ties::AwayFromZero);
        assert_eq!(
            serde_json::to_string(&encoder).expect("numbers and names"),
            before
        );
        let now = r#"{"ties":"ToEven","affines":[{"scale":0.5,"zero_point":3}]}"#;
        let encoder = Encoder::from(HALF);
        assert_eq!(
            serde_json::to_string(&encoder).expect("numbers and names"),
            now
        );
        assert_eq!(
            serde_json::from_str::<Encoder>(now).expect("an encoder"),
            encoder
        );
    }
}
