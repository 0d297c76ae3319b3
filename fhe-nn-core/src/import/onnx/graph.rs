//! The graph of a model, checked: every node reads only what is made before it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use prost::Message;

use super::behind::mark;
use super::branch::nodes;
use super::constant::Constant;
use super::element::{Kind, kind, levels};
use super::external::{Beside, resolve};
use super::memory;
use super::node::Node;
use super::outputs::chosen;
use super::proto::{Dimension, ModelProto, ValueInfoProto};
use crate::import::budget::Budget;
use crate::import::error::{ImportError, quoted};

/// The oldest version of the operators that can be read.
const OLDEST: i64 = 9;

/// The only input, the output that is imported, and the nodes between them that matter, in an order in which they can run.
#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) input: Input,
    pub(crate) output: String,
    /// The names of the other outputs.
    pub(crate) unread: Vec<String>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: HashMap<String, Rc<Constant>>,
}

/// The only input.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    /// The shape, with a first extent of 1 for the batch if there is more than one extent.
    pub(crate) shape: Vec<usize>,
    /// Whether the values are integers.
    pub(crate) is_integer: bool,
    /// The least and the greatest integer of the type, if it has at most 16 bits.
    pub(crate) levels: Option<(i64, i64)>,
}

impl Graph {
    /// Reads the part of a graph that leads to one output: the one with a name, or with the most real values.
    ///
    /// # Errors
    /// [`ImportError`] for bytes that are not a model, and for graphs that cannot run.
    pub(crate) fn parse(
        bytes: &[u8],
        beside: Beside<'_>,
        output: Option<&str>,
        budget: &Budget,
    ) -> Result<Self, ImportError> {
        memory::check(bytes)?;
        let mut model =
            ModelProto::decode(bytes).map_err(|source| ImportError::NotOnnx(source.into()))?;
        resolve(&mut model, bytes.len() as u64, beside)?;
        let broken = |reason: String| Err(ImportError::Graph(reason));
        let unsupported = |reason: String| Err(ImportError::Model(reason));
        let Some(graph) = model.graph else {
            return broken("the model has none".to_owned());
        };
        let mut sets = model.operator_sets.iter();
        let own = sets.find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let version = match own.map_or(0, |set| set.version) {
            version @ OLDEST.. => version,
            version => {
                return unsupported(format!(
                    "its operators have version {version}, but {OLDEST} and later are read: export with a newer opset"
                ));
            }
        };
        let (output, unread) = chosen(&graph, output)?;
        let mut known: HashSet<String> = HashSet::new();
        for tensor in &graph.constants {
            if !known.insert(tensor.name.clone()) {
                return broken(format!("two constants have the name `{}`", tensor.name));
            }
        }
        // old exporters list the constants among the inputs too
        let inputs = graph.inputs.iter();
        let inputs: Vec<_> = inputs
            .filter(|input| !known.contains(&input.name))
            .collect();
        let [input] = inputs.as_slice() else {
            return unsupported(match inputs.len() {
                0 => "it has no input".to_owned(),
                count => format!(
                    "it has {count} inputs ({}), but networks here have 1: export with one tensor that has all values",
                    quoted(inputs.iter().map(|own| &own.name))
                ),
            });
        };
        let names = known.clone();
        known.insert(input.name.clone());
        let nodes = nodes(graph.nodes, version, &mut known, budget)?;
        if !known.contains(&output) {
            return broken(format!("nothing makes the output `{output}`"));
        }
        let (mut nodes, wanted) = needed(nodes, &output);
        mark(&mut nodes, &output, names);
        let mut constants = HashMap::new();
        for tensor in &graph.constants {
            if wanted.contains(&tensor.name) {
                let constant = Rc::new(Constant::decode(tensor, budget)?);
                constants.insert(tensor.name.clone(), constant);
            }
        }
        let own_type = data_type(input);
        let own_kind = kind(own_type).map_err(|unread| {
            ImportError::unsupported(&input.name, "input", format!("it has {unread}"))
        })?;
        Ok(Graph {
            input: Input {
                name: input.name.clone(),
                shape: shape(input)?,
                is_integer: own_kind == Kind::Integer,
                levels: levels(own_type),
            },
            output,
            unread,
            nodes,
            constants,
        })
    }
}

/// The nodes that the output depends on, and the names of all values that it depends on.
fn needed(nodes: Vec<Node>, output: &str) -> (Vec<Node>, HashSet<String>) {
    let mut wanted = HashSet::from([output.to_owned()]);
    let mut kept: Vec<Node> = Vec::new();
    for node in nodes.into_iter().rev() {
        if node.outputs.iter().any(|name| wanted.contains(name)) {
            wanted.extend(node.reads().into_iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    (kept, wanted)
}

/// The type of the input, by its number in `onnx.proto`.
fn data_type(input: &ValueInfoProto) -> i64 {
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    tensor.map_or(0, |tensor| tensor.data_type.into())
}

/// The shape of the input for a batch of 1.
fn shape(input: &ValueInfoProto) -> Result<Vec<usize>, ImportError> {
    let name = &input.name;
    let refused = |reason: &str| ImportError::Model(format!("input `{name}` {reason}"));
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let tensor = tensor.ok_or_else(|| refused("is not a tensor"))?;
    let shape = tensor.shape.as_ref();
    let extents = &shape
        .ok_or_else(|| refused("has no shape: export with fixed shapes"))?
        .extents;
    let mut shape = Vec::with_capacity(extents.len());
    for (axis, extent) in extents.iter().enumerate() {
        shape.push(match &extent.value {
            Some(Dimension::Number(number)) => match usize::try_from(*number) {
                Ok(size) if size > 0 => size,
                _ => return Err(refused(&format!("has an extent of {number}"))),
            },
            // a single extent is not a batch
            _ if axis == 0 && extents.len() > 1 => 1,
            other => {
                return Err(ImportError::Dynamic {
                    input: name.clone(),
                    axis,
                    name: match other {
                        Some(Dimension::Name(extent)) => extent.clone(),
                        _ => String::new(),
                    },
                });
            }
        });
    }
    match shape.as_slice() {
        [] => Err(refused("has no extents")),
        [batch, _, ..] if *batch != 1 => Err(refused(&format!(
            "takes a batch of {batch}, but must take 1 or any: export with a batch of 1"
        ))),
        _ => Ok(shape),
    }
}
