//! The laws of a declaration that the macro did not see: one from a model file, or one made by a program.
//!
//! [`Spec::flow`] says whether layers fit together. What is here bounds every number of a single layer, so
//! that nothing that is computed from it overflows.

use std::collections::HashSet;

use super::law::{Law, MAX_INTEGER_BITS, MAX_RESULT_BITS, law, small};
use super::{Encoding, Function, Input, Overflow, Spec};
use crate::error::ModelError;
use crate::widths::MAX_VALUES;

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
        law(!self.layers.is_empty(), "a network has a layer").map_err(broken(&self.name))?;
        let mut names = HashSet::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let name: &str = &layer.name;
            let mut laws = || {
                law(!name.is_empty(), "a layer has a name")?;
                law(names.insert(name), "layers have different names")?;
                layer.op.layer().laws()?;
                self.neighbours(index)
            };
            laws().map_err(broken(name))?;
        }
        Ok(())
    }

    /// What a layer with accumulators requires of the activation that reads them.
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
            !self.shape.is_empty() && values.clone().all(|extent| extent > 0) && small(values),
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
