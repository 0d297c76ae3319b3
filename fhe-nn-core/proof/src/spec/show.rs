//! How a declaration prints.

use core::fmt;

use super::{Op, Overflow, Rounding, Spec};
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
        for (index, layer) in self.layers.iter().enumerate() {
            write!(f, "  {:width$}  ", layer.name)?;
            match &layer.op {
                Op::Dense(dense) => {
                    write!(
                        f,
                        "Dense {} -> {}, weights {} bits, accumulator {} bits {}",
                        dense.inputs,
                        dense.outputs,
                        dense.weights,
                        dense.accumulator,
                        dense.overflow
                    )?;
                    match dense.worst_case(self.range_into(index)) {
                        Some(worst) if worst != dense.accumulator => {
                            writeln!(f, " (worst case {worst})")?;
                        }
                        _ => writeln!(f)?,
                    }
                }
                Op::Activation(act) => {
                    let Range { lo, hi } = act.function.range(act.output);
                    write!(f, "{} to [{lo}, {hi}]", act.function.name())?;
                    if let Some(table) = act.table {
                        write!(f, ", table reads {table} bits ({})", act.rounding)?;
                    }
                    if act.phases > 1 {
                        write!(f, ", {} phases", act.phases)?;
                    }
                    writeln!(f)?;
                }
            }
        }
        Ok(())
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

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rounding::Exact => "exact",
            Rounding::Approximate => "approximate",
        })
    }
}
