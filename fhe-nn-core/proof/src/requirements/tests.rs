use std::borrow::Cow;

use crate::widths::{Lattice, Reader};
use ndarray::{Array2, array};

use super::*;
use crate::graph::{Fixed, Map, Table};

#[test]
fn neurons_with_equal_or_opposite_weights_are_twins() {
    let weights = array![[1, 2], [0, 0], [-1, -2], [2, 1], [0, 0], [1, 2]];
    let (_, kinds) = look_up(Trace::new(2), &weights, &[8; 6], 1);
    assert_eq!(kinds, [2, 3, 2, 5, 6, 2]);
}

#[test]
fn neurons_that_read_twins_alike_are_twins() {
    let (trace, kinds) = look_up(Trace::new(2), &array![[1, 0], [1, 0], [0, 1]], &[8; 3], 1);
    assert_eq!(kinds, [2, 2, 4]);
    let weights = array![[1, 0, 2], [0, 1, 2], [1, 1, 2]];
    assert_eq!(look_up(trace, &weights, &[8; 3], 1).1, [5, 5, 7]);
    let (trace, kinds) = look_up(Trace::new(2), &array![[1, 0], [1, 1], [0, 1]], &[8; 3], 1);
    assert_eq!(kinds, [2, 3, 4]);
    assert_eq!(look_up(trace, &weights, &[8; 3], 1).1, [5, 6, 7]);
}

#[test]
fn neurons_whose_ciphertexts_are_scaled_to_be_equal_are_twins() {
    let weights = array![[1, 2], [2, 4], [2, 4]];
    let (_, kinds) = look_up(Trace::new(2), &weights, &[7, 8, 7], 1);
    assert_eq!(kinds, [2, 2, 4]);
}

#[test]
fn values_of_different_phases_are_no_twins() {
    let (trace, _) = look_up(Trace::new(1), &array![[1]], &[8], 2);
    let (_, kinds) = look_up(trace, &array![[1, 0], [0, 1], [1, 0]], &[8; 3], 1);
    assert_eq!(kinds, [2, 3, 2]);
}

/// The same value taken twice counts twice, not as two values.
#[test]
fn weights_of_one_value_add_up() {
    let (mut trace, _) = look_up(Trace::new(1), &array![[3]], &[8], 1);
    let twice = Map::Rows(crate::graph::Rows::each(1, &[(2, 1), (1, 1)]));
    let op = LinearOp {
        map: twice,
        constants: Cow::Borrowed(&[]),
        stage: 0,
    };
    assert_eq!(trace.sums(&op, &[2, 2]).expect("few terms"), [[(1, 3)]]);
}

/// A file from elsewhere may declare sums of sums whose terms would not fit memory.
#[test]
fn terms_are_counted_over_all_sums() {
    let weights = array![[1, 1], [1, 1]];
    let op = LinearOp {
        map: Map::Dense(&weights),
        constants: Cow::Borrowed(&[]),
        stage: 0,
    };
    let mut trace = Trace::new(2);
    assert_eq!(trace.sums(&op, &[0]).expect("four terms").len(), 2);
    assert_eq!(trace.terms, 4);
    trace.terms = MAX_TRACED - 3;
    assert_eq!(trace.sums(&op, &[0]), Err(MAX_TRACED + 1));
}

/// Looks up sums of the last tensor, and returns the kinds of the bootstraps.
fn look_up(
    mut trace: Trace,
    weights: &Array2<i16>,
    widths: &[u32],
    phases: u32,
) -> (Trace, Vec<usize>) {
    let op = LinearOp {
        map: Map::Dense(weights),
        constants: Cow::Borrowed(&[]),
        stage: 0,
    };
    let sums = trace.sums(&op, &[trace.tensors.len() - 1]);
    let sums = sums.expect("few terms");
    let read = Read {
        stage: 0,
        reader: Reader::Padded,
        widths: Cow::Borrowed(widths),
        lattices: vec![
            Lattice {
                step_bits: 0,
                offset: 0
            };
            widths.len()
        ],
        positions: 1,
    };
    let op = LookupOp {
        read,
        table: Table::Fixed(Fixed::Positive),
        bits: None,
        rounding: Rounding::Exact,
        phases,
        next: 0,
    };
    let first = trace.atoms.len();
    let sources = trace.sources_of(&[trace.tensors.len() - 1]);
    trace.push(sums, sources);
    let results = trace.bootstraps(&op, trace.tensors.len() - 1);
    trace.push(results, vec![1]);
    let own = &trace.atoms[first..first + widths.len()];
    let kinds = own.iter().map(|atom| atom.kind).collect();
    (trace, kinds)
}
