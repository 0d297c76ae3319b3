//! Whether a graph is a recurrent network whose steps were unrolled.

use std::collections::HashMap;

use super::graph::Graph;

/// What a value is made of: bits of matrices.
#[derive(Clone, Copy, Default)]
struct Made {
    /// The matrices that it was multiplied by, each a bit.
    by: u64,
    /// The matrices that it is itself, moved about.
    of: u64,
}

impl Graph {
    /// The matrix by which a value is multiplied that was made with the same matrix before, as in every step of a
    /// recurrent network.
    pub(crate) fn unrolled(&self) -> Option<&str> {
        let mut matrices: Vec<&str> = self
            .constants
            .iter()
            .filter(|(_, constant)| constant.values.ndim() == 2 && constant.values.len() > 1)
            .map(|(name, _)| name.as_str())
            .collect();
        // as many as a word has bits; the others are not told apart
        matrices.sort_unstable();
        matrices.truncate(64);
        let mut made: HashMap<&str, Made> = HashMap::new();
        for (bit, name) in matrices.iter().enumerate() {
            made.insert(
                name,
                Made {
                    by: 0,
                    of: 1 << bit,
                },
            );
        }
        for node in &self.nodes {
            let operands = node.inputs.iter().map(|name| made.get(name.as_str()));
            let operands: Vec<Made> = operands
                .map(|own| own.copied().unwrap_or_default())
                .collect();
            let by = operands.iter().fold(0, |all, own| all | own.by);
            let of = operands.iter().fold(0, |all, own| all | own.of);
            let own = match node.operator.as_str() {
                "MatMul" | "Gemm" => {
                    if by & of != 0 {
                        return matrices.get((by & of).trailing_zeros() as usize).copied();
                    }
                    Made { by: by | of, of: 0 }
                }
                "Transpose" | "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" if by == 0 => {
                    Made { by, of }
                }
                _ => Made { by, of: 0 },
            };
            made.extend(node.outputs.iter().map(|name| (name.as_str(), own)));
        }
        None
    }
}
