//! The one interpreter, and what it needs from a backend.

use fhe_nn_proof::graph::{Graph, LinearOp, LookupOp, Op};

/// What the operations of a [`Graph`] mean.
pub(crate) trait Backend {
    /// All values of one tensor.
    type Values;
    /// What can go wrong.
    type Error;

    /// Computes sums of the values of one tensor or more.
    fn linear(
        &mut self,
        op: &LinearOp<'_>,
        operands: &[&Self::Values],
    ) -> Result<Self::Values, Self::Error>;

    /// Computes values from sums.
    fn lookup(
        &mut self,
        op: &LookupOp<'_>,
        sums: &Self::Values,
    ) -> Result<Self::Values, Self::Error>;
}

/// Runs the nodes of a graph in order, on any backend. The result is that of the last node; other results
/// are dropped after the last node that reads them.
pub(crate) fn interpret<B: Backend>(
    graph: &Graph<'_>,
    backend: &mut B,
    input: B::Values,
) -> Result<B::Values, B::Error> {
    let mut last_reader = vec![0; graph.nodes.len() + 1];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.sources
            .iter()
            .for_each(|&source| last_reader[source] = index);
    }
    let mut tensors = vec![Some(input)];
    for (index, node) in graph.nodes.iter().enumerate() {
        let operands = node.sources.iter().map(|&source| {
            let tensor = tensors[source].as_ref();
            tensor.expect("a tensor is kept until its last reader")
        });
        let operands: Vec<&B::Values> = operands.collect();
        let result = match &node.op {
            Op::Linear(op) => backend.linear(op, &operands)?,
            Op::Lookup(op) => backend.lookup(op, operands[0])?,
        };
        tensors.push(Some(result));
        for &source in &node.sources {
            if last_reader[source] == index {
                tensors[source] = None;
            }
        }
    }
    let last = tensors.pop().flatten();
    Ok(last.expect("nobody but the caller reads the last tensor"))
}
