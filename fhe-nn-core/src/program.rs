//! What a graph asks of its parameters.

use std::collections::BTreeMap;

use fhe_nn_proof::noise::gain;
use fhe_nn_proof::plan::{Accumulators, Fingerprint, Program, StageDemand};

use crate::Error;
use crate::graph::{Graph, LinearOp, LookupOp, Op};
use crate::layer::Linear;

impl Graph<'_> {
    /// Widths and 2-norms of every layer, or the reason why the network cannot run encrypted.
    ///
    /// # Errors
    /// [`Error::EncryptedDrop`], [`Error::EncryptedWidth`] and [`Error::EncryptedOrder`].
    pub fn program(&self, model: Fingerprint) -> Result<Program, Error> {
        let order = |name: &str| Error::EncryptedOrder {
            layer: name.to_owned(),
        };
        let mut stages = Vec::new();
        let mut before: Option<Producer<'_>> = None;
        let mut nodes = self.nodes.iter();
        while let Some(node) = nodes.next() {
            let Op::Linear(linear) = &node.op else {
                return Err(order(node.name));
            };
            let lookup = match nodes.next().map(|next| (next.name, &next.op)) {
                None => {
                    let output = accumulators(node.name, linear, before)?;
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
            let (name, lookup) = lookup;
            check_tables(name, lookup)?;
            stages.push(StageDemand {
                accumulators: accumulators(node.name, linear, before)?,
                lookup: name.to_owned(),
                phases: lookup.spec.phases,
            });
            before = Some(Producer {
                layer: linear.layer,
                phases: lookup.spec.phases as usize,
            });
        }
        Err(order(&self.spec.name))
    }
}

/// The layer whose bootstraps the values come from.
#[derive(Debug, Clone, Copy)]
struct Producer<'a> {
    layer: &'a Linear,
    /// Values from each bootstrap.
    phases: usize,
}

fn accumulators(
    name: &str,
    op: &LinearOp<'_>,
    before: Option<Producer<'_>>,
) -> Result<Accumulators, Error> {
    let layer = op.layer;
    let limit = op.reader.max_width();
    if let Some(neuron) = layer.widths.iter().position(|&width| width > limit) {
        return Err(Error::EncryptedWidth {
            layer: name.to_owned(),
            neuron,
            width: layer.widths[neuron],
            limit,
        });
    }
    let twins = before.map_or_else(Vec::new, |producer| twins(producer.layer));
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

/// Groups of neurons whose bootstraps have the same noise: the server computes without drawing
/// anything, so equal weights give equal masks, and opposite weights opposite ones. Neurons without
/// weights are rotated by nothing and have no noise.
fn twins(layer: &Linear) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<Vec<i16>, Vec<usize>> = BTreeMap::new();
    for (j, row) in layer.weights.rows().into_iter().enumerate() {
        let Some(first) = row.iter().find(|&&w| w != 0) else {
            continue;
        };
        let sign = first.signum();
        groups
            .entry(row.iter().map(|&w| sign * w).collect())
            .or_default()
            .push(j);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

/// The encrypted engine reads whole accumulators.
fn check_tables(name: &str, op: &LookupOp<'_>) -> Result<(), Error> {
    match (0..op.widths.len()).find(|&j| op.dropped_bits(j) > 0) {
        None => Ok(()),
        Some(neuron) => Err(Error::EncryptedDrop {
            layer: name.to_owned(),
            neuron,
            width: op.widths[neuron],
            table: op.table_bits(neuron),
        }),
    }
}
