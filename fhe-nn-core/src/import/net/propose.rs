//! How a network becomes a declaration: every layer gets bit-widths.

use fhe_nn_proof::spec::{FlowError, Op, Overflow, Spec, Tensor};
use fhe_nn_proof::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, MAX_TABLE_BITS, Range};

use super::network::Net;
use super::widths::Widths;
use crate::import::error::ImportError;

/// The declaration of a network: its layers with widths.
///
/// # Errors
/// [`ImportError::Unsupported`] for layers that cannot be declared with any widths.
pub(crate) fn propose(net: &Net, name: &str, widths: &Widths) -> Result<Spec, ImportError> {
    widths.check()?;
    let mut input = net.input.clone();
    if input.tokens.is_none() {
        input.bits = kept(net, 0, widths).unwrap_or(widths.input());
    }
    let mut spec = Spec {
        name: name.to_owned().into(),
        input,
        layers: net.layers.clone().into(),
        interface: net.interface(),
    };
    let mut facts = vec![spec.input.tensor()];
    for index in 0..spec.layers.len() {
        set_widths(&mut spec, &facts, index, net, widths);
        let layer = &spec.layers[index];
        let refused = |reason: String| ImportError::unsupported(&layer.name, "widths", reason);
        let sources = spec.sources(index);
        let operands: Vec<&Tensor> = sources.iter().map(|&source| &facts[source]).collect();
        let fact = layer.op.result(&operands);
        facts.push(fact.map_err(|error| {
            refused(match error {
                FlowError::Between { .. } | FlowError::Sums(_) => {
                    format!("it {error}: quantize what it reads to fewer bits")
                }
                _ => error.to_string(),
            })
        })?);
    }
    if let Err((index, error)) = spec.flow() {
        let layer = &spec.layers[index].name;
        let reason = error.to_string();
        return Err(ImportError::unsupported(layer, "layer", reason));
    }
    Ok(spec)
}

/// The width that the model itself has for a tensor, unless other widths go before it.
fn kept(net: &Net, tensor: usize, widths: &Widths) -> Option<u32> {
    let kept = net.widths.iter().find(|(known, _)| *known == tensor);
    kept.filter(|_| !widths.requantize()).map(|(_, bits)| *bits)
}

/// Sets the widths of the layer with an index, which reads `facts`.
fn set_widths(spec: &mut Spec, facts: &[Tensor], index: usize, net: &Net, widths: &Widths) {
    let source = spec.sources(index)[0];
    let range = facts[source].range;
    let is_read = spec.reader(index).is_some();
    let own = net.weights.iter().find(|(layer, _)| *layer == index);
    let own = own.filter(|_| !widths.requantize());
    let weights = own.map_or(widths.weights(), |(_, bits)| *bits);
    let before = source.checked_sub(1).map(|index| &spec.layers[index].op);
    let has_own = net.weights.iter().any(|(layer, _)| layer + 1 == source);
    let has_own = has_own && !widths.requantize();
    let width = match before.and_then(Op::linear) {
        Some(linear) => linear.accumulator,
        None => range.signed_bits().max(2),
    };
    let op = &mut spec.layers.to_mut()[index].op;
    let accumulator = accumulator(op, weights, range, is_read, widths.table());
    match op {
        Op::Dense(dense) => {
            dense.weights = weights;
            if let Some((bits, overflow)) = accumulator {
                (dense.accumulator, dense.overflow) = (bits, overflow);
            }
        }
        Op::Conv(conv) => {
            conv.weights = weights;
            if let Some((bits, overflow)) = accumulator {
                (conv.accumulator, conv.overflow) = (bits, overflow);
            }
        }
        Op::Embedding(embedding) => embedding.weights = weights,
        Op::Activation(act) => {
            let kept = kept(net, index + 1, widths);
            if !act.function.is_antiperiodic() {
                act.output = kept.unwrap_or(widths.activations());
            }
            // the tables of a model that is quantized already read all bits
            let table = if kept.is_some() || has_own {
                MAX_TABLE_BITS
            } else {
                widths.table()
            };
            act.table = (width > table).then_some(table);
        }
        Op::Pool(_) | Op::Add | Op::Mul | Op::Concat | Op::Flatten => {}
    }
}

/// The width of the accumulator of a linear layer; `None` for other layers.
fn accumulator(
    op: &Op,
    weights: u32,
    range: Range,
    is_read: bool,
    table: u32,
) -> Option<(u32, Overflow)> {
    let mut linear = op.linear()?;
    linear.weights = weights;
    let worst = linear.worst_case(range).unwrap_or(63);
    Some(match is_read {
        true if worst <= table => (worst, Overflow::Checked),
        true => (worst.min(MAX_ROUNDED_BITS), Overflow::Calibrated),
        false if worst <= MAX_OUTPUT_BITS => (worst, Overflow::Checked),
        false => (MAX_OUTPUT_BITS, Overflow::Calibrated),
    })
}
