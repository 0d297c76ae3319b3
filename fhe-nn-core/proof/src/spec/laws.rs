//! The laws of a declaration that the macro did not see: one from a model file, or one made by a program.
//!
//! [`Spec::flow`] says whether layers fit together. What is here bounds every number of a single layer, so
//! that nothing that is computed from it overflows.

use std::collections::HashSet;

use super::{ActivationSpec, Encoding, Function, Input, LinearSpec, Op, Overflow, Spec, Window};
use crate::error::ModelError;
use crate::widths::{
    MAX_ACCUMULATOR_BITS, MAX_ANTIPERIODIC_TABLE_BITS, MAX_TABLE_BITS, MAX_VALUES,
};

/// Widest integer of an input, and widest weight.
const MAX_INTEGER_BITS: u32 = 16;
/// Widest result of a table.
const MAX_RESULT_BITS: u32 = 8;
/// Largest kernel, stride, dilation and padding.
const MAX_STEP: usize = 1 << 12;

/// A law, as the end of the sentence "declaration of `layer` breaks the law".
type Law = &'static str;

impl Spec {
    /// Checks every number of a declaration that the macro did not check.
    ///
    /// # Errors
    /// [`ModelError::Undeclarable`] names the layer and the law.
    pub fn check_numbers(&self) -> Result<(), ModelError> {
        let broken = |layer: &str| {
            let layer = layer.to_owned();
            move |law| ModelError::Undeclarable { layer, law }
        };
        self.input.laws().map_err(broken("input"))?;
        let mut names = HashSet::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let name: &str = &layer.name;
            let mut laws = || {
                law(!name.is_empty(), "a layer has a name")?;
                law(names.insert(name), "layers have different names")?;
                layer.op.laws()?;
                self.neighbours(index)
            };
            laws().map_err(broken(name))?;
        }
        Ok(())
    }

    /// What a layer with accumulators asks of the activation that reads them.
    fn neighbours(&self, index: usize) -> Result<(), Law> {
        let Some(linear) = self.layers[index].op.linear() else {
            return Ok(());
        };
        let wraps = linear.overflow == Overflow::Wrap;
        let reader = self.reader(index).map(|act| act.function);
        let antiperiodic = reader.is_some_and(Function::is_antiperiodic);
        law(
            !wraps || antiperiodic,
            "`wrap` needs an antiperiodic activation",
        )?;
        law(
            wraps || reader != Some(Function::Wave),
            "`Wave` needs `wrap`",
        )
    }
}

impl Input {
    fn laws(&self) -> Result<(), Law> {
        let values = self.shape.iter().copied();
        law(
            values.clone().all(|extent| extent > 0) && small(values),
            "it has 1 to 2^24 values",
        )?;
        law(
            (1..=MAX_INTEGER_BITS).contains(&self.bits),
            "inputs have 1 to 16 bits",
        )?;
        let Some(tokens) = self.tokens else {
            return Ok(());
        };
        let vocabulary = tokens.vocabulary;
        law(
            (1..=MAX_VALUES as usize).contains(&vocabulary),
            "a vocabulary has 1 to 2^24 tokens",
        )?;
        match tokens.encoding {
            Encoding::OneHot => law(self.bits == 1, "one-hot tokens have 1 bit"),
            Encoding::Number => law(
                self.bits <= MAX_RESULT_BITS && vocabulary <= 1 << self.bits,
                "numbers of tokens have at most 8 bits, enough for the vocabulary",
            ),
        }
    }
}

impl Op {
    /// The laws of its own numbers.
    fn laws(&self) -> Result<(), Law> {
        match self {
            Op::Dense(dense) => {
                law(
                    small([dense.inputs]) && small([dense.outputs]),
                    "it has at most 2^24 inputs and outputs",
                )?;
                self.linear().map_or(Ok(()), |linear| linear.laws())
            }
            Op::Conv(conv) => {
                conv.window.laws()?;
                self.linear().map_or(Ok(()), |linear| linear.laws())
            }
            Op::Pool(pool) => pool.window.laws(),
            Op::Embedding(vectors) => {
                law(
                    small([vectors.vocabulary, vectors.positions]) && small([vectors.dimension]),
                    "an embedding has at most 2^24 values",
                )?;
                weights(vectors.weights)
            }
            Op::Activation(act) => act.laws(),
            Op::Add | Op::Mul | Op::Concat | Op::Flatten => Ok(()),
        }
    }
}

impl LinearSpec {
    fn laws(&self) -> Result<(), Law> {
        weights(self.weights)?;
        law(
            (2..=MAX_ACCUMULATOR_BITS).contains(&self.accumulator),
            "accumulators have 2 to 32 bits",
        )
    }
}

impl ActivationSpec {
    fn laws(&self) -> Result<(), Law> {
        law(
            (1..=MAX_RESULT_BITS).contains(&self.output),
            "tables have results of 1 to 8 bits",
        )?;
        let antiperiodic = self.function.is_antiperiodic();
        let widest = if antiperiodic {
            MAX_ANTIPERIODIC_TABLE_BITS
        } else {
            MAX_TABLE_BITS
        };
        law(
            self.table.is_none_or(|bits| (1..=widest).contains(&bits)),
            "tables read 1 to 8 bits, antiperiodic ones to 9",
        )?;
        law(
            self.table.is_none_or(|bits| bits >= 2) || self.function != Function::Wave,
            "`Wave` reads at least 2 bits",
        )?;
        law(
            self.phases == 1 || antiperiodic,
            "phases need an antiperiodic activation",
        )?;
        law(
            self.phases.is_power_of_two() && self.phases <= 1 << (MAX_ANTIPERIODIC_TABLE_BITS - 1),
            "phases are a power of two, at most half a period",
        )
    }
}

impl Window {
    fn laws(&self) -> Result<(), Law> {
        let steps = [self.kernel, self.stride, self.padding, self.dilation];
        let taps = [self.channels, self.kernel[0], self.kernel[1]];
        law(
            steps.as_flattened().iter().all(|&step| step <= MAX_STEP),
            "kernels, strides, dilations and paddings are at most 4,096",
        )?;
        law(
            small([self.channels, self.input[0], self.input[1]])
                && small([self.outputs])
                && small(taps),
            "windows have at most 2^24 values and taps",
        )?;
        law(
            self.check().is_ok(),
            "windows lie within their padded input",
        )
    }
}

/// Whether there are at most as many values as a tensor may have.
fn small(extents: impl IntoIterator<Item = usize>) -> bool {
    let values = extents.into_iter().fold(1, usize::saturating_mul);
    values as u64 <= MAX_VALUES
}

fn weights(bits: u32) -> Result<(), Law> {
    law(
        (2..=MAX_INTEGER_BITS).contains(&bits),
        "weights have 2 to 16 bits",
    )
}

fn law(holds: bool, law: Law) -> Result<(), Law> {
    if holds { Ok(()) } else { Err(law) }
}
