//! How a client encodes the values of an input.

use std::borrow::Cow;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use crate::client::{Affine, is_scale};
use crate::widths::Range;

/// The meaning of the integers of an input, or of another tensor that a layer reads: the real value of integer `q`
/// is `scale x (q - zero_point)`.
///
/// A client encodes a real `x` as `clamp(round(n / scale) + zero_point, 0, 2^bits - 1)`, where `n = (x - mean) / std` if
/// the model normalizes its inputs, and `n = x` if it does not, all in 64-bit floats. So what a model does to each input
/// value before its first layer costs a client nothing, and a server never sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Encoder {
    /// What `round` does in the middle between two integers.
    pub ties: Ties,
    /// The scale and the zero point of all values, of those of each channel, or of each value.
    pub affines: Cow<'static, [Affine]>,
    /// The normalization of all values, of those of each channel, or of each value; empty if there is none.
    pub norms: Cow<'static, [Norm]>,
}

/// The number that value `index` of `count` has, if there is one for all values, one for each channel or one for each
/// value; `None` if there is none. The number of values is a multiple of that of numbers.
pub fn own_of<T>(numbers: &[T], index: usize, count: usize) -> Option<&T> {
    // 32 bits do not hold the product of two numbers of values
    let place = index as u64 * numbers.len() as u64 / count as u64;
    numbers.get(place as usize)
}

/// The normalization of an input value before it is quantized: `(x - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norm {
    /// The input that becomes 0.
    pub mean: f64,
    /// The distance of inputs that becomes 1, positive and finite.
    pub std: f64,
}

impl Norm {
    /// The normalized value.
    pub fn of(&self, x: f64) -> f64 {
        (x - self.mean) / self.std
    }

    /// The value that is normalized to `n`.
    pub fn inverse(&self, n: f64) -> f64 {
        n * self.std + self.mean
    }

    /// Whether it can be computed.
    pub fn is_usable(&self) -> bool {
        self.mean.is_finite() && is_scale(self.std)
    }
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
        norms: Cow::Borrowed(&[]),
    };

    /// The scale and the zero point of value `index` of an input of `count` values.
    ///
    /// # Panics
    /// If there is none. Models and plans are checked for that.
    pub fn affine(&self, index: usize, count: usize) -> Affine {
        *own_of(&self.affines, index, count).expect("models and plans have affines for all values")
    }

    /// The integer that stands for the real `x` as value `index` of an input of `count` values.
    pub(crate) fn integer(&self, (index, count): (usize, usize), x: f32, range: Range) -> i64 {
        let (steps, affine) = self.steps((index, count), x);
        affine.level(self.ties.round(steps), range)
    }

    /// The steps from the zero point to the real `x`, before they are rounded, and what a step and the zero point are.
    pub(crate) fn steps(&self, (index, count): (usize, usize), x: f32) -> (f64, Affine) {
        let x = match self.norm(index, count) {
            Some(norm) => norm.of(f64::from(x)),
            None => f64::from(x),
        };
        let affine = self.affine(index, count);
        (x / affine.scale, affine)
    }

    /// The real that integer `q` stands for as value `index` of an input of `count` values, before it is normalized.
    pub fn real(&self, (index, count): (usize, usize), q: i64) -> f64 {
        let real = self.affine(index, count).real(q);
        self.norm(index, count)
            .map_or(real, |norm| norm.inverse(real))
    }

    fn norm(&self, index: usize, count: usize) -> Option<&Norm> {
        own_of(&self.norms, index, count)
    }

    /// The real value of one unit of what a layer reads: the scale, or 1 if there are several, which are then in the
    /// weights.
    pub fn unit(&self) -> f64 {
        match &*self.affines {
            [one] => one.scale,
            _ => 1.0,
        }
    }

    /// What weight `tap` of `taps` is multiplied by before it is quantized: the scale of what it multiplies in units.
    pub fn factor(&self, tap: usize, taps: usize) -> f64 {
        self.affine(tap, taps).scale / self.unit()
    }

    /// The zero point that weight `tap` of `taps` multiplies.
    pub fn zero_point(&self, tap: usize, taps: usize) -> i64 {
        self.affine(tap, taps).zero_point
    }

    /// What the sum of these weights is where all inputs are 0: the zero points times the weights.
    pub fn centre(&self, weights: ArrayView1<'_, i16>) -> i64 {
        if self.zero_points().all(|zero_point| zero_point == 0) {
            return 0;
        }
        let taps = weights.len();
        let weights = weights.into_iter().enumerate();
        weights
            .map(|(tap, &w)| self.zero_point(tap, taps) * i64::from(w))
            .sum()
    }

    /// The zero points, one for each channel or value, or one for all.
    pub fn zero_points(&self) -> impl Iterator<Item = i64> + '_ {
        self.affines.iter().map(|affine| affine.zero_point)
    }

    /// Whether its numbers fit an input of `count` values, and can be computed with.
    pub(crate) fn is_usable(&self, count: usize) -> bool {
        let divides = |len: usize| len > 0 && count.is_multiple_of(len);
        divides(self.affines.len())
            && (self.norms.is_empty() || divides(self.norms.len()))
            && self.affines.iter().all(|affine| is_scale(affine.scale))
            && self.norms.iter().all(Norm::is_usable)
    }

    /// Whether an encoder is one that files from before [`Ties`] were stored can have.
    pub(crate) fn is_of_before(&self) -> bool {
        self.ties == Ties::AwayFromZero && self.affines.len() == 1 && self.norms.is_empty()
    }
}

/// One scale and one zero point, with ties to even.
impl From<Affine> for Encoder {
    fn from(affine: Affine) -> Self {
        Encoder {
            ties: Ties::ToEven,
            affines: Cow::Owned(vec![affine]),
            norms: Cow::Borrowed(&[]),
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
    #[serde(default, skip_serializing_if = "<[Norm]>::is_empty")]
    norms: Cow<'static, [Norm]>,
}

impl From<Encoder> for Stored {
    fn from(encoder: Encoder) -> Self {
        match *encoder.affines {
            [affine] if encoder.is_of_before() => Stored::Before(affine),
            _ => Stored::Now(Now {
                ties: encoder.ties,
                affines: encoder.affines,
                norms: encoder.norms,
            }),
        }
    }
}

impl From<Stored> for Encoder {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Now(Now {
                ties,
                affines,
                norms,
            }) => Encoder {
                ties,
                affines,
                norms,
            },
            Stored::Before(affine) => Encoder {
                ties: Ties::AwayFromZero,
                ..Encoder::from(affine)
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
            input.map(|x| encoder.integer((0, 1), x, Range::unsigned(3)))
        };
        assert_eq!(encoded(Ties::ToEven), [1, 3, 3, 5, 5, 7, 0]);
        assert_eq!(encoded(Ties::AwayFromZero), [1, 2, 4, 5, 6, 7, 0]);
    }

    #[test]
    fn each_value_has_its_own_of_few_numbers() {
        let all = |numbers: &[char]| -> String {
            (0..6)
                .filter_map(|index| own_of(numbers, index, 6))
                .collect()
        };
        assert_eq!(all(&[]), "");
        assert_eq!(all(&['a']), "aaaaaa");
        assert_eq!(all(&['a', 'b', 'c']), "aabbcc");
        assert_eq!(all(&['a', 'b', 'c', 'd', 'e', 'f']), "abcdef");
        // the product of these is more than 2^32
        let many: Vec<u32> = (0..1 << 17).collect();
        assert_eq!(
            own_of(&many, (1 << 17) - 1, 1 << 17),
            Some(&((1 << 17) - 1))
        );
    }

    #[test]
    fn values_and_channels_have_their_own_numbers() {
        let affine = |scale, zero_point| Affine { scale, zero_point };
        let norm = |mean, std| Norm { mean, std };
        let encoder = Encoder {
            affines: vec![affine(1.0, 0), affine(0.5, 2)].into(),
            norms: vec![norm(100.0, 10.0)].into(),
            ..Encoder::from(HALF)
        };
        // two channels of two values
        let encoded: Vec<i64> = [100.0, 110.0, 100.0, 95.0]
            .into_iter()
            .enumerate()
            .map(|(index, x)| encoder.integer((index, 4), x, Range::unsigned(3)))
            .collect();
        assert_eq!(encoded, [0, 1, 2, 1]);
        assert_eq!(encoder.real((3, 4), 1), 95.0);
        assert!(encoder.is_usable(4) && !encoder.is_usable(5));
        let json = serde_json::to_string(&encoder).expect("numbers and names");
        assert_eq!(
            serde_json::from_str::<Encoder>(&json).expect("an encoder"),
            encoder
        );
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
