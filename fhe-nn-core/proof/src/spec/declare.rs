//! A declaration as the text that declares it.

use core::fmt::{self, Write};

use super::{Encoding, Layer, Op, Overflow, Pool, PoolSpec, Rounding, Spec, Tensor, Window};

impl Spec {
    /// The struct that declares this network, ready to paste behind `use fhe_nn_core::prelude::*;`.
    ///
    /// `functions` are those of its `Custom` layers by name, in order; one that is missing is called `own`.
    pub fn declaration(&self, functions: &[&str]) -> String {
        let mut text = String::new();
        // writing to a text does not fail
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
        writeln!(text, "))]\npub struct {} {{", self.name)?;
        let facts = self.flow().unwrap_or_default();
        for (index, layer) in self.layers.iter().enumerate() {
            if !layer.sources.is_empty() {
                let name = |&source: &usize| match source.checked_sub(1) {
                    None => "input",
                    Some(index) => &self.layers[index].name,
                };
                let names: Vec<&str> = layer.sources.iter().map(name).collect();
                writeln!(text, "    #[from({})]", names.join(", "))?;
            }
            let before = self
                .sources(index)
                .first()
                .and_then(|&tensor| facts.get(tensor));
            let keys = keys(layer, before, &mut functions);
            if !keys.is_empty() {
                writeln!(text, "    #[bits({})]", keys.join(", "))?;
            }
            writeln!(text, "    {}: {},", layer.name, layer.op.type_name())?;
        }
        text.write_str("}\n")
    }
}

/// What is written in `#[bits(..)]`.
fn keys<'a>(
    layer: &Layer,
    before: Option<&Tensor>,
    functions: &mut impl Iterator<Item = &'a &'a str>,
) -> Vec<String> {
    let mut keys = Vec::new();
    if let Some(linear) = layer.op.linear() {
        keys.push(format!("weights = {}", linear.weights));
        let worst = before.and_then(|before| linear.worst_case(before.range));
        if worst != Some(linear.accumulator) {
            keys.push(format!("accumulator = {}", linear.accumulator));
        }
        if linear.overflow != Overflow::Checked {
            keys.push(format!("overflow = {}", linear.overflow));
        }
    }
    match &layer.op {
        Op::Embedding(embedding) => keys.push(format!("weights = {}", embedding.weights)),
        Op::Activation(act) => {
            use super::Function::{Custom, Sign};
            if act.function != Sign {
                keys.push(format!("output = {}", act.output));
            }
            if act.function == Custom {
                let own = functions.next().copied().unwrap_or("own");
                keys.push(format!("function = {own}"));
            }
            if let Some(table) = act.table {
                keys.push(format!("table = {table}"));
            }
            if act.rounding != Rounding::Exact {
                keys.push(format!("rounding = {}", act.rounding));
            }
            if act.phases > 1 {
                keys.push(format!("phases = {}", act.phases));
            }
        }
        Op::Dense(_) | Op::Conv(_) | Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => {
        }
    }
    keys
}

impl Op {
    /// The type of the field, with its sizes: those of windows along the last axis, as both are equal.
    fn type_name(&self) -> String {
        match self {
            Op::Dense(dense) => format!("Dense<{}, {}>", dense.inputs, dense.outputs),
            Op::Conv(conv) => {
                let (window, axes) = (&conv.window, if conv.flat { 1 } else { 2 });
                let sizes = [
                    (window.stride[1], 1),
                    (window.padding[1], 0),
                    (window.dilation[1], 1),
                    (window.groups, 1),
                ];
                let needed = [window.channels, window.outputs, window.kernel[1]];
                format!("Conv{axes}d<{}>", sizes_of(&needed, &sizes))
            }
            Op::Embedding(e) => format!("Embedding<{}, {}>", e.vocabulary, e.dimension),
            Op::Activation(act) => act.function.name().to_owned(),
            Op::Pool(pool) => {
                let kind = match pool.kind {
                    Pool::Average => "AvgPool",
                    Pool::Max => "MaxPool",
                };
                if pool.is_global() {
                    return format!("Global{kind}");
                }
                let (window, axes) = (&pool.window, if pool.flat { 1 } else { 2 });
                let kernel = window.kernel[1];
                let sizes = [(window.stride[1], kernel), (window.padding[1], 0)];
                format!("{kind}{axes}d<{}>", sizes_of(&[kernel], &sizes))
            }
            Op::Add => "Add".to_owned(),
            Op::Mul => "Mul".to_owned(),
            Op::Concat => "Concat".to_owned(),
            Op::Flatten => "Flatten".to_owned(),
        }
    }
}

impl PoolSpec {
    /// Whether one window sees all of a channel.
    fn is_global(&self) -> bool {
        let Window {
            input,
            kernel,
            stride,
            ..
        } = self.window;
        kernel == input && stride == [1, 1] && !self.window.pads()
    }
}

/// Sizes, of which the last that have their defaults are not written.
fn sizes_of(needed: &[usize], optional: &[(usize, usize)]) -> String {
    let written = optional.iter().rposition(|(size, default)| size != default);
    let written = written.map_or(0, |last| last + 1);
    let optional = optional[..written].iter().map(|(size, _)| size);
    let sizes: Vec<String> = needed
        .iter()
        .chain(optional)
        .map(usize::to_string)
        .collect();
    sizes.join(", ")
}
