//! The integers of a quantized network, layer by layer.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1};

use crate::client::Line;
use crate::encoder::Encoder;
use crate::model::tensors::Writer;
use crate::model::write::write_meanings;
use crate::spec::Spec;
use crate::widths::{Lattice, Range};

/// The integers of one layer. They are shared, so that a clone costs a reference count.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A linear layer.
    Linear(Arc<Linear>),
    /// An embedding.
    Embedding(Arc<Vectors>),
    /// An activation with a table for each channel.
    Tables(Arc<Tables>),
    /// A layer without integers of its own, which knows the meaning of the integers that it reads.
    Sources(Arc<[Encoder]>),
    /// An antiperiodic activation: its one table follows from its widths.
    Antiperiodic,
}

/// The integers of a linear layer, and what they mean in reals:
/// neuron j stands for `scales_j x input.unit() x (acc_j - constant_j - sum_i w_ij zero_point_i) + bias_j`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Integer weights, `[neurons, inputs]`; for a convolution `[channels, taps]`, and all else by channel.
    pub weights: Array2<i16>,
    /// Integer added to each accumulator: the bias of a neuron whose activation is antiperiodic. Other tables have the
    /// bias in them; the constant is then what brings the neuron's range into fewer bits, or 0. Scores have none.
    pub constants: Vec<i64>,
    /// Width of each neuron's accumulator in bits, `A_j`.
    pub widths: Vec<u32>,
    /// Real value of one unit of each neuron's weights; where inputs have several scales, of its accumulator.
    pub scales: Vec<f64>,
    /// Real bias of each neuron.
    pub bias: Vec<f64>,
    /// Meaning of the integers that enter the layer.
    pub input: Encoder,
}

/// The integers of an embedding: `q` stands for `scale q`.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// A row for each token, `[vocabulary, dimension]`.
    pub weights: Array2<i16>,
    /// Real value of one unit.
    pub scale: f64,
}

/// One table per neuron, of `2^p_j` entries where the neuron's table reads `p_j` bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The tables, one after the other. Entry `i` of a table of p bits belongs to
    /// `r = i - 2^(p-1)`.
    entries: Vec<i16>,
    /// Where each table begins, followed by where the last one ends.
    starts: Vec<usize>,
}

impl Part {
    /// Its table of vectors, if it has one.
    pub(crate) fn vectors(&self) -> Option<&Vectors> {
        match self {
            Part::Embedding(vectors) => Some(vectors),
            _ => None,
        }
    }

    /// The meaning of its operand of this number, if it knows that.
    pub(crate) fn meaning(&self, operand: usize) -> Option<&Encoder> {
        match self {
            Part::Linear(linear) => Some(&linear.input),
            Part::Sources(sources) => sources.get(operand),
            Part::Embedding(_) | Part::Tables(_) | Part::Antiperiodic => None,
        }
    }

    /// Writes its tensors to a model file; weights have `bits` bits, or 16 if the declaration does not say.
    pub(crate) fn write(&self, layer: &str, bits: Option<u32>, writer: &mut Writer) {
        let bits = bits.unwrap_or(16);
        match self {
            Part::Linear(linear) => linear.write(layer, bits, writer),
            Part::Embedding(vectors) => vectors.write(layer, bits, writer),
            Part::Tables(tables) => tables.write(layer, writer),
            Part::Sources(sources) => write_meanings(layer, sources, writer),
            Part::Antiperiodic => {}
        }
    }

    /// The fields of a fingerprint: its integers, and never its floats. The zero point of a layer that pads
    /// is one of its integers.
    pub(crate) fn fields(&self, pads: bool) -> Vec<Vec<u8>> {
        match self {
            Part::Linear(linear) => {
                let mut fields = vec![
                    bytes(linear.weights.iter().map(|w| w.to_le_bytes())),
                    bytes(linear.constants.iter().map(|t| t.to_le_bytes())),
                    bytes(linear.widths.iter().map(|a| a.to_le_bytes())),
                ];
                if pads {
                    let zeros = linear.input.zero_points();
                    fields.push(bytes(zeros.map(i64::to_le_bytes)));
                }
                fields
            }
            Part::Embedding(vectors) => {
                vec![bytes(vectors.weights.iter().map(|w| w.to_le_bytes()))]
            }
            Part::Tables(tables) => vec![bytes(tables.entries().iter().map(|y| y.to_le_bytes()))],
            Part::Antiperiodic | Part::Sources(_) => vec![Vec::new()],
        }
    }
}

fn bytes<const N: usize>(integers: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    integers.flatten().collect()
}

impl Linear {
    /// Number of neurons; for a convolution, of channels.
    pub fn outputs(&self) -> usize {
        self.weights.nrows()
    }

    /// Number of input values; for a convolution, of taps.
    pub fn inputs(&self) -> usize {
        self.weights.ncols()
    }

    /// The meaning of accumulator `j`, with its constant, in reals.
    pub fn line(&self, j: usize) -> Line {
        let slope = self.scales[j] * self.input.unit();
        Line {
            slope,
            offset: self.bias[j] - slope * (self.centre(j) + self.constants[j]) as f64,
        }
    }

    /// What accumulator `j` is, without its constant, where all inputs are 0: the zero points times the weights.
    pub fn centre(&self, j: usize) -> i64 {
        self.input.centre(self.weights.row(j))
    }

    /// The values that each neuron's accumulators can have, sums of odd values if `odd`, for a reader that
    /// takes `phases` values from each.
    pub fn lattices(&self, phases: u32, odd: bool) -> Vec<Lattice> {
        let neurons = self.weights.rows().into_iter().zip(&self.constants);
        let neurons = neurons.zip(&self.widths).map(|((row, &constant), &width)| {
            let coarsest = width - 1 - phases.ilog2();
            let weights = row.iter().map(|&w| i64::from(w));
            Lattice::of(weights, constant, odd, coarsest)
        });
        neurons.collect()
    }
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

    /// Whether there are no tables.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of all tables, one table after the other.
    pub fn entries(&self) -> &[i16] {
        &self.entries
    }
}

/// The encoder of the inputs: a layer that is not an activation knows the meaning of the values that it reads.
/// `None` if inputs are tokens.
pub(crate) fn encoder<'a>(spec: &Spec, parts: &'a [Part]) -> Option<&'a Encoder> {
    parts.iter().enumerate().find_map(|(index, part)| {
        let sources = spec.sources(index);
        let operand = sources.iter().position(|&source| source == 0)?;
        part.meaning(operand)
    })
}

/// The exact range of the accumulators of each row of `weights`, over all inputs within `levels`.
pub fn proved_ranges(weights: &Array2<i16>, levels: Range) -> Vec<Range> {
    let reach = |row: ArrayView1<'_, i16>| {
        let positive: i64 = row.iter().map(|&w| i64::from(w.max(0))).sum();
        let negative: i64 = row.iter().map(|&w| i64::from(w.min(0))).sum();
        let sum = |of_positive: i64, of_negative: i64| {
            let positive = positive.saturating_mul(of_positive);
            positive.saturating_add(negative.saturating_mul(of_negative))
        };
        Range {
            lo: sum(levels.lo, levels.hi),
            hi: sum(levels.hi, levels.lo),
        }
    };
    weights.rows().into_iter().map(reach).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// No range is too wide: some input reaches each end, which is found by trying all inputs.
        #[test]
        fn ranges_are_those_that_inputs_reach(
            weights in prop::collection::vec(-9i16..10, 1..5),
            lo in -3i64..1,
            extent in 0i64..4,
        ) {
            let levels = Range { lo, hi: lo + extent };
            let count = (extent + 1) as usize;
            let sums = (0..count.pow(weights.len() as u32)).map(|index| {
                let mut rest = index;
                weights.iter().fold(0, |sum, &w| {
                    let q = lo + (rest % count) as i64;
                    rest /= count;
                    sum + i64::from(w) * q
                })
            });
            let sums: Vec<i64> = sums.collect();
            let rows = Array2::from_shape_vec((1, weights.len()), weights).expect("one row");
            let proved = proved_ranges(&rows, levels)[0];
            prop_assert_eq!(Some(&proved.lo), sums.iter().min());
            prop_assert_eq!(Some(&proved.hi), sums.iter().max());
        }
    }
}
