//! A declaration as the text that declares it.

use core::fmt::{self, Write};

use super::Spec;
use super::input::Encoding;

impl Spec {
    /// The struct that declares this network, ready to paste behind `use fhe_nn_core::prelude::*;`.
    ///
    /// `functions` names the functions of its `Custom` layers in order; a missing one is called `own`.
    pub fn declaration(&self, functions: &[&str]) -> String {
        let mut text = String::new();
        // writing to a string does not fail
        let _ = self.declare(&mut text, functions);
        text
    }

    fn declare(&self, text: &mut String, functions: &[&str]) -> fmt::Result {
        let mut functions = functions.iter();
        let input = &self.input;
        write!(text, "#[fhe_network(input(shape = {:?}", input.shape)?;
        match input.tokens {
            None => write!(text, ", bits = {}", input.bits)?,
            Some(tokens) => {
                write!(text, ", vocabulary = {}", tokens.vocabulary)?;
                if tokens.encoding == Encoding::Number {
                    write!(text, ", bits = {}", input.bits)?;
                }
            }
        }
        if !input.scales.is_one() {
            write!(text, ", scales = {}", input.scales)?;
        }
        writeln!(text, "))]\npub struct {} {{", self.name)?;
        let facts = self.flow().unwrap_or_default();
        for (index, layer) in self.layers.iter().enumerate() {
            if !layer.sources.is_empty() {
                let names: Vec<&str> = layer
                    .sources
                    .iter()
                    .map(|&source| self.name_of(source))
                    .collect();
                writeln!(text, "    #[from({})]", names.join(", "))?;
            }
            let before = self
                .sources(index)
                .first()
                .and_then(|&tensor| facts.get(tensor));
            let keys = layer.op.layer().keys(before, &mut functions);
            if !keys.is_empty() {
                writeln!(text, "    #[bits({})]", keys.join(", "))?;
            }
            writeln!(
                text,
                "    {}: {},",
                layer.name,
                layer.op.layer().type_name()
            )?;
        }
        text.write_str("}\n")
    }
}
