//! The integer program: what every backend runs.
//!
//! A [`Graph`] borrows the integers of a model and says what happens to them, node by node in the
//! order of execution. There are two operations: sums of values with integer weights, and lookups of
//! sums in tables. Backends give them their meaning; the meaning in the clear (`fhe_nn_core::clear`) is the
//! definition.
//!
//! A declared layer is one node, except for layers that need tables between sums: the maximum of two values
//! is `b + max(a - b, 0)`, and their product is `floor((a + b)^2 / 4) - floor((a - b)^2 / 4)`.

pub(crate) mod builder;
mod lower;
pub(crate) mod map;

use std::borrow::Cow;

use ndarray::Array2;
use sha2::{Digest, Sha256};

pub use self::map::{Map, Rows, Term};
use crate::client::{ClientSpec, Interface, Line};
use crate::encoder::Encoder;
use crate::part::{Part, Tables};
use crate::spec::{ActivationSpec, Function, Rounding, Spec};
use crate::widths::{Lattice, Reader};

/// The integer program of a network.
#[derive(Debug, Clone)]
pub struct Graph<'a> {
    /// The declaration.
    pub spec: &'a Spec,
    /// The integers of its layers.
    parts: &'a [Part],
    /// Operations in the order of execution.
    pub nodes: Vec<Node<'a>>,
    /// How scores are read: the sums of the last node.
    pub scores: Read<'a>,
    /// Index of the first read of sums that add up inputs.
    pub input_stage: usize,
    /// Meaning of the inputs.
    encoder: Encoder,
    /// Meaning of each score.
    decoder: Vec<Line>,
}

/// One operation and the field that it came from.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// Name of the user's field.
    pub name: &'a str,
    /// The tensors that it reads: 0 is the input, `i + 1` the result of node i.
    pub sources: Vec<usize>,
    /// The operation.
    pub op: Op<'a>,
}

/// An operation on all values of a tensor.
#[derive(Debug, Clone)]
pub enum Op<'a> {
    /// Sums of values.
    Linear(LinearOp<'a>),
    /// Values from sums.
    Lookup(LookupOp<'a>),
}

/// `acc_j = constant_c + sum_i w_ij q_i`, where c is the channel of j.
#[derive(Debug, Clone)]
pub struct LinearOp<'a> {
    /// The values that each sum adds up.
    pub map: Map<'a>,
    /// The constant that is added to the sums of each channel; nothing is added if there are none.
    pub constants: Cow<'a, [i64]>,
    /// Index of the first read of these sums, which determines what a unit of them is worth encrypted.
    pub stage: usize,
}

/// How sums are read, by tables or by the client.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// Index of this read; the scores come last.
    pub stage: usize,
    /// The reader, which determines the modulus in which the sums count.
    pub reader: Reader,
    /// Width of the sums of each channel, `A_c`.
    pub widths: Cow<'a, [u32]>,
    /// The values that the sums of each channel can have, and that phases move to each other.
    pub lattices: Vec<Lattice>,
    /// Number of sums of each channel.
    pub positions: usize,
}

/// `y_j = T_c[acc_j]`, where c is the channel of j.
#[derive(Debug, Clone)]
pub struct LookupOp<'a> {
    /// The sums.
    pub read: Read<'a>,
    /// The tables.
    pub table: Table<'a>,
    /// Number of top bits of a sum that a table reads; `None` for all of them.
    pub bits: Option<u32>,
    /// How the bits that the table does not read are dropped.
    pub rounding: Rounding,
    /// Number of values from each lookup.
    pub phases: u32,
    /// Index of the first read of sums that add up the results.
    pub next: usize,
}

/// The tables of a lookup.
#[derive(Debug, Clone, Copy)]
pub enum Table<'a> {
    /// One per channel, with a padding bit: outside its `A_c` bits it continues antiperiodically,
    /// `T[r + 2^A] = -T[r]`.
    Padded(&'a Tables),
    /// One for all channels, with a padding bit.
    Fixed(Fixed),
    /// One per channel, with the value of each token in it, `[vocabulary, channels]`, and 0 beyond these.
    Vectors(&'a Array2<i16>),
    /// One for all channels, with antiperiod `2^(A-1)` and without a padding bit.
    Antiperiodic(&'a ActivationSpec),
}

/// A function of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// `max(r, 0)`.
    Positive,
    /// `floor(r^2 / 4)`.
    QuarterSquare,
}

impl Graph<'_> {
    /// SHA-256 over the declaration and the integers: weights, constants, widths and tables, and zero
    /// points where padding takes them. Never over floats, so that rounding of scales, which changes no
    /// result, changes no fingerprint; nor over what the client does around the network.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        let spec = match self.spec.interface.is_own() {
            true => serde_json::to_vec(self.spec),
            false => serde_json::to_vec(&Spec {
                interface: Interface::OWN,
                ..self.spec.clone()
            }),
        };
        field(&spec.expect("a spec has string keys only"));
        for (layer, part) in self.spec.layers.iter().zip(self.parts) {
            let window = layer.op.linear().and_then(|linear| linear.window);
            let pads = window.is_some_and(|window| window.pads());
            part.fields(pads).iter().for_each(|bytes| field(bytes));
        }
        hash.finalize().into()
    }

    /// The client's half of the network.
    pub fn client_spec(&self) -> ClientSpec {
        let read = &self.scores;
        let each = |c: usize| core::iter::repeat_n(c, read.positions);
        let channels = || (0..read.widths.len()).flat_map(each);
        ClientSpec {
            network: self.spec.name.clone(),
            inputs: self.spec.input_len(),
            tokens: self.spec.input.tokens,
            input_bits: self.spec.input.bits,
            encoder: self.encoder.clone(),
            widths: channels().map(|c| read.widths[c]).collect(),
            lattices: channels().map(|c| read.lattices[c]).collect(),
            decoder: channels().map(|c| self.decoder[c]).collect(),
            interface: self.spec.interface.clone(),
        }
    }

    /// Number of lookups, each of which reads one layer of sums.
    pub fn stages(&self) -> usize {
        self.scores.stage
    }
}

impl LinearOp<'_> {
    /// What is added to sum `j`, whatever the values are: its own constant, and what padding adds.
    pub fn constant(&self, j: usize) -> i64 {
        let positions = self.map.len() / self.constants.len().max(1);
        let constant = self.constants.get(j / positions.max(1));
        constant.copied().unwrap_or(0) + self.map.constant(j)
    }
}

impl Read<'_> {
    /// Number of sums.
    pub fn neurons(&self) -> usize {
        self.widths.len() * self.positions
    }

    /// Width of sum `j`, `A_j`.
    pub fn width(&self, j: usize) -> u32 {
        self.widths[j / self.positions]
    }

    /// The values that sum `j` can have.
    pub fn lattice(&self, j: usize) -> Lattice {
        self.lattices[j / self.positions]
    }
}

impl LookupOp<'_> {
    /// Number of values that come out: one per neuron and phase.
    pub fn outputs(&self) -> usize {
        self.read.neurons() * self.phases as usize
    }

    /// Number of bits of neuron `j`'s accumulator that its table reads, `p_j`.
    pub fn table_bits(&self, j: usize) -> u32 {
        let width = self.read.width(j);
        self.bits.map_or(width, |bits| bits.min(width))
    }

    /// Number of bits of neuron `j`'s accumulator that are dropped before the table, `d_j`.
    pub fn dropped_bits(&self, j: usize) -> u32 {
        self.read.width(j) - self.table_bits(j)
    }

    /// The entry of neuron `j` at bucket `r` of its table, any integer: the table continues
    /// antiperiodically.
    pub fn entry(&self, j: usize, r: i64) -> i64 {
        let bits = self.table_bits(j);
        let padded = |entry: &dyn Fn(i64) -> i64| {
            let size = 1i64 << bits;
            let index = (r + size / 2).rem_euclid(2 * size);
            let entry = entry(index % size - size / 2);
            if index < size { entry } else { -entry }
        };
        match self.table {
            Table::Padded(tables) => {
                let table = tables.table(j / self.read.positions);
                padded(&|r| i64::from(table[(r + (1 << (bits - 1))) as usize]))
            }
            Table::Fixed(Fixed::Positive) => padded(&|r| r.max(0)),
            Table::Fixed(Fixed::QuarterSquare) => padded(&|r| r * r / 4),
            Table::Vectors(vectors) => padded(&|r| {
                let token = (r + (1 << (bits - 1))) as usize;
                let value = vectors.get((token, j / self.read.positions));
                value.map_or(0, |&value| i64::from(value))
            }),
            Table::Antiperiodic(spec) => {
                let half = 1i64 << (bits - 1);
                let index = r.rem_euclid(2 * half);
                let entry = antiperiodic_entry(spec, bits, index % half);
                if index < half { entry } else { -entry }
            }
        }
    }

    /// The result of neuron `j` at accumulator `acc` in phase `q`.
    pub fn value(&self, j: usize, acc: i64, q: u32) -> i64 {
        let r = acc >> self.dropped_bits(j);
        let step = match self.table {
            Table::Padded(_) | Table::Fixed(_) | Table::Vectors(_) => 0,
            Table::Antiperiodic(_) => (1i64 << (self.table_bits(j) - 1)) / i64::from(self.phases),
        };
        self.entry(j, r + i64::from(q) * step)
    }
}

/// The first half of an antiperiodic table of `bits` bits, `r` in
/// `[0, 2^(bits-1))`. For `Wave`, `2 round((1 - (2r + 1) / 2^p) L) - L` with `L = 2^b - 1`:
/// `(2^p - 2r - 1) L` is odd, so the quotient by the even `2^p` is never a tie.
fn antiperiodic_entry(spec: &ActivationSpec, bits: u32, r: i64) -> i64 {
    match spec.function {
        Function::Wave => {
            let (period, level) = (1i64 << bits, (1i64 << spec.output) - 1);
            let numerator = (period - 2 * r - 1) * level;
            2 * ((2 * numerator + period).div_euclid(2 * period)) - level
        }
        Function::Sign => 1,
        padded => unreachable!("`{}` is not antiperiodic", padded.name()),
    }
}

#[cfg(test)]
mod tests;
