//! The nodes of a graph, and what their attributes say.

use super::branch::Branch;
use super::constant::Constant;
use super::element::Kind;
use super::proto::{AttributeProto, GraphProto, NodeProto};
use crate::import::budget::Budget;
use crate::import::error::{ImportError, Refusal, refuse};

/// An operator and its operands.
#[derive(Debug)]
pub(crate) struct Node {
    /// The name, or that of the first result if there is none.
    pub(crate) name: String,
    pub(crate) operator: String,
    /// The names of the operands; empty for one that is left out.
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    /// The version of the operators.
    pub(crate) version: i64,
    /// The graphs between which an `If` chooses, by the names of their attributes.
    pub(crate) branches: Vec<(String, Branch)>,
    /// What lies between its results and the output.
    pub(crate) behind: Behind,
    pub(crate) attributes: Vec<AttributeProto>,
}

/// What lies between the results of a node and the output: what may be left to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Behind {
    /// Something that reads encrypted values.
    Layers,
    /// Nodes that move values, or scale and shift them by constants.
    Lines,
    /// Nodes that only move values, and functions of all scores.
    Moves,
}

impl Node {
    pub(super) fn new(node: NodeProto, version: i64) -> Self {
        Node {
            name: match (node.name.is_empty(), node.outputs.first()) {
                (true, Some(first)) => first.clone(),
                _ => node.name,
            },
            operator: match node.domain.as_str() {
                "" | "ai.onnx" | "qonnx.custom_op.general" | "onnx.brevitas" => node.operator,
                // the same name may mean something else
                domain => format!("{domain}:{}", node.operator),
            },
            inputs: node.inputs,
            outputs: node.outputs,
            version,
            behind: Behind::Layers,
            attributes: node.attributes,
            branches: Vec::new(),
        }
    }

    /// The graphs of an `If`, taken out of its attributes.
    pub(super) fn take_graphs(&mut self) -> Vec<(String, GraphProto)> {
        if self.operator != "If" {
            return Vec::new();
        }
        let graphs = self.attributes.iter_mut();
        graphs
            .filter_map(|each| Some((each.name.clone(), *each.graph.take()?)))
            .collect()
    }

    /// The names of all values that the node reads, in its branches as well.
    pub(crate) fn reads(&self) -> Vec<&String> {
        let inside = self.branches.iter().flat_map(|(_, branch)| {
            let nodes = branch.nodes.iter().flat_map(Node::reads);
            nodes.chain(&branch.outputs)
        });
        self.inputs.iter().chain(inside).collect()
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attributes.iter().find(|each| each.name == name)
    }

    /// A real attribute.
    pub(crate) fn real(&self, name: &str, default: f64) -> f64 {
        self.attribute(name)
            .map_or(default, |each| f64::from(each.real))
    }

    /// An integer attribute.
    pub(crate) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |each| each.integer)
    }

    /// An attribute that is a list of integers.
    pub(crate) fn integers(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|each| each.integers.as_slice())
    }

    /// An attribute that is a list of reals.
    pub(crate) fn reals(&self, name: &str) -> Option<&[f32]> {
        self.attribute(name).map(|each| each.reals.as_slice())
    }

    /// An attribute that is a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Option<&[Vec<u8>]> {
        self.attribute(name).map(|each| each.texts.as_slice())
    }

    /// An attribute with a count for each axis; `default` for all if it is missing.
    pub(crate) fn sizes(
        &self,
        name: &str,
        axes: usize,
        default: usize,
    ) -> Result<Vec<usize>, Refusal> {
        let Some(given) = self.integers(name) else {
            return Ok(vec![default; axes]);
        };
        let sizes: Result<Vec<usize>, _> = given.iter().map(|&x| usize::try_from(x)).collect();
        match sizes {
            Ok(sizes) if sizes.len() == axes && sizes.iter().all(|&x| x < 1 << 24) => Ok(sizes),
            _ => refuse(format!("`{name}` is {given:?}")),
        }
    }

    /// A text attribute.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = &self.attribute(name)?.text;
        std::str::from_utf8(text).ok()
    }

    /// The constant that a `Constant` node makes; `None` if it is of a kind that is not read.
    pub(crate) fn constant(&self, budget: &Budget) -> Result<Option<Constant>, ImportError> {
        let vector =
            |values: Vec<f64>, kind| Constant::new(ndarray::Array1::from(values).into_dyn(), kind);
        let scalar = |value: f64, kind| Constant::new(ndarray::arr0(value).into_dyn(), kind);
        for attribute in &self.attributes {
            return Ok(Some(match attribute.name.as_str() {
                "value" => match &attribute.tensor {
                    Some(tensor) => Constant::decode(tensor, budget)?,
                    None => return Ok(None),
                },
                "value_float" => scalar(attribute.real.into(), Kind::Real),
                "value_int" => scalar(attribute.integer as f64, Kind::Integer),
                "value_floats" => vector(
                    attribute.reals.iter().map(|&x| x.into()).collect(),
                    Kind::Real,
                ),
                "value_ints" => vector(
                    attribute.integers.iter().map(|&x| x as f64).collect(),
                    Kind::Integer,
                ),
                _ => continue,
            }));
        }
        Ok(None)
    }
}
