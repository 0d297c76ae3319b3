//! What a graph asks of its parameters.

use std::collections::BTreeMap;

use fhe_nn_proof::noise::gain;
use fhe_nn_proof::plan::{Accumulators, Fingerprint, Program, StageDemand};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS};
use ndarray::ArrayView1;

use crate::Error;
use crate::graph::{Graph, LinearOp, Op};
use crate::layer::Linear;

/// Of scores that sum up values which approximate rounding may have moved by a step, the top bits that
/// noise must leave readable.
const APPROXIMATE_SCORE_BITS: u32 = 8;

impl Graph<'_> {
    /// Widths and 2-norms of every layer, or the reason why the network cannot run encrypted.
    ///
    /// # Errors
    /// [`Error::EncryptedWidth`] and [`Error::EncryptedOrder`].
    pub fn program(&self, model: Fingerprint) -> Result<Program, Error> {
        let order = |name: &str| Error::EncryptedOrder {
            layer: name.to_owned(),
        };
        let mut stages = Vec::new();
        let mut before: Option<Producer> = None;
        // scores are as exact as the values that they are sums of
        let mut rounding = Rounding::Exact;
        let mut nodes = self.nodes.iter();
        while let Some(node) = nodes.next() {
            let Op::Linear(linear) = &node.op else {
                return Err(order(node.name));
            };
            let (name, lookup) = match nodes.next().map(|next| (next.name, &next.op)) {
                None => {
                    let scores = accumulators(node.name, linear, MAX_OUTPUT_BITS, before.as_ref())?;
                    let output = match rounding {
                        Rounding::Exact => scores,
                        Rounding::Approximate => scores.read_by(APPROXIMATE_SCORE_BITS, rounding),
                    };
                    return Ok(Program {
                        client: self.client_spec(),
                        stages,
                        output,
                        model,
                    });
                }
                Some((name, Op::Lookup(lookup))) => (name, lookup),
                Some((name, Op::Linear(_))) => return Err(order(name)),
            };
            let reader = linear.reader.max_width();
            let (table, limit) = match lookup.spec.table {
                None => (reader, reader),
                Some(table) => (table, MAX_ROUNDED_BITS),
            };
            rounding = lookup.spec.rounding;
            let accumulators = accumulators(node.name, linear, limit, before.as_ref())?;
            stages.push(StageDemand {
                accumulators: accumulators.read_by(table, rounding),
                lookup: name.to_owned(),
                phases: lookup.spec.phases,
            });
            let inputs = before.map_or_else(
                || (0..linear.layer.inputs()).collect(),
                |producer| producer.values(),
            );
            before = Some(Producer {
                kinds: kinds(linear.layer, &inputs),
                phases: lookup.spec.phases as usize,
            });
        }
        Err(order(&self.spec.name))
    }
}

/// The bootstraps that values come from.
#[derive(Debug)]
struct Producer {
    /// What tells its neurons apart.
    kinds: Vec<usize>,
    /// Values from each bootstrap.
    phases: usize,
}

impl Producer {
    /// What tells its values apart, phase by phase.
    fn values(&self) -> Vec<usize> {
        let value = |q| self.kinds.iter().map(move |kind| kind * self.phases + q);
        (0..self.phases).flat_map(value).collect()
    }
}

/// The accumulators of a layer, of at most `limit` bits.
fn accumulators(
    name: &str,
    op: &LinearOp<'_>,
    limit: u32,
    before: Option<&Producer>,
) -> Result<Accumulators, Error> {
    let layer = op.layer;
    if let Some(neuron) = layer.widths.iter().position(|&width| width > limit) {
        return Err(Error::EncryptedWidth {
            layer: name.to_owned(),
            neuron,
            width: layer.widths[neuron],
            limit,
        });
    }
    let twins = before.map_or_else(Vec::new, |producer| twins(&producer.kinds));
    let phases = before.map_or(1, |producer| producer.phases);
    let neurons = layer
        .weights
        .rows()
        .into_iter()
        .zip(layer.widths.iter().zip(op.lattices()))
        .map(|(row, (&width, lattice))| {
            let weights: Vec<f64> = row.iter().map(|&w| f64::from(w)).collect();
            (width, lattice.step_bits, gain(&weights, phases, &twins))
        });
    let inputs = u32::try_from(layer.inputs()).unwrap_or(u32::MAX);
    Ok(Accumulators::new(
        name.to_owned(),
        op.reader,
        inputs,
        neurons,
    ))
}

/// Tells neurons apart whose bootstraps have noise of their own: the server computes without drawing
/// anything, so equal weights give equal masks, and opposite weights opposite ones. Neurons with the
/// same number are twins; neurons without weights have no noise to share. `inputs` tells the values
/// apart that come in.
fn kinds(layer: &Linear, inputs: &[usize]) -> Vec<usize> {
    let distinct = inputs.iter().max().map_or(0, |last| last + 1);
    // as ciphertexts are scaled: narrower accumulators by what they are narrower
    let widest = layer.widths.iter().copied().max().unwrap_or(0);
    let mut known: BTreeMap<Vec<i64>, usize> = BTreeMap::new();
    let kind = |(j, row): (usize, ArrayView1<'_, i16>)| {
        if row.iter().all(|&weight| weight == 0) {
            return j;
        }
        let mut weights = vec![0i64; distinct];
        for (&weight, &input) in row.iter().zip(inputs) {
            weights[input] += i64::from(weight) << (widest - layer.widths[j]);
        }
        let first = weights.iter().find(|&&weight| weight != 0);
        if first.is_some_and(|&weight| weight < 0) {
            weights.iter_mut().for_each(|weight| *weight = -*weight);
        }
        *known.entry(weights).or_insert(j)
    };
    layer
        .weights
        .rows()
        .into_iter()
        .enumerate()
        .map(kind)
        .collect()
}

/// Groups of two and more neurons of one kind.
fn twins(kinds: &[usize]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (j, &kind) in kinds.iter().enumerate() {
        groups.entry(kind).or_default().push(j);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::client::Affine;
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn neurons_with_equal_or_opposite_weights_are_twins() {
        let layer = linear(array![[1, 2], [0, 0], [-1, -2], [2, 1], [0, 0], [1, 2]]);
        let kinds = kinds(&layer, &[0, 1]);
        assert_eq!(kinds, [0, 1, 0, 3, 4, 0]);
        assert_eq!(twins(&kinds), [vec![0, 2, 5]]);
    }

    #[test]
    fn neurons_that_read_twins_alike_are_twins() {
        let layer = linear(array![[1, 0, 2], [0, 1, 2], [1, 1, 2]]);
        assert_eq!(kinds(&layer, &[0, 0, 1]), [0, 0, 2]);
        assert_eq!(kinds(&layer, &[0, 1, 2]), [0, 1, 2]);
    }

    #[test]
    fn neurons_whose_ciphertexts_are_scaled_to_be_equal_are_twins() {
        let mut layer = linear(array![[1, 2], [2, 4], [2, 4]]);
        layer.widths = vec![7, 8, 7];
        assert_eq!(kinds(&layer, &[0, 1]), [0, 0, 2]);
    }

    fn linear(weights: Array2<i16>) -> Linear {
        let neurons = weights.nrows();
        Linear {
            weights,
            phases: vec![0; neurons],
            widths: vec![8; neurons],
            scales: vec![1.0; neurons],
            bias: vec![0.0; neurons],
            input: Affine {
                scale: 1.0,
                zero_point: 0,
            },
        }
    }
}
