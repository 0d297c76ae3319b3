//! What a file says: the messages of ONNX, checked, as a graph of nodes and constants.
//!
//! This room knows nothing of the network that a file becomes. It imports only the errors and the budget of
//! `import`.

mod behind;
mod branch;
mod constant;
mod element;
mod expand;
mod external;
mod graph;
mod memory;
mod node;
mod outputs;
mod proto;
mod unrolled;

pub(crate) use branch::Branch;
pub(crate) use constant::{Constant, WeightGrid};
pub(crate) use element::{Kind, is_real, kind, levels, rounded};
pub(crate) use external::Beside;
pub(crate) use graph::Graph;
pub(crate) use node::{Behind, Node};
pub(crate) use proto::AttributeProto;
#[cfg(test)]
pub(crate) use proto::{
    Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
