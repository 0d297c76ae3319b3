//! What flows from layer to layer: every layer says from the facts of the tensors that it reads what the
//! facts of its result are, or why it cannot read them.

use super::{
    ActivationSpec, Encoding, Input, Op, Pool, PoolSpec, Spec, Tokens, Window, WindowError,
};
use crate::widths::{MAX_VALUES, Range, max_weight};

/// What is known of a tensor before any weights are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Extents, slowest first. Tokens are as many channels as the vocabulary has.
    pub shape: Vec<usize>,
    /// What its integers can be.
    pub range: Range,
    /// Whether all of them are odd, as those of `Wave` and `Sign` are.
    pub odd: bool,
    /// Who may read it.
    pub kind: TensorKind,
}

/// Who may read a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// Tokens: an `Embedding` only.
    Tokens,
    /// Results of a layer with weights: a table or the client only.
    Accumulators,
    /// Sums of values: a table, the client and all that read values.
    Sums,
    /// Values: all but tables.
    Values,
}

impl core::fmt::Display for TensorKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            TensorKind::Tokens => "tokens",
            TensorKind::Accumulators => "accumulators",
            TensorKind::Sums => "sums",
            TensorKind::Values => "values",
        })
    }
}

/// Why a layer cannot read what comes to it. The macro says it at the place where it was written; this is
/// for declarations that come from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// A layer reads itself or one behind it.
    #[error("reads tensor {tensor}, but only {tensors} are there yet")]
    Order {
        /// Which it reads.
        tensor: usize,
        /// How many there are.
        tensors: usize,
    },
    /// A layer reads more tensors than it takes, or fewer.
    #[error("takes {takes}, but reads {reads} tensors")]
    Arity {
        /// How many it takes.
        takes: &'static str,
        /// How many it reads.
        reads: usize,
    },
    /// What comes in has another shape.
    #[error("takes {expected:?}, but gets {actual:?}")]
    Shape {
        /// What it takes.
        expected: Vec<usize>,
        /// What comes in.
        actual: Vec<usize>,
    },
    /// What comes in is of another kind.
    #[error("takes {takes}, but gets {gets}")]
    Kind {
        /// What it takes.
        takes: &'static str,
        /// What comes in.
        gets: TensorKind,
    },
    /// A result that is of no use: accumulators have exactly one reader, all others at least one, the last
    /// is the scores.
    #[error("has {0} readers, but {1}")]
    Readers(usize, &'static str),
    /// There are no such windows.
    #[error("has windows that cannot be: {0}")]
    Window(WindowError),
    /// Extents of 0, or more values than a tensor may have.
    #[error("has {0} values, but 1 to {MAX_VALUES} are allowed")]
    Values(usize),
}

impl Spec {
    /// What layer `index` reads: 0 is the input, `i + 1` the result of layer i.
    pub fn sources(&self, index: usize) -> Vec<usize> {
        match &*self.layers[index].sources {
            [] => vec![index],
            sources => sources.to_vec(),
        }
    }

    /// The layers that read a tensor.
    pub fn readers(&self, tensor: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.layers.len()).filter(move |&index| self.sources(index).contains(&tensor))
    }

    /// The activation that reads the sums of layer `index`; `None` if none does, as behind the last layer.
    pub fn reader(&self, index: usize) -> Option<&ActivationSpec> {
        self.readers(index + 1)
            .find_map(|reader| match &self.layers[reader].op {
                Op::Activation(act) => Some(act),
                _ => None,
            })
    }

    /// The facts of every tensor, the input's first.
    ///
    /// # Errors
    /// The first layer that cannot read what comes to it, and why.
    pub fn flow(&self) -> Result<Vec<Tensor>, (usize, FlowError)> {
        let mut tensors = vec![self.input.tensor()];
        for (index, layer) in self.layers.iter().enumerate() {
            let operands = self.sources(index).into_iter().map(|tensor| {
                tensors.get(tensor).ok_or(FlowError::Order {
                    tensor,
                    tensors: tensors.len(),
                })
            });
            let operands: Result<Vec<&Tensor>, FlowError> = operands.collect();
            let result = operands.and_then(|operands| layer.op.result(&operands));
            tensors.push(result.map_err(|error| (index, error))?);
        }
        self.check_readers(&tensors)?;
        Ok(tensors)
    }

    fn check_readers(&self, tensors: &[Tensor]) -> Result<(), (usize, FlowError)> {
        let last = self.layers.len().wrapping_sub(1);
        for index in 0..self.layers.len() {
            let kind = tensors[index + 1].kind;
            let readers = self.readers(index + 1).count();
            let law = match (kind, readers) {
                (TensorKind::Values | TensorKind::Tokens, _) if index == last => "scores are sums",
                (_, 1..) if index == last => "nothing reads the scores",
                (TensorKind::Accumulators, 0 | 2..) if index != last => {
                    "one table reads accumulators"
                }
                (_, 0) if index != last => "every result is read",
                _ => continue,
            };
            return Err((index, FlowError::Readers(readers, law)));
        }
        Ok(())
    }
}

impl Input {
    /// The facts of the input.
    pub fn tensor(&self) -> Tensor {
        Tensor {
            shape: match self.tokens {
                Some(Tokens {
                    vocabulary,
                    encoding: Encoding::OneHot,
                }) => vec![vocabulary, self.shape.iter().product()],
                Some(_) => vec![self.shape.iter().product()],
                None => self.shape.to_vec(),
            },
            range: Range::unsigned(self.bits),
            odd: false,
            kind: match self.tokens {
                None => TensorKind::Values,
                Some(_) => TensorKind::Tokens,
            },
        }
    }
}

impl Tensor {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape
            .iter()
            .fold(1, |values, &extent| values.saturating_mul(extent))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Op {
    /// The facts of the result of reading these tensors.
    ///
    /// # Errors
    /// Why it cannot read them.
    pub fn result(&self, operands: &[&Tensor]) -> Result<Tensor, FlowError> {
        let (least, most, takes) = match self {
            Op::Mul => (2, 2, "two tensors"),
            Op::Add | Op::Concat => (2, usize::MAX, "two tensors and more"),
            _ => (1, 1, "one tensor"),
        };
        let (&[first, ..], true) = (operands, (least..=most).contains(&operands.len())) else {
            let reads = operands.len();
            return Err(FlowError::Arity { takes, reads });
        };
        self.check_kinds(operands)?;
        self.check_shapes(operands)?;
        let result = self.facts(first, operands);
        match result.len() as u64 {
            1..=MAX_VALUES => Ok(result),
            _ => Err(FlowError::Values(result.len())),
        }
    }

    fn check_kinds(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        use TensorKind::{Accumulators, Sums, Tokens, Values};
        let (takes, kinds): (_, &[TensorKind]) = match self {
            Op::Activation(_) => ("accumulators or sums", &[Accumulators, Sums]),
            Op::Embedding(_) => ("tokens", &[Tokens]),
            _ => ("values", &[Sums, Values]),
        };
        let wrong = operands.iter().find(|tensor| !kinds.contains(&tensor.kind));
        wrong.map_or(Ok(()), |tensor| {
            let gets = tensor.kind;
            Err(FlowError::Kind { takes, gets })
        })
    }

    fn check_shapes(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        let first = operands[0];
        let expect = |expected: &[usize], actual: &[usize]| match expected == actual {
            true => Ok(()),
            false => Err(FlowError::Shape {
                expected: expected.to_vec(),
                actual: actual.to_vec(),
            }),
        };
        let windows = |window: &Window, flat| {
            window.check().map_err(FlowError::Window)?;
            expect(&extents(window.channels, window.input, flat), &first.shape)
        };
        let others = &operands[1..];
        match self {
            Op::Dense(dense) if dense.inputs == first.len() => Ok(()),
            Op::Dense(dense) => expect(&[dense.inputs], &first.shape),
            Op::Conv(conv) => windows(&conv.window, conv.flat),
            Op::Pool(pool) => windows(&pool.window, pool.flat),
            Op::Embedding(e) => match e.encoding {
                Encoding::OneHot => expect(&[e.vocabulary, e.positions], &first.shape),
                Encoding::Number => expect(&[e.positions], &first.shape),
            },
            Op::Add | Op::Mul => others
                .iter()
                .try_for_each(|other| expect(&first.shape, &other.shape)),
            Op::Concat => others.iter().try_for_each(|other| {
                let mut expected = first.shape.clone();
                expected[0] = other.shape[0];
                expect(&expected, &other.shape)
            }),
            Op::Activation(_) | Op::Flatten => Ok(()),
        }
    }

    fn facts(&self, first: &Tensor, operands: &[&Tensor]) -> Tensor {
        let all_odd = operands.iter().all(|tensor| tensor.odd);
        let ranges = operands[1..].iter().map(|tensor| tensor.range);
        let sums = |shape: Vec<usize>, range| Tensor {
            shape,
            range,
            odd: false,
            kind: TensorKind::Sums,
        };
        let values = |shape: Vec<usize>, range, odd| Tensor {
            shape,
            range,
            odd,
            kind: TensorKind::Values,
        };
        match self {
            Op::Dense(dense) => Tensor {
                shape: vec![dense.outputs],
                range: Range::signed(dense.accumulator),
                odd: false,
                kind: TensorKind::Accumulators,
            },
            Op::Conv(conv) => Tensor {
                shape: extents(conv.window.outputs, conv.window.output(), conv.flat),
                range: Range::signed(conv.accumulator),
                odd: false,
                kind: TensorKind::Accumulators,
            },
            Op::Embedding(e) => {
                let hi = max_weight(e.weights);
                values(vec![e.dimension, e.positions], Range { lo: -hi, hi }, false)
            }
            Op::Activation(act) => {
                let mut shape = first.shape.clone();
                shape[0] = shape[0].saturating_mul(act.phases as usize);
                let odd = act.function.is_antiperiodic();
                values(shape, act.function.range(act.output), odd)
            }
            Op::Pool(pool) => {
                let shape = extents(pool.window.outputs, pool.window.output(), pool.flat);
                match pool.kind {
                    Pool::Max => values(shape, first.range, first.odd),
                    Pool::Average => sums(shape, pool.range(first.range)),
                }
            }
            Op::Add => sums(first.shape.clone(), ranges.fold(first.range, Range::plus)),
            Op::Mul => {
                let others = ranges.fold(first.range, Range::times);
                sums(first.shape.clone(), others)
            }
            Op::Concat => {
                let mut shape = first.shape.clone();
                shape[0] = operands.iter().map(|tensor| tensor.shape[0]).sum();
                values(shape, ranges.fold(first.range, Range::hull), all_odd)
            }
            Op::Flatten => values(vec![first.len()], first.range, first.odd),
        }
    }
}

impl PoolSpec {
    /// The range of the results for inputs of a range. Padding counts as 0 in an average.
    pub fn range(&self, input: Range) -> Range {
        match (self.kind, self.window.pads()) {
            (Pool::Max, _) => input,
            (Pool::Average, pads) => {
                let taps = self.window.taps() as i64;
                let sum = input.times(Range { lo: taps, hi: taps });
                match pads {
                    false => sum,
                    true => sum.hull(Range { lo: 0, hi: 0 }),
                }
            }
        }
    }
}

/// The shape of so many channels of an area; of height 1 and flat, of a length.
pub(super) fn extents(channels: usize, [down, across]: [usize; 2], flat: bool) -> Vec<usize> {
    match flat {
        true => vec![channels, across],
        false => vec![channels, down, across],
    }
}
