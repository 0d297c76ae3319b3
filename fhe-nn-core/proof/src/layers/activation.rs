//! Lookup tables.

use core::{fmt, slice};

use serde::{Deserialize, Serialize};

use super::LayerSpec;
use crate::error::ModelError;
use crate::graph::builder::Builder;
use crate::graph::{LookupOp, Table};
use crate::model::reader::{ModelReader, Place};
use crate::part::{Part, Tables};
use crate::spec::flow_error::FlowError;
use crate::spec::function::Function;
use crate::spec::law::{Law, MAX_RESULT_BITS, law};
use crate::spec::tensor::{Tensor, TensorKind};
use crate::widths::{MAX_ANTIPERIODIC_TABLE_BITS, MAX_TABLE_BITS, Range, sum_width};

/// A lookup table on every value of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationSpec {
    /// The function in the table.
    pub function: Function,
    /// Width of a result, see [`Function::range`].
    pub output: u32,
    /// Number of top bits of the accumulator that the table reads; `None` for all of them.
    pub table: Option<u32>,
    /// How the bits that the table does not read are dropped.
    pub rounding: Rounding,
    /// Number of values per neuron from one bootstrap.
    pub phases: u32,
}

/// How the bits of an accumulator that its table does not read are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rounding {
    /// The floor, both in the clear and encrypted.
    Exact,
    /// Encrypted results may be off by one step near a boundary.
    Approximate,
}

impl ActivationSpec {
    /// Number of bits that the table reads of an accumulator of `width` bits.
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
        let read = self.table.unwrap_or(MAX_ANTIPERIODIC_TABLE_BITS);
        law(
            self.phases.is_power_of_two() && self.phases <= 1 << (read - 1),
            "phases are a power of two, at most half a period",
        )
    }

    fn read(&self, reader: &mut ModelReader<'_>, place: &Place<'_>) -> Result<Part, ModelError> {
        if self.function.is_antiperiodic() {
            return Ok(Part::Antiperiodic);
        }
        let (name, first) = (place.name(), place.first());
        let before = place.sources()[0].checked_sub(1);
        let widths = match before.map(|index| &place.parts[index]) {
            Some(Part::Linear(linear)) => linear.widths.clone(),
            _ => vec![sum_width(first.range, self.phases); first.shape[0]],
        };
        let bits = |&width: &u32| self.table_bits(width);
        let limit = self.function.reader().max_width();
        if let Some(bits) = widths.iter().map(bits).max()
            && bits > limit
        {
            return Err(ModelError::TableTooWide {
                layer: name.to_owned(),
                bits,
                limit,
            });
        }
        let sizes: Vec<usize> = widths.iter().map(|width| 1 << bits(width)).collect();
        let shape = [sizes.iter().sum()];
        let range = self.function.range(self.output);
        let entries: Vec<i16> = reader.integers(&format!("{name}.tables"), &shape, |_| range)?;
        let mut rest = entries.as_slice();
        let tables = Tables::new(sizes.iter().map(|&size| {
            let (table, behind) = rest.split_at(size);
            rest = behind;
            table
        }));
        Ok(Part::Tables(tables.into()))
    }

    fn lower<'a>(&'a self, builder: &mut Builder<'a>, index: usize) -> Result<usize, ModelError> {
        let read = builder.read(builder.sources(index)[0], Some(self))?;
        let table = match (builder.tables(index)?, self.function.is_antiperiodic()) {
            (Some(tables), false) => Table::Padded(tables),
            (None, true) => Table::Antiperiodic(self),
            _ => return Err(ModelError::PartMissing),
        };
        let op = LookupOp {
            read,
            table,
            bits: self.table,
            rounding: self.rounding,
            phases: self.phases,
            next: 0,
        };
        let source = builder.operands(index)[0];
        Ok(builder.lookup(index, source, op))
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
