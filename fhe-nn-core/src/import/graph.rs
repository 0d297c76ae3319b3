//! The graph of a model, checked: every node reads what nodes before it make.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use prost::Message;

use super::error::{ImportError, Refusal, refuse};
use super::fold::is_real;
use super::tensor::{Budget, Constant};
use super::{proto, weigh};

/// The oldest version of the operators that is read.
const OLDEST: i64 = 9;

/// The only input, the only output and the nodes between that matter, in an order in which they run.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) input: Input,
    pub(super) output: String,
    pub(super) nodes: Vec<Node>,
    pub(super) constants: HashMap<String, Rc<Constant>>,
}

/// The only input.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    /// With a first extent of 1 for the batch, if there is more than one extent.
    pub(super) shape: Vec<usize>,
    /// Whether it has integers.
    pub(super) is_integer: bool,
}

/// An operator.
#[derive(Debug)]
pub(super) struct Node {
    /// Its name, or that of its first result.
    pub(super) name: String,
    pub(super) operator: String,
    /// Names of what it reads; empty for what is left out.
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    /// The version of the operators.
    pub(super) version: i64,
    attributes: Vec<proto::Attribute>,
}

impl Graph {
    /// # Errors
    /// [`ImportError`] for bytes that are no model, and for graphs that cannot run.
    pub(super) fn parse(bytes: &[u8], budget: &Budget) -> Result<Self, ImportError> {
        weigh::check(bytes)?;
        let model = proto::Model::decode(bytes)?;
        let broken = |reason: String| Err(ImportError::Graph(reason));
        let Some(graph) = model.graph else {
            return broken("the model has none".to_owned());
        };
        let mut sets = model.operator_sets.iter();
        let own = sets.find(|set| matches!(set.domain.as_str(), "" | "ai.onnx"));
        let version = match own.map_or(0, |set| set.version) {
            version @ OLDEST.. => version,
            version => {
                return broken(format!(
                    "its operators have version {version}, but {OLDEST} and later are read"
                ));
            }
        };
        let mut constants = HashMap::new();
        for tensor in &graph.constants {
            let constant = Rc::new(Constant::decode(tensor, budget)?);
            if constants.insert(tensor.name.clone(), constant).is_some() {
                return broken(format!("two constants have the name `{}`", tensor.name));
            }
        }
        // old exporters list constants among the inputs, too
        let inputs = graph.inputs.iter();
        let inputs: Vec<_> = inputs
            .filter(|input| !constants.contains_key(&input.name))
            .collect();
        let [input] = inputs.as_slice() else {
            return broken(format!("it has {} inputs, but must have 1", inputs.len()));
        };
        let [output] = graph.outputs.as_slice() else {
            return broken(format!(
                "it has {} outputs, but must have 1",
                graph.outputs.len()
            ));
        };
        let nodes = graph.nodes.into_iter().map(|node| Node {
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
            attributes: node.attributes,
        });
        let nodes: Vec<Node> = nodes.collect();
        let mut known: HashSet<&str> = constants.keys().map(String::as_str).collect();
        known.insert(&input.name);
        for node in &nodes {
            for name in node.inputs.iter().filter(|name| !name.is_empty()) {
                if !known.contains(name.as_str()) {
                    let later = nodes.iter().any(|other| other.outputs.contains(name));
                    return broken(format!(
                        "`{}` reads `{name}`, which {}",
                        node.name,
                        match later {
                            true =>
                                "only itself or a later node makes: there is a cycle, or nodes are out of order",
                            false => "nothing makes",
                        }
                    ));
                }
            }
            for name in node.outputs.iter().filter(|name| !name.is_empty()) {
                if !known.insert(name) {
                    return broken(format!("two things have the name `{name}`"));
                }
            }
        }
        if !known.contains(output.name.as_str()) {
            return broken(format!("nothing makes the output `{}`", output.name));
        }
        Ok(Graph {
            input: Input {
                name: input.name.clone(),
                shape: shape(input)?,
                is_integer: !is_real(data_type(input)),
            },
            output: output.name.clone(),
            nodes: needed(nodes, &output.name),
            constants,
        })
    }
}

/// The nodes that the output depends on.
fn needed(nodes: Vec<Node>, output: &str) -> Vec<Node> {
    let mut wanted = HashSet::from([output.to_owned()]);
    let mut kept: Vec<Node> = Vec::new();
    for node in nodes.into_iter().rev() {
        if node.outputs.iter().any(|name| wanted.contains(name)) {
            wanted.extend(node.inputs.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}

/// The number of the input's type in `onnx.proto`.
fn data_type(input: &proto::Value) -> i64 {
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    tensor.map_or(0, |tensor| tensor.data_type.into())
}

/// The shape of the input for a batch of 1.
fn shape(input: &proto::Value) -> Result<Vec<usize>, ImportError> {
    let name = &input.name;
    let broken = |reason: &str| ImportError::Graph(format!("input `{name}` {reason}"));
    let tensor = input.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
    let tensor = tensor.ok_or_else(|| broken("is no tensor"))?;
    let shape = tensor.shape.as_ref();
    let extents = &shape.ok_or_else(|| broken("has no shape"))?.extents;
    let mut shape = Vec::with_capacity(extents.len());
    for (axis, extent) in extents.iter().enumerate() {
        shape.push(match &extent.value {
            Some(proto::ExtentValue::Number(number)) => match usize::try_from(*number) {
                Ok(size) if size > 0 => size,
                _ => return Err(broken(&format!("has an extent of {number}"))),
            },
            // of a single extent, it is no batch
            _ if axis == 0 && extents.len() > 1 => 1,
            other => {
                return Err(ImportError::Dynamic {
                    input: name.clone(),
                    axis,
                    name: match other {
                        Some(proto::ExtentValue::Name(extent)) => extent.clone(),
                        _ => String::new(),
                    },
                });
            }
        });
    }
    match shape.as_slice() {
        [] => Err(broken("has no extents")),
        [batch, _, ..] if *batch != 1 => Err(broken(&format!(
            "takes a batch of {batch}, but must take 1 or any: export with one"
        ))),
        _ => Ok(shape),
    }
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&proto::Attribute> {
        self.attributes.iter().find(|each| each.name == name)
    }

    /// A real attribute.
    pub(super) fn real(&self, name: &str, default: f64) -> f64 {
        self.attribute(name)
            .map_or(default, |each| f64::from(each.real))
    }

    /// An integer attribute.
    pub(super) fn integer(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |each| each.integer)
    }

    /// A list of integers.
    pub(super) fn integers(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|each| each.integers.as_slice())
    }

    /// Integers that count something, as many as there are axes; all the same if none are given.
    pub(super) fn sizes(
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

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = &self.attribute(name)?.text;
        std::str::from_utf8(text).ok()
    }

    /// The constant that a `Constant` node is; `None` if it is none that is read.
    pub(super) fn constant(&self, budget: &Budget) -> Result<Option<Constant>, ImportError> {
        use super::tensor::Kind;
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
