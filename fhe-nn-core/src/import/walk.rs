//! One pass over the nodes of a model.

use std::collections::HashMap;

use fhe_nn_proof::client::OutputForm;

use super::budget::Budget;
use super::error::{ImportError, Refusal, Unsupported, quoted, refuse};
use super::net::{Net, scores};
use super::onnx::{Graph, Node};
use super::operator::{Outcome, apply};
use super::place::{Value, View};

/// The network that a graph computes.
///
/// # Errors
/// [`ImportError::Unsupported`] with all nodes that have no counterpart, and other errors for broken models.
pub(super) fn walk(graph: &Graph, budget: &Budget) -> Result<Net, ImportError> {
    let mut net = Net::new(&graph.input.shape);
    net.input_levels = graph.input.levels;
    if !graph.unread.is_empty() {
        let (output, others) = (&graph.output, quoted(&graph.unread));
        net.notes.push(format!(
            "the output `{output}` is imported, and not {others}"
        ));
    }
    budget.take(net.facts[0].len(), &graph.input.name)?;
    let input = View {
        is_integer: graph.input.is_integer,
        ..View::whole(0, &graph.input.shape)
    };
    let result = run(&mut net, graph, Value::View(input), budget)?;
    end(&mut net, graph, result)?;
    Ok(net)
}

/// The output of a graph for a value of its input.
pub(super) fn run(
    net: &mut Net,
    graph: &Graph,
    input: Value,
    budget: &Budget,
) -> Result<Value, ImportError> {
    let mut values: HashMap<&str, Value> = HashMap::new();
    for (name, constant) in &graph.constants {
        values.insert(name, Value::Constant(constant.clone()));
    }
    values.insert(&graph.input.name, input);
    let mut unsupported = Vec::new();
    run_nodes(net, &graph.nodes, &mut values, budget, &mut unsupported)?;
    if unsupported.is_empty() {
        Ok(values
            .remove(graph.output.as_str())
            .unwrap_or(Value::Unknown))
    } else {
        if let (Some(matrix), Some(first)) = (graph.unrolled(), unsupported.first_mut()) {
            first.reason += &format!(
                "; and `{matrix}` multiplies what was made with it before, so the model is a recurrent network whose \
                 steps were unrolled: `Conv1d` over the same steps is supported"
            );
        }
        Err(ImportError::Unsupported(unsupported))
    }
}

/// Computes what nodes make of the values that are known, and lists the nodes that have no counterpart.
fn run_nodes<'a>(
    net: &mut Net,
    nodes: &'a [Node],
    values: &mut HashMap<&'a str, Value>,
    budget: &Budget,
    unsupported: &mut Vec<Unsupported>,
) -> Result<(), ImportError> {
    for node in nodes {
        let operands: Vec<Option<Value>> = node
            .inputs
            .iter()
            .map(|name| values.get(name.as_str()).cloned())
            .collect();
        let results = match apply(net, node, &operands, budget) {
            Ok(Outcome::Values(results)) => results,
            Ok(Outcome::Branch(branch)) => {
                for (name, constant) in &branch.constants {
                    values.insert(name, Value::Constant(constant.clone()));
                }
                run_nodes(net, &branch.nodes, values, budget, unsupported)?;
                let outputs = branch.outputs.iter();
                let value = |name: &String| values.get(name.as_str()).cloned();
                outputs
                    .map(|name| value(name).unwrap_or(Value::Unknown))
                    .collect()
            }
            Err(Refusal::Broken(error)) => return Err(error),
            Err(Refusal::Unsupported(reason)) => {
                unsupported.push(Unsupported {
                    node: node.name.clone(),
                    operator: node.operator.clone(),
                    reason,
                });
                Vec::new()
            }
        };
        let mut results = results.into_iter();
        for name in &node.outputs {
            let result = results.next().unwrap_or(Value::Unknown);
            if !name.is_empty() {
                values.insert(name, result);
            }
        }
    }
    Ok(())
}

/// Ends a network with the output of its graph.
pub(super) fn end(net: &mut Net, graph: &Graph, output: Value) -> Result<(), ImportError> {
    let result = match output {
        Value::View(view) => scores(net, &view),
        Value::Scores(view, whole) => {
            net.notes.push(format!(
                "`{}` of the scores is the client's: it computes it after it decrypts",
                whole.kind.name()
            ));
            net.tail.all = Some(whole);
            scores(net, &view)
        }
        Value::Levels(view, grid) => match net.client_levels(&view, grid, OutputForm::Level) {
            Some(levels) => scores(net, &levels),
            None => refuse("the output has integers without their scale"),
        },
        Value::Constant(_) | Value::Unknown => return Err(ImportError::Constant),
    };
    net.limit_widths();
    match result.and_then(|()| net.write_normalization()) {
        Ok(()) => Ok(()),
        Err(Refusal::Broken(error)) => Err(error),
        Err(Refusal::Unsupported(reason)) => {
            Err(ImportError::unsupported(&graph.output, "output", reason))
        }
    }
}
