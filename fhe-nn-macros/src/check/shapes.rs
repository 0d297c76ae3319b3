//! Law 1: shapes agree from layer to layer and with the input.

use fhe_nn_proof::spec::Op;

use super::facts::Facts;
use super::reads::Reads;
use crate::ast::Network;
use crate::errors::Errors;

/// A layer as data, in the shape of what it reads, and whether that shape is known; its accumulators are
/// those of the worst case. If shapes do not agree, the layer is returned as if they did.
pub(super) fn agree(
    errors: &mut Errors,
    network: &Network,
    facts: &Facts,
    index: usize,
) -> Option<(Op, bool)> {
    let layer = &network.layers[index];
    let known = layer.sources.iter().all(|&source| facts.shaped[source]);
    let mut reads = Reads {
        errors,
        network,
        facts,
        layer,
        known,
    };
    let op = layer.kind.agree(&mut reads)?;
    Some((op, reads.known))
}
