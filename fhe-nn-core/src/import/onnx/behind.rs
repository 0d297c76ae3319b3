//! What lies between a node and the output of its graph.

use std::collections::{HashMap, HashSet};

use super::node::{Behind, Node};

/// Nodes that move values, pass them on, or are left to the client.
const MOVES: &[&str] = &[
    "ArgMax",
    "Cast",
    "Dropout",
    "Flatten",
    "Gather",
    "Hardmax",
    "Identity",
    "LogSoftmax",
    "Reshape",
    "Slice",
    "Softmax",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
    "ai.onnx.ml:Normalizer",
    "ai.onnx.ml:ZipMap",
];
/// Nodes that scale or shift a value by a constant.
const LINES: &[&str] = &["Add", "Div", "Mul", "Neg", "Sub"];

/// Says of every node what lies behind it. `constants` are the names of the constants of the graph.
pub(super) fn mark(nodes: &mut [Node], output: &str, constants: HashSet<String>) {
    let mut fixed = constants;
    for node in nodes.iter() {
        let mut reads = node.reads().into_iter();
        let is_fixed = reads.all(|name| name.is_empty() || fixed.contains(name));
        // extents are constants
        if is_fixed || matches!(node.operator.as_str(), "Shape" | "Size") {
            fixed.extend(node.outputs.iter().cloned());
        }
    }
    let mut read: HashMap<String, Behind> = HashMap::from([(output.to_owned(), Behind::Moves)]);
    for node in nodes.iter_mut().rev() {
        let results = node.outputs.iter().filter_map(|name| read.get(name));
        node.behind = results.copied().min().unwrap_or(Behind::Moves);
        let operator = node.operator.as_str();
        if matches!(operator, "Shape" | "Size") {
            continue; // it does not read values
        }
        let values = node.reads().into_iter();
        let values: Vec<&String> = values
            .filter(|name| !name.is_empty() && !fixed.contains(*name))
            .collect();
        let own = if values.len() == 1 && MOVES.contains(&operator) {
            node.behind
        } else if values.len() == 1 && LINES.contains(&operator) {
            node.behind.min(Behind::Lines)
        } else {
            Behind::Layers
        };
        for name in values {
            let known = read.entry(name.clone()).or_insert(own);
            *known = own.min(*known);
        }
    }
}
