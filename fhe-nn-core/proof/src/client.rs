//! What a client must know to encode inputs and to read scores, without any weights.

mod clamped;
mod interface;
mod outputs;

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

pub use self::interface::Interface;
pub use self::outputs::{Combination, MAX_TERMS, OutputForm, OutputGrid, Outputs, ScoreTerm};
use crate::encoder::{Encoder, Ties};
use crate::spec::{Encoding, Tokens};
use crate::widths::{Lattice, Range};

/// Affine quantization of a tensor: the real value is `scale x (q - zero_point)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// Real value of one step, positive and finite.
    pub scale: f64,
    /// The integer that stands for 0.
    pub zero_point: i64,
}

/// The client's half of a network: how inputs are encoded and what scores mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientSpec {
    /// Name of the network.
    pub network: Cow<'static, str>,
    /// Number of values of one input; for a text, its number of tokens.
    pub inputs: usize,
    /// The vocabulary, if inputs are tokens; `None` if they are numbers.
    pub tokens: Option<Tokens>,
    /// Width of an encoded input value: unsigned integers of this many bits.
    pub input_bits: u32,
    /// Meaning of encoded input values.
    pub encoder: Encoder,
    /// Width of each score: a signed integer of this many bits.
    pub widths: Cow<'static, [u32]>,
    /// The values that each score can have.
    pub lattices: Cow<'static, [Lattice]>,
    /// Meaning of each score.
    pub decoder: Cow<'static, [Line]>,
    /// The order of a client's rows, and what it makes of the scores.
    #[serde(default, skip_serializing_if = "Interface::is_own")]
    pub interface: Interface,
}

/// The real value of score `acc` is `slope x acc + offset`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Real value of one unit.
    pub slope: f64,
    /// Real value of the integer 0.
    pub offset: f64,
}

/// The result of one inference: integer scores, and the outputs in reals that they stand for.
///
/// Scores are equal if their integers and their meanings are: those of an encrypted run equal those of a
/// clear one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    integers: Vec<i64>,
    reals: Vec<f64>,
}

/// Whether a number can be a scale, or divide by one: it is positive, finite and not so small that it lacks digits.
pub fn is_scale(x: f64) -> bool {
    x.is_normal() && x > 0.0
}

impl Affine {
    /// `clamp(round(x / scale) + zero_point, lo, hi)`, ties to even, in f64.
    pub fn quantize(&self, x: f64, range: Range) -> i64 {
        self.level(Ties::ToEven.round(x / self.scale), range)
    }

    /// The integer that is a whole number of steps from the zero point, or the end of the range beyond which that is.
    pub(crate) fn level(&self, steps: f64, range: Range) -> i64 {
        (steps as i64)
            .saturating_add(self.zero_point)
            .clamp(range.lo, range.hi)
    }

    /// `scale x (q - zero_point)`.
    pub fn real(&self, q: i64) -> f64 {
        self.scale * (q - self.zero_point) as f64
    }

    /// The same as a line, for integers that are read as sums.
    pub fn line(&self) -> Line {
        Line {
            slope: self.scale,
            offset: -self.scale * self.zero_point as f64,
        }
    }
}

/// Why real values are not an input of a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// An input does not have the declared number of values.
    #[error("input has {actual} values, but `{network}` takes {expected}")]
    Length {
        /// Name of the network.
        network: String,
        /// Number of values that it takes.
        expected: usize,
        /// Number of values given.
        actual: usize,
    },
    /// An input value is NaN or infinite.
    #[error("input value {index} is {value}, but must be finite")]
    NotFinite {
        /// Position of the value.
        index: usize,
        /// The value.
        value: f32,
    },
    /// An input value is not a token.
    #[error("value {index} is {value}, but tokens are integers of 0 to {}", vocabulary - 1)]
    NotAToken {
        /// Position of the value.
        index: usize,
        /// The value.
        value: f32,
        /// Number of tokens.
        vocabulary: usize,
    },
}

impl ClientSpec {
    /// Number of integers that an input is encoded as.
    pub fn integers(&self) -> usize {
        match self.tokens {
            Some(Tokens {
                vocabulary,
                encoding: Encoding::OneHot,
            }) => self.inputs.saturating_mul(vocabulary),
            Some(_) | None => self.inputs,
        }
    }

    /// The integers that stand for an input, `[values]` or, for one-hot tokens, `[vocabulary, tokens]`.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn encode(&self, input: &[f32]) -> Result<Vec<i64>, InputError> {
        if let Some(tokens) = self.tokens {
            return tokens.encode(input);
        }
        self.check(input.len(), input)?;
        let mut integers = vec![0; input.len()];
        self.write(input, &mut integers)?;
        Ok(integers)
    }

    /// Encodes one input into a buffer and makes no other copy of it, so the buffer can be one that is
    /// wiped.
    ///
    /// # Errors
    /// [`InputError`].
    ///
    /// # Panics
    /// If the buffer does not have [`ClientSpec::integers`] values.
    pub fn encode_into(&self, input: &[f32], integers: &mut [i64]) -> Result<(), InputError> {
        assert_eq!(integers.len(), self.integers(), "a buffer for one input");
        self.check(input.len(), input)?;
        integers.fill(0);
        self.write(input, integers)
    }

    /// Encodes real inputs as the integers that enter the first layer.
    ///
    /// # Shapes
    /// `inputs`: `[inputs, values of one input]`; the result is `[inputs, integers of one input]`.
    ///
    /// # Errors
    /// [`InputError`].
    pub fn encode_batch(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<i64>, InputError> {
        self.check(inputs.ncols(), inputs)?;
        let mut integers = Array2::zeros((inputs.nrows(), self.integers()));
        let inputs = inputs.as_standard_layout();
        for (input, mut row) in inputs.rows().into_iter().zip(integers.rows_mut()) {
            let input = input.to_slice().expect("rows of this layout are slices");
            self.write(input, row.as_slice_mut().expect("so are new rows"))?;
        }
        Ok(integers)
    }

    /// Checks that inputs have `length` finite values each, as many as the network takes.
    ///
    /// # Errors
    /// [`InputError::Length`] and [`InputError::NotFinite`].
    fn check<'a>(
        &self,
        length: usize,
        values: impl IntoIterator<Item = &'a f32>,
    ) -> Result<(), InputError> {
        if length != self.inputs {
            return Err(InputError::Length {
                network: self.network.to_string(),
                expected: self.inputs,
                actual: length,
            });
        }
        let mut values = values.into_iter().enumerate();
        match values.find(|(_, x)| !x.is_finite()) {
            Some((index, &value)) => Err(InputError::NotFinite {
                index: index % self.inputs,
                value,
            }),
            None => Ok(()),
        }
    }

    /// Writes the integers that stand for an input into a buffer of zeros.
    ///
    /// # Errors
    /// [`InputError::NotAToken`], if the inputs are tokens.
    fn write(&self, input: &[f32], to: &mut [i64]) -> Result<(), InputError> {
        if let Some(tokens) = self.tokens {
            return tokens.write(input, to);
        }
        let range = Range::unsigned(self.input_bits);
        for (index, to) in to.iter_mut().enumerate() {
            let x = input[self.interface.place(index)];
            *to = self.encoder.integer((index, input.len()), x, range);
        }
        Ok(())
    }

    /// Integer scores, one row for each input, with their meaning.
    pub fn scores_of_rows(&self, integers: &Array2<i64>) -> Vec<Scores> {
        let rows = integers.rows().into_iter();
        rows.map(|row| self.scores(row.to_vec())).collect()
    }

    /// Number of outputs that the client makes of the scores.
    pub fn output_len(&self) -> usize {
        self.interface.output_len(self.decoder.len())
    }

    /// Integer scores with their meaning.
    pub fn scores(&self, integers: Vec<i64>) -> Scores {
        let reals = integers
            .iter()
            .zip(&*self.decoder)
            .map(|(&q, line)| line.real(q))
            .collect();
        let reals = self.interface.outputs(reals);
        Scores { integers, reals }
    }
}

impl Tokens {
    /// The integers that a client encrypts for some tokens: `[vocabulary, tokens]` if they are one-hot.
    ///
    /// # Errors
    /// [`InputError::NotAToken`].
    pub fn encode(&self, tokens: &[f32]) -> Result<Vec<i64>, InputError> {
        let each = match self.encoding {
            Encoding::Number => 1,
            Encoding::OneHot => self.vocabulary,
        };
        let mut integers = vec![0; tokens.len().saturating_mul(each)];
        self.write(tokens, &mut integers)?;
        Ok(integers)
    }

    /// Writes the integers that stand for tokens into a buffer of zeros.
    ///
    /// # Errors
    /// [`InputError::NotAToken`].
    fn write(&self, tokens: &[f32], to: &mut [i64]) -> Result<(), InputError> {
        let vocabulary = self.vocabulary;
        for (index, &value) in tokens.iter().enumerate() {
            let token = value as usize;
            if token as f32 != value || token >= vocabulary {
                return Err(InputError::NotAToken {
                    index,
                    value,
                    vocabulary,
                });
            }
            match self.encoding {
                Encoding::Number => to[index] = token as i64,
                Encoding::OneHot => to[token * tokens.len() + index] = 1,
            }
        }
        Ok(())
    }
}

impl Line {
    /// `slope x q + offset`.
    pub fn real(&self, q: i64) -> f64 {
        self.slope * q as f64 + self.offset
    }
}

impl Scores {
    /// The exact integers, one for each score that was decrypted.
    pub fn integers(&self) -> &[i64] {
        &self.integers
    }

    /// The outputs: the real values that the integers stand for, or what the client of an imported network makes
    /// of these.
    pub fn reals(&self) -> &[f64] {
        &self.reals
    }

    /// Position of the greatest output, the first of equals; 0 if there is none.
    pub fn argmax(&self) -> usize {
        greatest(self.reals.iter().copied()).unwrap_or(0)
    }
}

/// Position of the greatest value, the first of equals; `None` if there is none.
pub fn greatest(values: impl IntoIterator<Item = f64>) -> Option<usize> {
    let values = values.into_iter().enumerate();
    let best = values.reduce(|best, own| if own.1 > best.1 { own } else { best });
    best.map(|(position, _)| position)
}
