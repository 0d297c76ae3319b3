//! The integer program: what every backend runs.
//!
//! A [`Graph`] borrows the integers of a model and says what happens to them, node by node in the
//! order of execution. Backends give its operations their meaning; the meaning in the clear
//! ([`crate::clear`]) is the definition.

use fhe_nn_proof::client::{Affine, ClientSpec};
use fhe_nn_proof::spec::{ActivationSpec, Function, Op as SpecOp, Spec};
use fhe_nn_proof::widths::{Lattice, Reader};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::layer::{Linear, PartRef, Tables};

/// The integer program of a network, a chain.
#[derive(Debug, Clone)]
pub struct Graph<'a> {
    /// The declaration.
    pub spec: &'a Spec,
    /// Operations in the order of execution.
    pub nodes: Vec<Node<'a>>,
}

/// One operation and the field that it came from.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    /// Name of the user's field.
    pub name: &'a str,
    /// The operation.
    pub op: Op<'a>,
}

/// An operation on all values of a tensor.
#[derive(Debug, Clone)]
pub enum Op<'a> {
    /// Accumulators from values.
    Linear(LinearOp<'a>),
    /// Values from accumulators.
    Lookup(LookupOp<'a>),
}

/// `acc_j = phase_j + sum_i w_ij q_i`.
#[derive(Debug, Clone, Copy)]
pub struct LinearOp<'a> {
    /// The integers.
    pub layer: &'a Linear,
    /// Who reads the accumulators, and so modulo what they count.
    pub reader: Reader,
    /// How many values are read from each of them, equally far apart in half a period.
    pub phases: u32,
    /// Whether every value that enters is odd, as those of `Wave` and `Sign` are.
    pub odd: bool,
}

/// `y_j = T_j[acc_j]`.
#[derive(Debug, Clone, Copy)]
pub struct LookupOp<'a> {
    /// The declared activation.
    pub spec: &'a ActivationSpec,
    /// The tables.
    pub table: Table<'a>,
    /// Width of each accumulator that is read, `A_j`.
    pub widths: &'a [u32],
}

/// The tables of an activation.
#[derive(Debug, Clone, Copy)]
pub enum Table<'a> {
    /// One per neuron, with a padding bit: outside its `A_j` bits it continues antiperiodically,
    /// `T[r + 2^A] = -T[r]`.
    Padded(&'a Tables),
    /// One for all, of antiperiod `2^(A-1)`: no padding bit.
    Antiperiodic,
}

impl<'a> Graph<'a> {
    /// The program of a declaration with the integers `parts` of its layers.
    ///
    /// # Errors
    /// [`Error::PartMissing`] if the parts are not those of the declaration.
    pub fn new(spec: &'a Spec, parts: &[PartRef<'a>]) -> Result<Self, Error> {
        if spec.layers.len() != parts.len() {
            return Err(Error::PartMissing);
        }
        let mut nodes = Vec::with_capacity(parts.len());
        let (mut widths, mut odd): (&[u32], bool) = (&[], false);
        for (index, (layer, &part)) in spec.layers.iter().zip(parts).enumerate() {
            let op = match (&layer.op, part) {
                (SpecOp::Dense(_), PartRef::Linear(linear)) => {
                    widths = &linear.widths;
                    let (reader, phases) = spec.reader(index).map_or((Reader::Client, 1), |act| {
                        (act.function.reader(), act.phases)
                    });
                    Op::Linear(LinearOp {
                        layer: linear,
                        reader,
                        phases,
                        odd,
                    })
                }
                (SpecOp::Activation(act), PartRef::Tables(tables)) => Op::Lookup(LookupOp {
                    spec: act,
                    table: Table::Padded(tables),
                    widths,
                }),
                (SpecOp::Activation(act), PartRef::Antiperiodic) => Op::Lookup(LookupOp {
                    spec: act,
                    table: Table::Antiperiodic,
                    widths,
                }),
                _ => return Err(Error::PartMissing),
            };
            if let SpecOp::Activation(act) = &layer.op {
                odd = act.function.is_antiperiodic();
            }
            nodes.push(Node {
                name: &layer.name,
                op,
            });
        }
        Ok(Graph { spec, nodes })
    }

    /// SHA-256 over the declaration and the integers: weights, phases, widths and tables. Never
    /// over floats, so that rounding of scales, which changes no result, changes no fingerprint.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(&serde_json::to_vec(self.spec).expect("a spec has string keys only"));
        for node in &self.nodes {
            match &node.op {
                Op::Linear(LinearOp { layer, .. }) => {
                    field(&bytes(layer.weights.iter().map(|w| w.to_le_bytes())));
                    field(&bytes(layer.phases.iter().map(|t| t.to_le_bytes())));
                    field(&bytes(layer.widths.iter().map(|a| a.to_le_bytes())));
                }
                Op::Lookup(op) => match op.table {
                    Table::Padded(tables) => {
                        field(&bytes(tables.entries().iter().map(|y| y.to_le_bytes())));
                    }
                    Table::Antiperiodic => field(&[]),
                },
            }
        }
        hash.finalize().into()
    }

    /// What a client must know.
    pub fn client_spec(&self) -> ClientSpec {
        let mut linears = self.nodes.iter().filter_map(|node| match &node.op {
            Op::Linear(op) => Some(op),
            Op::Lookup(_) => None,
        });
        let first = linears.next();
        let last = linears.next_back().or(first);
        let layer = last.map(|op| op.layer);
        ClientSpec {
            network: self.spec.name.to_string(),
            inputs: self.spec.input_len(),
            input_bits: self.spec.input.bits,
            encoder: first.map_or(
                Affine {
                    scale: 1.0,
                    zero_point: 0,
                },
                |op| op.layer.input,
            ),
            widths: layer.map_or_else(Vec::new, |layer| layer.widths.clone()),
            lattices: last.map_or_else(Vec::new, LinearOp::lattices),
            decoder: layer.map_or_else(Vec::new, |layer| {
                (0..layer.outputs()).map(|j| layer.line(j)).collect()
            }),
        }
    }
}

fn bytes<const N: usize>(integers: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    integers.flatten().collect()
}

impl LinearOp<'_> {
    /// The values that each accumulator can have, and that phases move to each other.
    pub fn lattices(&self) -> Vec<Lattice> {
        let neurons = self
            .layer
            .weights
            .rows()
            .into_iter()
            .zip(&self.layer.phases);
        neurons
            .zip(&self.layer.widths)
            .map(|((row, &phase), &width)| {
                let coarsest = width - 1 - self.phases.ilog2();
                let weights = row.iter().map(|&w| i64::from(w));
                Lattice::of(weights, phase, self.odd, coarsest)
            })
            .collect()
    }
}

impl LookupOp<'_> {
    /// Number of values that come out: one per neuron and phase.
    pub fn outputs(&self) -> usize {
        self.widths.len() * self.spec.phases as usize
    }

    /// Bits of neuron `j`'s accumulator that its table reads, `p_j`.
    pub fn table_bits(&self, j: usize) -> u32 {
        self.spec.table_bits(self.widths[j])
    }

    /// Bits of neuron `j`'s accumulator that are dropped before the table, `d_j`.
    pub fn dropped_bits(&self, j: usize) -> u32 {
        self.widths[j] - self.table_bits(j)
    }

    /// The entry of neuron `j` at bucket `r` of its table, any integer: the table continues
    /// antiperiodically.
    pub fn entry(&self, j: usize, r: i64) -> i64 {
        let bits = self.table_bits(j);
        match self.table {
            Table::Padded(tables) => {
                let size = 1i64 << bits;
                let index = (r + size / 2).rem_euclid(2 * size);
                let entry = i64::from(tables.table(j)[(index % size) as usize]);
                if index < size { entry } else { -entry }
            }
            Table::Antiperiodic => {
                let half = 1i64 << (bits - 1);
                let index = r.rem_euclid(2 * half);
                let entry = antiperiodic_entry(self.spec, bits, index % half);
                if index < half { entry } else { -entry }
            }
        }
    }

    /// The result of neuron `j` at accumulator `acc` in phase `q`.
    pub fn value(&self, j: usize, acc: i64, q: u32) -> i64 {
        let r = acc >> self.dropped_bits(j);
        let step = match self.table {
            Table::Padded(_) => 0,
            Table::Antiperiodic => (1i64 << (self.table_bits(j) - 1)) / i64::from(self.spec.phases),
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
