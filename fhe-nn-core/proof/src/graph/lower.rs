//! From a declaration and its integers to nodes.

mod read;
mod tables;

use std::borrow::Cow;

use super::map::{Map, Rows};
use super::{Graph, LinearOp, LookupOp, Node, Op, Table};
use crate::client::Affine;
use crate::error::ModelError;
use crate::part::{Part, result_of};
use crate::spec::{Encoding, Op as SpecOp, Pool, Spec, Tensor, Window};

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
        let mut lowering = Lowering {
            spec,
            facts,
            parts,
            nodes: Vec::new(),
            tensors: vec![0],
            stages: 0,
        };
        for index in 0..parts.len() {
            let result = lowering.layer(index)?;
            lowering.tensors.push(result);
        }
        lowering.finish()
    }
}

struct Lowering<'a> {
    spec: &'a Spec,
    /// Of the tensors of the declaration.
    facts: Vec<Tensor>,
    parts: &'a [Part],
    nodes: Vec<Node<'a>>,
    /// For each tensor of the declaration, the tensor of the nodes.
    tensors: Vec<usize>,
    stages: usize,
}

impl<'a> Lowering<'a> {
    /// The nodes of a layer; the tensor of its results.
    fn layer(&mut self, index: usize) -> Result<usize, ModelError> {
        let layer = &self.spec.layers[index];
        let sources = self.spec.sources(index);
        let from: Vec<usize> = sources.iter().map(|&source| self.tensors[source]).collect();
        let lens = sources.iter().map(|&source| self.facts[source].len());
        let lens: Vec<usize> = lens.collect();
        let first = self.facts[sources[0]].clone();
        let name = &*layer.name;
        Ok(match (&layer.op, &self.parts[index]) {
            (SpecOp::Dense(_), Part::Linear(linear)) => self.sums(
                name,
                from,
                Map::Dense(&linear.weights),
                (&*linear.phases).into(),
            ),
            (SpecOp::Conv(conv), Part::Linear(linear)) => {
                let map = Map::Windows {
                    window: conv.window,
                    kernel: Cow::Borrowed(&linear.weights),
                    padding: linear.input.zero_point,
                };
                self.sums(name, from, map, (&*linear.phases).into())
            }
            (SpecOp::Embedding(spec), Part::Embedding(embedding))
                if spec.encoding == Encoding::Number =>
            {
                self.vectors(name, from, spec, embedding)
            }
            (SpecOp::Embedding(spec), Part::Embedding(embedding)) => {
                let map = Map::Windows {
                    window: Window::each(spec.vocabulary, spec.dimension, spec.positions),
                    kernel: Cow::Owned(embedding.weights.t().to_owned()),
                    padding: 0,
                };
                self.sums(name, from, map, Cow::Borrowed(&[]))
            }
            (SpecOp::Activation(act), part @ (Part::Tables(_) | Part::Antiperiodic)) => {
                let read = self.read(sources[0], Some(act))?;
                let table = match (part, act.function.is_antiperiodic()) {
                    (Part::Tables(tables), false) => Table::Padded(tables),
                    (Part::Antiperiodic, true) => Table::Antiperiodic(act),
                    _ => return Err(ModelError::PartMissing),
                };
                self.lookup(
                    name,
                    from[0],
                    LookupOp {
                        read,
                        table,
                        bits: act.table,
                        rounding: act.rounding,
                        phases: act.phases,
                        next: 0,
                    },
                )
            }
            (SpecOp::Pool(pool), Part::Sources(_)) => match pool.kind {
                Pool::Average => {
                    let map = Map::Rows(Rows::windows(&pool.window));
                    self.sums(name, from, map, Cow::Borrowed(&[]))
                }
                Pool::Max => self.greatest(name, from[0], pool, &first),
            },
            (SpecOp::Add, Part::Sources(_)) => {
                let map = Map::Rows(Rows::each(lens[0], &vec![1; lens.len()]));
                self.sums(name, from, map, Cow::Borrowed(&[]))
            }
            (SpecOp::Mul, Part::Sources(_)) => {
                let second = self.facts[sources[1]].range;
                self.product(name, from, lens[0], (first.range, second))
            }
            (SpecOp::Concat, Part::Sources(_)) => self.sums(
                name,
                from,
                Map::Rows(Rows::concat(&lens)),
                Cow::Borrowed(&[]),
            ),
            (SpecOp::Flatten, Part::Sources(_)) => from[0],
            _ => return Err(ModelError::PartMissing),
        })
    }

    fn sums(
        &mut self,
        name: &'a str,
        sources: Vec<usize>,
        map: Map<'a>,
        phases: Cow<'a, [i64]>,
    ) -> usize {
        let stage = 0; // known when all is there
        self.push(name, sources, Op::Linear(LinearOp { map, phases, stage }))
    }

    fn lookup(&mut self, name: &'a str, source: usize, op: LookupOp<'a>) -> usize {
        self.stages += 1;
        self.push(name, vec![source], Op::Lookup(op))
    }

    fn push(&mut self, name: &'a str, sources: Vec<usize>, op: Op<'a>) -> usize {
        self.nodes.push(Node { name, sources, op });
        self.nodes.len()
    }

    fn finish(self) -> Result<Graph<'a>, ModelError> {
        let last = self.spec.layers.len();
        let scores = self.read(last, None)?;
        let encoder = match self.spec.input.tokens {
            Some(_) => Affine {
                scale: 1.0,
                zero_point: 0,
            },
            None => self.meaning_of_inputs().ok_or(ModelError::PartMissing)?,
        };
        let decoder = match &self.parts[last - 1] {
            Part::Linear(linear) => (0..linear.outputs()).map(|c| linear.line(c)).collect(),
            Part::Sources(sources) => {
                let meaning = result_of(&self.spec.layers[last - 1].op, sources);
                let meaning = meaning.ok_or(ModelError::PartMissing)?;
                vec![meaning.line(); scores.widths.len()]
            }
            _ => return Err(ModelError::PartMissing),
        };
        // the scores are the last node: a declaration ends with sums, or with these in a row
        let (mut nodes, mut stages) = (self.nodes, vec![scores.stage; self.tensors[last] + 1]);
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
            spec: self.spec,
            parts: self.parts,
            nodes,
            scores,
            input_stage: stages[0],
            encoder,
            decoder,
        })
    }

    /// Every layer that is no activation knows what the values mean that it reads.
    fn meaning_of_inputs(&self) -> Option<Affine> {
        let mut layers = self.spec.layers.iter().enumerate();
        layers.find_map(|(index, _)| {
            let operand = self
                .spec
                .sources(index)
                .iter()
                .position(|&source| source == 0)?;
            match &self.parts[index] {
                Part::Linear(linear) => Some(linear.input),
                Part::Sources(sources) => sources.get(operand).copied(),
                Part::Tables(_) | Part::Antiperiodic | Part::Embedding(_) => None,
            }
        })
    }
}
