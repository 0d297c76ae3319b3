//! What a layer makes of the tensors that it reads: the facts of its result, or why it cannot read them.

use super::flow_error::FlowError;
use super::tensor::{Tensor, TensorKind};
use super::{Encoding, Op, Pool, PoolSpec, Window};
use crate::widths::{MAX_VALUES, Range, max_weight};

impl Op {
    /// The facts of the result of reading these tensors.
    ///
    /// # Errors
    /// Why it cannot read them.
    pub fn result(&self, operands: &[&Tensor]) -> Result<Tensor, FlowError> {
        let (least, most, takes) = match self {
            Op::Mul => (2, 2, "2 tensors"),
            Op::Add | Op::Concat => (2, usize::MAX, "at least 2 tensors"),
            _ => (1, 1, "1 tensor"),
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
            expect(&window.input_shape(flat), &first.shape)
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
                shape: conv.window.output_shape(conv.flat),
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
                let shape = pool.window.output_shape(pool.flat);
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
                let range = ranges.fold(first.range, Range::hull);
                let is_sums = |tensor: &&Tensor| tensor.kind == TensorKind::Sums;
                match operands.iter().all(is_sums) {
                    true => sums(shape, range),
                    false => values(shape, range, all_odd),
                }
            }
            Op::Flatten => Tensor {
                shape: vec![first.len()],
                ..first.clone()
            },
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
