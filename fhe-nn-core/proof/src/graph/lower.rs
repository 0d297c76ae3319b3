//! From a declaration and its integers to nodes.

use super::builder::Builder;
use super::{Graph, Op};
use crate::client::Affine;
use crate::encoder::Encoder;
use crate::error::ModelError;
use crate::part::{Part, encoder};
use crate::spec::Spec;

impl<'a> Graph<'a> {
    /// The program of a declaration with the integers `parts` of its layers.
    ///
    /// # Errors
    /// [`ModelError::Flow`] if the layers do not fit together, [`ModelError::PartMissing`] if the parts are not
    /// those of the declaration.
    pub fn new(spec: &'a Spec, parts: &'a [Part]) -> Result<Self, ModelError> {
        let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
        if spec.layers.len() != parts.len() || parts.is_empty() {
            return Err(ModelError::PartMissing);
        }
        let mut builder = Builder::new(spec, facts, parts);
        for (index, layer) in spec.layers.iter().enumerate() {
            let result = layer.op.layer().lower(&mut builder, index)?;
            builder.tensors.push(result);
        }
        finish(builder, parts)
    }
}

/// The graph of all nodes.
fn finish<'a>(builder: Builder<'a>, parts: &'a [Part]) -> Result<Graph<'a>, ModelError> {
    let spec = builder.spec;
    let last = spec.layers.len();
    let scores = builder.read(last, None)?;
    let encoder = match spec.input.tokens {
        Some(_) => Encoder::TOKENS,
        None => encoder(spec, parts).ok_or(ModelError::PartMissing)?.clone(),
    };
    let decoder = match &parts[last - 1] {
        Part::Linear(linear) => (0..linear.outputs()).map(|c| linear.line(c)).collect(),
        Part::Sources(sources) => {
            let sources: Vec<Affine> = sources.iter().map(|source| source.affines[0]).collect();
            let meaning = spec.layers[last - 1].op.meaning(&sources);
            let meaning = meaning.ok_or(ModelError::PartMissing)?;
            vec![meaning.line(); scores.widths.len()]
        }
        _ => return Err(ModelError::PartMissing),
    };
    // the scores are the last node: a declaration ends with sums, possibly flattened
    let (mut nodes, mut stages) = (builder.nodes, vec![scores.stage; builder.tensors[last] + 1]);
    for (index, node) in nodes.iter_mut().enumerate().rev() {
        let own = stages[index + 1];
        let stage = match &mut node.op {
            Op::Linear(op) => {
                op.stage = own;
                own
            }
            Op::Lookup(op) => {
                op.next = own;
                op.read.stage
            }
        };
        for &source in &node.sources {
            stages[source] = stages[source].min(stage);
        }
    }
    Ok(Graph {
        spec,
        parts,
        nodes,
        scores,
        input_stage: stages[0],
        encoder,
        decoder,
    })
}
