//! Accumulators from values: integer combinations of ciphertexts.
//!
//! The ciphertexts of a layer are a matrix, one row each; the accumulators are the product of the
//! integer weights with it, plus each neuron's phase in the last column, the bodies. The matrix is
//! cut into blocks of columns that stay in a core's cache while every neuron passes over them.

use ndarray::ArrayView1;
use rayon::prelude::*;

use super::Ciphertexts;
use super::lanes::{Kernel, Lanes, Processor};
use crate::graph::LinearOp;

/// Columns of a block: with the 784 inputs of an MNIST image, a block is 400 kB.
const BLOCK: usize = 64;

/// A step of the widest accumulator is `step`, in units of `2^-64` of the torus.
///
/// `acc_j = 2^(A - A_j) (phase_j + sum_i w_ij x_i)`: a neuron narrower than the layer's widest
/// accumulator counts modulo its own power of two.
pub(super) fn accumulate(op: &LinearOp<'_>, values: &Ciphertexts, step: u64) -> Ciphertexts {
    let (size, neurons) = (values.dimension() + 1, op.layer.outputs());
    let widest = op.layer.widths.iter().copied().max().unwrap_or(1);
    let rows = op.layer.weights.rows().into_iter();
    let terms: Vec<Terms> = rows
        .zip(&op.layer.widths)
        .map(|(weights, width)| Terms::new(weights, widest - width))
        .collect();
    let inputs = op.layer.inputs();
    let mut accumulators = Ciphertexts::zero(values.dimension(), values.len() / inputs * neurons);
    let images = values.data().chunks_exact(inputs * size);
    for (to, from) in accumulators
        .data_mut()
        .chunks_exact_mut(neurons * size)
        .zip(images)
    {
        let blocks: Vec<Vec<[u64; BLOCK]>> = (0..size.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| block_of_sums(&terms, from, size, block))
            .collect();
        to.par_chunks_exact_mut(size)
            .enumerate()
            .for_each(|(j, row)| {
                for (to, from) in row.chunks_mut(BLOCK).zip(&blocks) {
                    to.copy_from_slice(&from[j][..to.len()]);
                }
                let step = step.wrapping_shl(widest - op.layer.widths[j]);
                let phase = (op.layer.phases[j] as u64).wrapping_mul(step);
                let body = &mut row[size - 1];
                *body = body.wrapping_add(phase);
            });
    }
    accumulators
}

/// Every neuron's sums in one block of columns of ciphertexts of `size` elements.
fn block_of_sums(
    terms: &[Terms],
    ciphertexts: &[u64],
    size: usize,
    block: usize,
) -> Vec<[u64; BLOCK]> {
    let columns = block * BLOCK..size.min((block + 1) * BLOCK);
    let inputs: Vec<[u64; BLOCK]> = ciphertexts
        .chunks_exact(size)
        .map(|row| {
            let mut input = [0; BLOCK];
            input[..columns.len()].copy_from_slice(&row[columns.clone()]);
            input
        })
        .collect();
    let mut sums = vec![[0; BLOCK]; terms.len()];
    Processor::detect().run(Sums {
        terms,
        inputs: &inputs,
        sums: &mut sums,
    });
    sums
}

/// The weights of one neuron, sorted: most of small networks are 0, 1 and -1, and a processor that
/// adds, then subtracts, then multiplies need not guess which comes next.
struct Terms {
    plus: Vec<usize>,
    minus: Vec<usize>,
    others: Vec<(usize, u64)>,
    shift: u32,
}

impl Terms {
    fn new(weights: ArrayView1<'_, i16>, shift: u32) -> Self {
        let of = |one| weights.iter().enumerate().filter(move |(_, w)| **w == one);
        let others = weights
            .iter()
            .enumerate()
            .filter(|(_, w)| !(-1..=1).contains(*w));
        Terms {
            plus: of(1).map(|(i, _)| i).collect(),
            minus: of(-1).map(|(i, _)| i).collect(),
            others: others.map(|(i, &w)| (i, i64::from(w) as u64)).collect(),
            shift,
        }
    }
}

/// One block of columns: for every neuron, the sum of its weights times the inputs.
struct Sums<'a> {
    terms: &'a [Terms],
    inputs: &'a [[u64; BLOCK]],
    sums: &'a mut [[u64; BLOCK]],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        for (sum, terms) in self.sums.iter_mut().zip(self.terms) {
            for &i in &terms.plus {
                for (sum, &x) in sum.iter_mut().zip(&self.inputs[i]) {
                    *sum = sum.wrapping_add(x);
                }
            }
            for &i in &terms.minus {
                for (sum, &x) in sum.iter_mut().zip(&self.inputs[i]) {
                    *sum = sum.wrapping_sub(x);
                }
            }
            for &(i, weight) in &terms.others {
                for (sum, &x) in sum.iter_mut().zip(&self.inputs[i]) {
                    *sum = sum.wrapping_add(x.wrapping_mul(weight));
                }
            }
            for x in sum {
                *x <<= terms.shift;
            }
        }
    }
}
