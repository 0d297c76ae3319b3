//! The laws of a declaration that the macro did not see: one from a model file, or one made by a program.
//!
//! [`Spec::flow`] says whether layers fit together. What is here bounds every number of a single layer, so
//! that nothing that is computed from it overflows.

use std::collections::HashSet;

use super::flow::Readers;
use super::law::{Law, MAX_INTEGER_BITS, MAX_RESULT_BITS, law, small};
use super::{Encoding, Function, Input, Overflow, Spec};
use crate::error::ModelError;
use crate::widths::MAX_VALUES;

/// Greatest number of layers.
const MAX_LAYERS: usize = 4096;

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
        let few = self.layers.len() <= MAX_LAYERS;
        law(few, "a network has at most 4,096 layers").map_err(broken(&self.name))?;
        let readers = Readers::of(self);
        let mut names = HashSet::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let name: &str = &layer.name;
            let mut laws = || {
                law(!name.is_empty(), "a layer has a name")?;
                law(names.insert(name), "layers have different names")?;
                layer.op.layer().laws()?;
                self.neighbours(index, &readers)
            };
            laws().map_err(broken(name))?;
        }
        let tokens = self.input.tokens.is_some();
        let interface = &self.interface;
        let laws = interface.laws(self.input_len(), tokens, self.output_len());
        laws.map_err(broken(&self.name))
    }

    /// What a layer with accumulators and the activation that reads them require of each other.
    fn neighbours(&self, index: usize, readers: &Readers<'_>) -> Result<(), Law> {
        let op = &self.layers[index].op;
        if op.activation().map(|act| act.function) == Some(Function::Wave) {
            let before = self.sources(index)[0].checked_sub(1);
            let before = before.and_then(|before| self.layers.get(before));
            let accumulators = before.and_then(|layer| layer.op.accumulator());
            return law(accumulators.is_some(), "`Wave` reads accumulators");
        }
        let Some(linear) = op.linear() else {
            return Ok(());
        };
        let wraps = linear.overflow == Overflow::Wrap;
        let reader = readers.activation(index);
        let function = reader.map(|act| act.function);
        law(
            !wraps || function.is_some_and(Function::is_antiperiodic),
            "`wrap` needs an antiperiodic activation",
        )?;
        law(
            wraps || function != Some(Function::Wave),
            "`Wave` needs `wrap`",
        )?;
        let phases = reader.map_or(1, |act| act.phases.max(1));
        law(
            phases.ilog2() < linear.accumulator,
            "phases are at most half a period",
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
        law(
            self.scale_count() <= Input::MAX_SCALES,
            "an input has at most 65,536 scales",
        )?;
        let Some(tokens) = self.tokens else {
            return Ok(());
        };
        law(self.scales.is_one(), "tokens have no scales")?;
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
