//! How a declaration prints.

use core::fmt;

use super::{Encoding, Op, Overflow, Pool, Rounding, Spec, Window};
use crate::widths::Range;

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: input {:?} of {} bits",
            self.name, self.input.shape, self.input.bits
        )?;
        let width = self
            .layers
            .iter()
            .map(|layer| layer.name.len())
            .max()
            .unwrap_or(0);
        let tensors = self.flow().unwrap_or_default();
        for (index, layer) in self.layers.iter().enumerate() {
            write!(f, "  {:width$}  {}", layer.name, layer.op)?;
            if !layer.sources.is_empty() {
                let name = |&tensor: &usize| match tensor.checked_sub(1) {
                    None => "input",
                    Some(source) => self.layers.get(source).map_or("?", |layer| &layer.name),
                };
                let names: Vec<&str> = layer.sources.iter().map(name).collect();
                write!(f, " of {}", names.join(", "))?;
            }
            let before = self
                .sources(index)
                .first()
                .and_then(|&tensor| tensors.get(tensor));
            let worst = layer.op.linear().zip(before);
            match worst.and_then(|(linear, before)| linear.worst_case(before.range)) {
                Some(worst)
                    if Some(worst) != layer.op.linear().map(|linear| linear.accumulator) =>
                {
                    write!(f, " (worst case {worst})")?;
                }
                _ => {}
            }
            match tensors.get(index + 1) {
                Some(tensor) if tensor.shape.len() > 1 => writeln!(f, " -> {:?}", tensor.shape)?,
                _ => writeln!(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = |f: &mut fmt::Formatter<'_>, weights, accumulator, overflow| {
            write!(
                f,
                ", weights {weights} bits, accumulator {accumulator} bits {overflow}"
            )
        };
        match self {
            Op::Dense(dense) => {
                write!(f, "Dense {} -> {}", dense.inputs, dense.outputs)?;
                held(f, dense.weights, dense.accumulator, dense.overflow)
            }
            Op::Conv(conv) => {
                let name = if conv.flat { "Conv1d" } else { "Conv2d" };
                write!(f, "{name} {}", conv.window)?;
                held(f, conv.weights, conv.accumulator, conv.overflow)
            }
            Op::Embedding(e) => write!(
                f,
                "Embedding {} tokens ({}) -> {}, weights {} bits",
                e.vocabulary, e.encoding, e.dimension, e.weights
            ),
            Op::Activation(act) => {
                let Range { lo, hi } = act.function.range(act.output);
                write!(f, "{} to [{lo}, {hi}]", act.function.name())?;
                if let Some(table) = act.table {
                    write!(f, ", table reads {table} bits ({})", act.rounding)?;
                }
                match act.phases {
                    0 | 1 => Ok(()),
                    phases => write!(f, ", {phases} phases"),
                }
            }
            Op::Pool(pool) => {
                let kind = match pool.kind {
                    Pool::Average => "AvgPool",
                    Pool::Max => "MaxPool",
                };
                let dimensions = if pool.flat { 1 } else { 2 };
                write!(f, "{kind}{dimensions}d {}", pool.window)
            }
            Op::Add => f.write_str("Add"),
            Op::Mul => f.write_str("Mul"),
            Op::Concat => f.write_str("Concat"),
            Op::Flatten => f.write_str("Flatten"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = |[down, across]: [usize; 2]| format!("{down} x {across}");
        write!(
            f,
            "{} -> {}, {} taps, stride {}",
            self.channels,
            self.outputs,
            pair(self.kernel),
            pair(self.stride)
        )?;
        if self.pads() {
            write!(f, ", padding {}", pair(self.padding))?;
        }
        if self.dilation != [1, 1] {
            write!(f, ", dilation {}", pair(self.dilation))?;
        }
        match self.groups {
            1 => Ok(()),
            groups => write!(f, ", {groups} groups"),
        }
    }
}

impl fmt::Display for Overflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Overflow::Checked => "checked",
            Overflow::Calibrated => "calibrated",
            Overflow::Wrap => "wrap",
        })
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::OneHot => "one-hot",
            Encoding::Number => "by number",
        })
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rounding::Exact => "exact",
            Rounding::Approximate => "approximate",
        })
    }
}
