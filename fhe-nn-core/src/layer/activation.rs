//! Activations: a lookup table on every accumulator.

use super::{Layer, Part, PartRef, sealed::Sealed};
use crate::Error;

/// One table per neuron, of `2^p_j` entries where the neuron's table reads `p_j` bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The tables one behind the other. Entry `i` of a table of p bits belongs to
    /// `r = i - 2^(p-1)`.
    entries: Vec<i16>,
    /// Where each table begins, and at last where the last ends.
    starts: Vec<usize>,
}

impl Tables {
    /// Tables from one slice each.
    pub fn new<'a>(tables: impl IntoIterator<Item = &'a [i16]>) -> Self {
        let (mut entries, mut starts) = (Vec::new(), vec![0]);
        for table in tables {
            entries.extend_from_slice(table);
            starts.push(entries.len());
        }
        Tables { entries, starts }
    }

    /// The table of neuron `j`.
    pub fn table(&self, j: usize) -> &[i16] {
        &self.entries[self.starts[j]..self.starts[j + 1]]
    }

    /// Number of neurons.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All tables one behind the other.
    pub fn entries(&self) -> &[i16] {
        &self.entries
    }
}

/// `max(x, 0)`, results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Relu(Tables);

/// `1 / (1 + exp(-x))`, results in `[0, 2^output - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sigmoid(Tables);

/// Hyperbolic tangent, results in `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Tanh(Tables);

/// The value itself, requantized to `[-2^(output - 1), 2^(output - 1) - 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity(Tables);

/// `+1` for values of at least 0, else `-1`; an antiperiodic table.
#[derive(Debug, Clone, PartialEq)]
pub struct Sign(());

/// A triangle wave of `2^output` odd levels; an antiperiodic table.
///
/// In reals it has period 4, is `1 - x` on `[0, 2]` and `x - 3` on `[2, 4]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave(());

macro_rules! tabulated {
    ($($layer:ident),*) => {$(
        impl Sealed for $layer {}
        impl Layer for $layer {
            fn from_part(part: Part) -> Result<Self, Error> {
                match part {
                    Part::Tables(tables) => Ok($layer(tables)),
                    Part::Linear(_) | Part::Antiperiodic => Err(Error::PartMissing),
                }
            }
            fn part(&self) -> PartRef<'_> {
                PartRef::Tables(&self.0)
            }
        }
    )*};
}
tabulated!(Relu, Sigmoid, Tanh, Identity);

macro_rules! antiperiodic {
    ($($layer:ident),*) => {$(
        impl Sealed for $layer {}
        impl Layer for $layer {
            fn from_part(part: Part) -> Result<Self, Error> {
                match part {
                    Part::Antiperiodic => Ok($layer(())),
                    Part::Linear(_) | Part::Tables(_) => Err(Error::PartMissing),
                }
            }
            fn part(&self) -> PartRef<'_> {
                PartRef::Antiperiodic
            }
        }
    )*};
}
antiperiodic!(Sign, Wave);
