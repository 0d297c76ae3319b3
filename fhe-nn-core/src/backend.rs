//! The one interpreter, and what a backend must give it.

use crate::graph::{Graph, LinearOp, LookupOp, Op};

/// What the operations of a [`Graph`] mean.
pub trait Backend {
    /// All values of one tensor.
    type Values;
    /// What can go wrong.
    type Error;

    /// Accumulators from values; `index` is the node's.
    fn linear(
        &mut self,
        index: usize,
        op: &LinearOp<'_>,
        values: Self::Values,
    ) -> Result<Self::Values, Self::Error>;

    /// Values from accumulators; `index` is the node's.
    fn lookup(
        &mut self,
        index: usize,
        op: &LookupOp<'_>,
        accumulators: Self::Values,
    ) -> Result<Self::Values, Self::Error>;
}

/// Runs a graph: every backend, every node, in order.
pub fn interpret<B: Backend>(
    graph: &Graph<'_>,
    backend: &mut B,
    input: B::Values,
) -> Result<B::Values, B::Error> {
    graph
        .nodes
        .iter()
        .enumerate()
        .try_fold(input, |values, (index, node)| match &node.op {
            Op::Linear(op) => backend.linear(index, op, values),
            Op::Lookup(op) => backend.lookup(index, op, values),
        })
}
