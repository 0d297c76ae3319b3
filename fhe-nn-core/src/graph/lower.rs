//! From a declaration and its integers to nodes.

use std::borrow::Cow;

use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::spec::{
    ActivationSpec, EmbeddingSpec, Encoding, Op as SpecOp, Pool, PoolSpec, Rounding, Spec, Tensor,
    Window,
};
use fhe_nn_proof::widths::{Lattice, Range, Reader};

use super::map::{Map, Rows, Term};
use super::{Fixed, Graph, LinearOp, LookupOp, Node, Op, Read, Table};
use crate::Error;
use crate::layer::{Linear, PartRef, Vectors, result_of};

impl<'a> Graph<'a> {
    /// The program of a declaration with the integers `parts` of its layers.
    ///
    /// # Errors
    /// [`Error::Flow`] if the layers do not fit together, [`Error::PartMissing`] if the parts are not
    /// those of the declaration.
    pub fn new(spec: &'a Spec, parts: &[PartRef<'a>]) -> Result<Self, Error> {
        let facts = spec.flow().map_err(|(index, source)| Error::Flow {
            layer: spec.layers[index].name.to_string(),
            source,
        })?;
        if spec.layers.len() != parts.len() || parts.is_empty() {
            return Err(Error::PartMissing);
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

struct Lowering<'a, 'p> {
    spec: &'a Spec,
    /// Of the tensors of the declaration.
    facts: Vec<Tensor>,
    parts: &'p [PartRef<'a>],
    nodes: Vec<Node<'a>>,
    /// For each tensor of the declaration, the tensor of the nodes.
    tensors: Vec<usize>,
    stages: usize,
}

impl<'a> Lowering<'a, '_> {
    /// The nodes of a layer; the tensor of its results.
    fn layer(&mut self, index: usize) -> Result<usize, Error> {
        let layer = &self.spec.layers[index];
        let sources = self.spec.sources(index);
        let from: Vec<usize> = sources.iter().map(|&source| self.tensors[source]).collect();
        let lens = sources.iter().map(|&source| self.facts[source].len());
        let lens: Vec<usize> = lens.collect();
        let first = self.facts[sources[0]].clone();
        let name = &*layer.name;
        Ok(match (&layer.op, self.parts[index]) {
            (SpecOp::Dense(_), PartRef::Linear(linear)) => self.sums(
                name,
                from,
                Map::Dense(&linear.weights),
                (&*linear.phases).into(),
            ),
            (SpecOp::Conv(conv), PartRef::Linear(linear)) => {
                let map = Map::Windows {
                    window: conv.window,
                    kernel: Cow::Borrowed(&linear.weights),
                    padding: linear.input.zero_point,
                };
                self.sums(name, from, map, (&*linear.phases).into())
            }
            (SpecOp::Embedding(spec), PartRef::Embedding(embedding))
                if spec.encoding == Encoding::Number =>
            {
                self.vectors(name, from, spec, embedding)
            }
            (SpecOp::Embedding(spec), PartRef::Embedding(embedding)) => {
                let map = Map::Windows {
                    window: Window::each(spec.vocabulary, spec.dimension, spec.positions),
                    kernel: Cow::Owned(embedding.weights.t().to_owned()),
                    padding: 0,
                };
                self.sums(name, from, map, Cow::Borrowed(&[]))
            }
            (SpecOp::Activation(act), part @ (PartRef::Tables(_) | PartRef::Antiperiodic)) => {
                let read = self.read(sources[0], Some(act))?;
                let table = match (part, act.function.is_antiperiodic()) {
                    (PartRef::Tables(tables), false) => Table::Padded(tables),
                    (PartRef::Antiperiodic, true) => Table::Antiperiodic(act),
                    _ => return Err(Error::PartMissing),
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
            (SpecOp::Pool(pool), PartRef::Sources(_)) => match pool.kind {
                Pool::Average => {
                    let map = Map::Rows(Rows::windows(&pool.window));
                    self.sums(name, from, map, Cow::Borrowed(&[]))
                }
                Pool::Max => self.greatest(name, from[0], pool, &first),
            },
            (SpecOp::Add, PartRef::Sources(_)) => {
                let map = Map::Rows(Rows::each(lens[0], &vec![1; lens.len()]));
                self.sums(name, from, map, Cow::Borrowed(&[]))
            }
            (SpecOp::Mul, PartRef::Sources(_)) => {
                let second = self.facts[sources[1]].range;
                self.product(name, from, lens[0], (first.range, second))
            }
            (SpecOp::Concat, PartRef::Sources(_)) => self.sums(
                name,
                from,
                Map::Rows(Rows::concat(&lens)),
                Cow::Borrowed(&[]),
            ),
            (SpecOp::Flatten, PartRef::Sources(_)) => from[0],
            _ => return Err(Error::PartMissing),
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

    /// The greatest of the values of each window, as in a cup: of two, `b + max(a - b, 0)`.
    fn greatest(
        &mut self,
        name: &'a str,
        source: usize,
        pool: &PoolSpec,
        values: &Tensor,
    ) -> usize {
        let mut left: Vec<usize> = (0..pool.window.taps())
            .map(|tap| {
                let map = Map::Rows(Rows::tap(&pool.window, tap));
                self.sums(name, vec![source], map, Cow::Borrowed(&[]))
            })
            .collect();
        let len = pool.window.output_len();
        while left.len() > 1 {
            left = left
                .chunks(2)
                .map(|pair| match *pair {
                    [a, b] => {
                        let apart = values
                            .range
                            .plus(values.range.times(Range { lo: -1, hi: -1 }));
                        let lattice = Lattice::of([1, -1], 0, values.odd, apart.signed_bits() - 1);
                        let less = Map::Rows(Rows::each(len, &[1, -1]));
                        let less = self.sums(name, vec![a, b], less, Cow::Borrowed(&[]));
                        let more = self.fixed(name, less, Fixed::Positive, apart, lattice, len);
                        let greatest = Map::Rows(Rows::each(len, &[1, 1]));
                        self.sums(name, vec![b, more], greatest, Cow::Borrowed(&[]))
                    }
                    _ => pair[0],
                })
                .collect();
        }
        left[0]
    }

    /// `a b = floor((a + b)^2 / 4) - floor((a - b)^2 / 4)`: both squares are odd, or neither.
    fn product(
        &mut self,
        name: &'a str,
        sources: Vec<usize>,
        len: usize,
        (a, b): (Range, Range),
    ) -> usize {
        let negative = b.times(Range { lo: -1, hi: -1 });
        let squares = [(1, a.plus(b)), (-1, a.plus(negative))].map(|(sign, range)| {
            let map = Map::Rows(Rows::each(len, &[1, sign]));
            let sums = self.sums(name, sources.clone(), map, Cow::Borrowed(&[]));
            let all = Lattice {
                step_bits: 0,
                offset: 0,
            };
            self.fixed(name, sums, Fixed::QuarterSquare, range, all, len)
        });
        let less = Map::Rows(Rows::each(len, &[1, -1]));
        self.sums(name, squares.to_vec(), less, Cow::Borrowed(&[]))
    }

    /// Vectors of tokens that are numbers: each is looked up in a table for every value of its vector.
    fn vectors(
        &mut self,
        name: &'a str,
        sources: Vec<usize>,
        spec: &EmbeddingSpec,
        embedding: &'a Vectors,
    ) -> usize {
        let term = |index| Term {
            operand: 0,
            index,
            weight: 1,
        };
        let each = (0..spec.dimension).flat_map(|_| (0..spec.positions).map(term));
        let map = Map::Rows(Rows::new(each.map(|term| vec![term])));
        let bits = self.spec.input.bits.max(2);
        // tables read signed integers
        let middle = -(1i64 << (bits - 1));
        let sums = self.sums(name, sources, map, vec![middle; spec.dimension].into());
        let all = Lattice {
            step_bits: 0,
            offset: 0,
        };
        let read = Read {
            stage: self.stages,
            reader: Reader::Padded,
            widths: vec![bits; spec.dimension].into(),
            lattices: vec![all; spec.dimension],
            positions: spec.positions,
        };
        self.lookup(
            name,
            sums,
            LookupOp {
                read,
                table: Table::Vectors(&embedding.weights),
                bits: None,
                rounding: Rounding::Exact,
                phases: 1,
                next: 0,
            },
        )
    }

    /// A table of a function of integers.
    fn fixed(
        &mut self,
        name: &'a str,
        source: usize,
        function: Fixed,
        range: Range,
        lattice: Lattice,
        len: usize,
    ) -> usize {
        let read = Read {
            stage: self.stages,
            reader: Reader::Padded,
            widths: Cow::Owned(vec![range.signed_bits().max(2)]),
            lattices: vec![lattice],
            positions: len,
        };
        self.lookup(
            name,
            source,
            LookupOp {
                read,
                table: Table::Fixed(function),
                bits: None,
                rounding: Rounding::Exact,
                phases: 1,
                next: 0,
            },
        )
    }

    /// How a tensor of the declaration is read, by an activation or by the client.
    fn read(&self, tensor: usize, by: Option<&ActivationSpec>) -> Result<Read<'a>, Error> {
        let (reader, phases) = by.map_or((Reader::Client, 1), |act| {
            (act.function.reader(), act.phases.max(1))
        });
        let index = tensor.checked_sub(1).ok_or(Error::PartMissing)?;
        let sources = self.spec.sources(index);
        let odd = sources.iter().all(|&source| self.facts[source].odd);
        let stage = self.stages;
        let op = &self.spec.layers[index].op;
        if let (Some(spec), PartRef::Linear(linear)) = (op.linear(), self.parts[index]) {
            let odd = odd && !spec.window.is_some_and(|window| window.pads());
            return Ok(Read {
                stage,
                reader,
                widths: Cow::Borrowed(&linear.widths),
                lattices: lattices(linear, phases, odd),
                positions: spec.positions,
            });
        }
        let weights = match op {
            SpecOp::Add => vec![1; sources.len()],
            SpecOp::Pool(pool) if !pool.window.pads() => vec![1; pool.window.taps()],
            _ => Vec::new(),
        };
        let facts = &self.facts[tensor];
        let width = sum_width(facts.range, phases);
        let channels = facts.shape[0];
        let lattice = match weights.is_empty() {
            true => Lattice {
                step_bits: 0,
                offset: 0,
            },
            false => Lattice::of(weights, 0, odd, width - 1 - phases.ilog2()),
        };
        Ok(Read {
            stage,
            reader,
            widths: Cow::Owned(vec![width; channels]),
            lattices: vec![lattice; channels],
            positions: facts.len() / channels,
        })
    }

    fn finish(self) -> Result<Graph<'a>, Error> {
        let last = self.spec.layers.len();
        let scores = self.read(last, None)?;
        let encoder = match self.spec.input.tokens {
            Some(_) => Affine {
                scale: 1.0,
                zero_point: 0,
            },
            None => self.meaning_of_inputs().ok_or(Error::PartMissing)?,
        };
        let decoder = match self.parts[last - 1] {
            PartRef::Linear(linear) => (0..linear.outputs()).map(|c| linear.line(c)).collect(),
            PartRef::Sources(sources) => {
                let meaning = result_of(&self.spec.layers[last - 1].op, sources);
                let meaning = meaning.ok_or(Error::PartMissing)?;
                let line = Line {
                    slope: meaning.scale,
                    offset: -meaning.scale * meaning.zero_point as f64,
                };
                vec![line; scores.widths.len()]
            }
            _ => return Err(Error::PartMissing),
        };
        // the scores are the last node: a declaration ends with a layer of sums
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
            parts: self.parts.to_vec(),
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
            match self.parts[index] {
                PartRef::Linear(linear) => Some(linear.input),
                PartRef::Sources(sources) => sources.get(operand).copied(),
                PartRef::Tables(_) | PartRef::Antiperiodic | PartRef::Embedding(_) => None,
            }
        })
    }
}

/// Width of sums of a range, of which so many values are read.
pub(crate) fn sum_width(range: Range, phases: u32) -> u32 {
    range.signed_bits().max(2).max(1 + phases.max(1).ilog2())
}

/// The values that each neuron's accumulators can have.
pub(crate) fn lattices(linear: &Linear, phases: u32, odd: bool) -> Vec<Lattice> {
    let neurons = linear.weights.rows().into_iter().zip(&linear.phases);
    let neurons = neurons.zip(&linear.widths).map(|((row, &phase), &width)| {
        let coarsest = width - 1 - phases.ilog2();
        let weights = row.iter().map(|&w| i64::from(w));
        Lattice::of(weights, phase, odd, coarsest)
    });
    neurons.collect()
}
