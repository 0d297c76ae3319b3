//! Sums of values, which are integer combinations of ciphertexts.
//!
//! The ciphertexts of a layer form a matrix with one row for each. The sums are the product of the integer
//! weights with it, plus a constant for each sum in the last column, the bodies. The matrix is cut into
//! blocks of columns that stay in a core's cache while every sum passes over them.

use rayon::prelude::*;

use crate::lanes::{Kernel, Lanes, Processor};
use crate::wire::Ciphertexts;
use fhe_nn_proof::graph::{LinearOp, Map};

/// Number of columns of a block. With the 784 inputs of an MNIST image, a block is 400 kB.
const BLOCK: usize = 64;

/// Computes `sum_j = constant_j + sum_i w_ij x_i` for every image. A unit of the values is `step`, in units
/// of `2^-64` of the torus. All operands are under one key.
pub(super) fn accumulate(
    op: &LinearOp<'_>,
    operands: &[&Ciphertexts],
    images: usize,
    step: u64,
) -> Ciphertexts {
    let dimension = operands.first().map_or(0, |operand| operand.dimension());
    let (size, sums) = (dimension + 1, op.map.len());
    let lens: Vec<usize> = operands
        .iter()
        .map(|operand| operand.len() / images.max(1))
        .collect();
    let starts: Vec<usize> = lens
        .iter()
        .scan(0, |start, len| Some(std::mem::replace(start, *start + len)))
        .collect();
    let terms: Vec<Terms> = (0..sums).map(|j| Terms::new(&op.map, j, &starts)).collect();
    let constants: Vec<u64> = (0..sums).map(|j| op.constant(j) as u64).collect();
    let count = images.checked_mul(sums);
    let count = count.expect("ciphertexts are no more than memory holds");
    let mut all = Ciphertexts::zero(dimension, count);
    for (image, to) in all
        .data_mut()
        .chunks_exact_mut((sums * size).max(1))
        .enumerate()
    {
        let mut from: Vec<&[u64]> = Vec::new();
        for (operand, len) in operands.iter().zip(&lens) {
            from.extend((image * len..(image + 1) * len).map(|index| operand.row(index)));
        }
        let blocks: Vec<Vec<[u64; BLOCK]>> = (0..size.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| block_of_sums(&terms, &from, size, block))
            .collect();
        to.par_chunks_exact_mut(size)
            .enumerate()
            .for_each(|(j, row)| {
                for (to, from) in row.chunks_mut(BLOCK).zip(&blocks) {
                    to.copy_from_slice(&from[j][..to.len()]);
                }
                let body = &mut row[size - 1];
                *body = body.wrapping_add(constants[j].wrapping_mul(step));
            });
    }
    all
}

/// Computes every neuron's sums in one block of columns of ciphertexts of `size` elements.
fn block_of_sums(
    terms: &[Terms],
    ciphertexts: &[&[u64]],
    size: usize,
    block: usize,
) -> Vec<[u64; BLOCK]> {
    let columns = block * BLOCK..size.min((block + 1) * BLOCK);
    let inputs: Vec<[u64; BLOCK]> = ciphertexts
        .iter()
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

/// The weights of one sum, sorted by value. Most weights of small networks are 0, 1 and -1, and a processor
/// that adds, then subtracts, then multiplies need not guess which comes next.
struct Terms {
    plus: Vec<u32>,
    minus: Vec<u32>,
    others: Vec<(u32, u64)>,
}

impl Terms {
    /// Sorts the weights of sum `j`, over operands that begin at the places `starts`.
    fn new(map: &Map<'_>, j: usize, starts: &[usize]) -> Self {
        let (mut plus, mut minus, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for term in map.terms(j) {
            let i = (starts[term.operand] + term.index) as u32;
            match term.weight {
                0 => {}
                1 => plus.push(i),
                -1 => minus.push(i),
                weight => others.push((i, weight as u64)),
            }
        }
        Terms {
            plus,
            minus,
            others,
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
                for (sum, &x) in sum.iter_mut().zip(&self.inputs[i as usize]) {
                    *sum = sum.wrapping_add(x);
                }
            }
            for &i in &terms.minus {
                for (sum, &x) in sum.iter_mut().zip(&self.inputs[i as usize]) {
                    *sum = sum.wrapping_sub(x);
                }
            }
            for &(i, weight) in &terms.others {
                for (sum, &x) in sum.iter_mut().zip(&self.inputs[i as usize]) {
                    *sum = sum.wrapping_add(x.wrapping_mul(weight));
                }
            }
        }
    }
}
