//! Lookup tables.

use core::{fmt, slice};

use serde::{Deserialize, Serialize};

use super::LayerSpec;
use crate::spec::flow_error::FlowError;
use crate::spec::function::Function;
use crate::spec::tensor::{Tensor, TensorKind};
use crate::widths::Range;

/// A lookup table on every value of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationSpec {
    /// The function in the table.
    pub function: Function,
    /// Width of a result, see [`Function::range`].
    pub output: u32,
    /// How many top bits of the accumulator the table reads; `None` for all of them.
    pub table: Option<u32>,
    /// How the bits that the table does not read are dropped.
    pub rounding: Rounding,
    /// Values per neuron from one bootstrap.
    pub phases: u32,
}

/// How the bits of an accumulator that its table does not read are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rounding {
    /// Floor, in the clear as encrypted.
    Exact,
    /// Encrypted results may be off by one step near a boundary.
    Approximate,
}

impl ActivationSpec {
    /// How many bits of an accumulator of `width` bits the table reads.
    pub fn table_bits(&self, width: u32) -> u32 {
        self.table.map_or(width, |table| table.min(width))
    }
}

impl LayerSpec for ActivationSpec {
    fn reads(&self) -> (&'static str, &'static [TensorKind]) {
        let kinds = &[TensorKind::Accumulators, TensorKind::Sums];
        ("accumulators or sums", kinds)
    }

    fn check(&self, _operands: &[&Tensor]) -> Result<(), FlowError> {
        Ok(())
    }

    fn facts(&self, operands: &[&Tensor]) -> Tensor {
        let mut shape = operands[0].shape.clone();
        shape[0] = shape[0].saturating_mul(self.phases as usize);
        Tensor {
            shape,
            range: self.function.range(self.output),
            odd: self.function.is_antiperiodic(),
            kind: TensorKind::Values,
        }
    }

    fn type_name(&self) -> String {
        self.function.name().to_owned()
    }

    fn keys(&self, _before: Option<&Tensor>, functions: &mut slice::Iter<'_, &str>) -> Vec<String> {
        let mut keys = Vec::new();
        if self.function != Function::Sign {
            keys.push(format!("output = {}", self.output));
        }
        if self.function == Function::Custom {
            let function = functions.next().copied().unwrap_or("own");
            keys.push(format!("function = {function}"));
        }
        if let Some(table) = self.table {
            keys.push(format!("table = {table}"));
        }
        if self.rounding != Rounding::Exact {
            keys.push(format!("rounding = {}", self.rounding));
        }
        if self.phases > 1 {
            keys.push(format!("phases = {}", self.phases));
        }
        keys
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { lo, hi } = self.function.range(self.output);
        write!(f, "{} to [{lo}, {hi}]", self.function.name())?;
        if let Some(table) = self.table {
            write!(f, ", table reads {table} bits ({})", self.rounding)?;
        }
        match self.phases {
            0 | 1 => Ok(()),
            phases => write!(f, ", {phases} phases"),
        }
    }

    fn has_possible_numbers(&self) -> bool {
        (1..=8).contains(&self.output) && self.phases > 0
    }

    fn needs_centred(&self) -> bool {
        self.function == Function::Sign
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
