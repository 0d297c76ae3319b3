//! What a graph asks of its parameters.

use fhe_nn_proof::noise::gain;
use fhe_nn_proof::plan::{Accumulators, Fingerprint, Program, StageDemand};

use crate::Error;
use crate::graph::{Graph, LinearOp, LookupOp, Node, Op};

impl Graph<'_> {
    /// Widths and 2-norms of every layer, or the reason why the network cannot run encrypted.
    ///
    /// # Errors
    /// [`Error::EncryptedDrop`], [`Error::EncryptedWidth`] and [`Error::EncryptedOrder`].
    pub fn program(&self, model: Fingerprint) -> Result<Program, Error> {
        let (mut stages, mut phases) = (Vec::new(), 1);
        let mut nodes = self.nodes.iter().peekable();
        while let Some(node) = nodes.next() {
            let Op::Linear(linear) = &node.op else {
                return Err(Error::EncryptedOrder {
                    layer: node.name.to_owned(),
                });
            };
            let accumulators = accumulators(node, linear, phases)?;
            match nodes.next() {
                None => {
                    return Ok(Program {
                        client: self.client_spec(),
                        stages,
                        output: accumulators,
                        model,
                    });
                }
                Some(Node {
                    name,
                    op: Op::Lookup(lookup),
                }) => {
                    check_tables(name, lookup)?;
                    phases = lookup.spec.phases as usize;
                    stages.push(StageDemand {
                        accumulators,
                        lookup: (*name).to_owned(),
                        phases: lookup.spec.phases,
                    });
                }
                Some(Node {
                    name,
                    op: Op::Linear(_),
                }) => {
                    return Err(Error::EncryptedOrder {
                        layer: (*name).to_owned(),
                    });
                }
            }
        }
        Err(Error::EncryptedOrder {
            layer: self.spec.name.to_string(),
        })
    }
}

/// `phases` is the number of values that came from each bootstrap before.
fn accumulators(node: &Node<'_>, op: &LinearOp<'_>, phases: usize) -> Result<Accumulators, Error> {
    let layer = op.layer;
    let limit = op.reader.max_width();
    if let Some(neuron) = layer.widths.iter().position(|&width| width > limit) {
        return Err(Error::EncryptedWidth {
            layer: node.name.to_owned(),
            neuron,
            width: layer.widths[neuron],
            limit,
        });
    }
    let neurons = layer
        .weights
        .rows()
        .into_iter()
        .zip(layer.widths.iter().zip(op.lattices()))
        .map(|(row, (&width, lattice))| {
            let weights: Vec<f64> = row.iter().map(|&w| f64::from(w)).collect();
            (width, lattice.step_bits, gain(&weights, phases))
        });
    let inputs = u32::try_from(layer.inputs()).unwrap_or(u32::MAX);
    Ok(Accumulators::new(
        node.name.to_owned(),
        op.reader,
        inputs,
        neurons,
    ))
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
