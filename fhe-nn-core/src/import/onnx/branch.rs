//! The nodes of a graph, checked: every node reads only what is made before it. A node may have graphs of its own.

use std::collections::HashSet;
use std::rc::Rc;

use super::constant::Constant;
use super::expand::expanded;
use super::node::Node;
use super::proto::{GraphProto, NodeProto};
use crate::import::budget::Budget;
use crate::import::error::ImportError;

/// The memory of the nodes that an operator of integers stands for, counted in values.
const EXPANDED: usize = 256;

/// A graph inside of a node, which also reads what is made before the node.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: Vec<(String, Rc<Constant>)>,
    pub(crate) outputs: Vec<String>,
}

/// The nodes in an order in which they can run. `known` has the names of what is made before, and then those of what
/// they make as well.
///
/// # Errors
/// [`ImportError::Graph`] if a node reads what is not made before it, or two things have one name.
pub(super) fn nodes(
    nodes: Vec<NodeProto>,
    version: i64,
    known: &mut HashSet<String>,
    budget: &Budget,
) -> Result<Vec<Node>, ImportError> {
    let broken = |reason: String| Err(ImportError::Graph(reason));
    let given = nodes;
    let mut nodes: Vec<Node> = Vec::with_capacity(given.len());
    for node in given {
        let own = expanded(node);
        if own.len() > 1 {
            budget.take(EXPANDED, &own[0].name)?;
        }
        nodes.extend(own.into_iter().map(|node| Node::new(node, version)));
    }
    for index in 0..nodes.len() {
        let node = &nodes[index];
        for name in node.inputs.iter().filter(|name| !name.is_empty()) {
            if !known.contains(name.as_str()) {
                let later = nodes.iter().any(|other| other.outputs.contains(name));
                return broken(format!(
                    "`{}` reads `{name}`, which {}",
                    node.name,
                    if later {
                        "only itself or a later node makes: there is a cycle, or nodes are out of order"
                    } else {
                        "nothing makes"
                    }
                ));
            }
        }
        for (name, graph) in nodes[index].take_graphs() {
            let branch = branch(graph, version, known, budget)?;
            nodes[index].branches.push((name, branch));
        }
        for name in nodes[index].outputs.iter().filter(|name| !name.is_empty()) {
            if !known.insert(name.clone()) {
                return broken(format!("two things have the name `{name}`"));
            }
        }
    }
    Ok(nodes)
}

fn branch(
    graph: GraphProto,
    version: i64,
    known: &mut HashSet<String>,
    budget: &Budget,
) -> Result<Branch, ImportError> {
    let mut own = Vec::with_capacity(graph.constants.len());
    let mut names = Vec::new();
    let broken = |reason: String| Err(ImportError::Graph(reason));
    for tensor in &graph.constants {
        own.push((
            tensor.name.clone(),
            Rc::new(Constant::decode(tensor, budget)?),
        ));
        if !known.insert(tensor.name.clone()) {
            return broken(format!("two things have the name `{}`", tensor.name));
        }
        names.push(tensor.name.clone());
    }
    let nodes = nodes(graph.nodes, version, known, budget)?;
    let outputs: Vec<String> = graph.outputs.into_iter().map(|each| each.name).collect();
    if let Some(missing) = outputs.iter().find(|name| !known.contains(*name)) {
        return broken(format!("nothing makes the output `{missing}` of a branch"));
    }
    // another branch may have the same names
    let made = nodes.iter().flat_map(|node| &node.outputs);
    for name in names.iter().chain(made) {
        known.remove(name);
    }
    Ok(Branch {
        nodes,
        constants: own,
        outputs,
    })
}
