//! Accumulators from values: integer combinations of ciphertexts.
//!
//! The ciphertexts of a layer are a matrix, one row each; the accumulators are the product of the
//! integer weights with it, plus each neuron's phase in the last column, the bodies. The matrix is
//! cut into blocks of columns that stay in a core's cache while every neuron passes over them.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::Ciphertexts;
use super::lanes::{Kernel, Lanes, Processor};
use crate::graph::LinearOp;

/// Columns of a block: with the 784 inputs of an MNIST image, a block is 400 kB.
const BLOCK: usize = 64;

/// `acc_j = 2^(A - A_j) (phase_j + sum_i w_ij x_i)`: a neuron narrower than the layer's widest
/// accumulator counts modulo its own power of two.
pub(super) fn accumulate(op: &LinearOp<'_>, values: &Ciphertexts) -> Ciphertexts {
    let inputs = values.split(op.layer.inputs());
    Ciphertexts::concat(inputs.map(|values| accumulate_one(op, &values)))
}

fn accumulate_one(op: &LinearOp<'_>, values: &Ciphertexts) -> Ciphertexts {
    let (size, neurons) = (values.dimension() + 1, op.layer.outputs());
    let widest = op.layer.widths.iter().copied().max().unwrap_or(1);
    let shifts: Vec<u32> = op
        .layer
        .widths
        .iter()
        .map(|&width| widest - width)
        .collect();
    let processor = Processor::detect();
    let blocks: Vec<Vec<u64>> = (0..size.div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let columns = block * BLOCK..size.min((block + 1) * BLOCK);
            let inputs: Vec<&[u64]> = values.rows().map(|row| &row[columns.clone()]).collect();
            let mut sums = vec![0u64; neurons * columns.len()];
            processor.run(Sums {
                weights: op.layer.weights.view(),
                shifts: &shifts,
                inputs: &inputs,
                sums: &mut sums,
            });
            sums
        })
        .collect();
    let mut accumulators = Ciphertexts::zero(values.dimension(), neurons);
    accumulators
        .par_rows_mut()
        .enumerate()
        .for_each(|(j, row)| {
            for (to, from) in row.chunks_mut(BLOCK).zip(&blocks) {
                to.copy_from_slice(&from[j * to.len()..(j + 1) * to.len()]);
            }
            let modulus_bits = op.reader.modulus_bits(op.layer.widths[j]);
            let phase = (op.layer.phases[j] as u64).wrapping_shl(64 - modulus_bits);
            let body = &mut row[values.dimension()];
            *body = body.wrapping_add(phase);
        });
    accumulators
}

/// One block of columns: for every neuron, the sum of its weights times the inputs' rows.
struct Sums<'a> {
    weights: ArrayView2<'a, i16>,
    shifts: &'a [u32],
    inputs: &'a [&'a [u64]],
    sums: &'a mut [u64],
}

impl Kernel for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let columns = self.sums.len() / self.shifts.len();
        let neurons = self.weights.rows().into_iter().zip(self.shifts);
        for (sum, (weights, shift)) in self.sums.chunks_exact_mut(columns).zip(neurons) {
            for (&weight, input) in weights.iter().zip(self.inputs) {
                add_multiple(sum, weight, input);
            }
            for x in sum {
                *x <<= shift;
            }
        }
    }
}

/// `sum += weight x input`. Most weights of small networks are 0, 1 and -1.
#[inline(always)]
fn add_multiple(sum: &mut [u64], weight: i16, input: &[u64]) {
    let pairs = sum.iter_mut().zip(input);
    match weight {
        0 => {}
        1 => {
            for (sum, &x) in pairs {
                *sum = sum.wrapping_add(x);
            }
        }
        -1 => {
            for (sum, &x) in pairs {
                *sum = sum.wrapping_sub(x);
            }
        }
        _ => {
            let weight = i64::from(weight) as u64;
            for (sum, &x) in pairs {
                *sum = sum.wrapping_add(x.wrapping_mul(weight));
            }
        }
    }
}
