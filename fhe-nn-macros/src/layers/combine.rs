//! `Add`, `Mul`, `Concat` and `Flatten`, whose types say everything.

use fhe_nn_proof::spec::{Combine, Op};

use crate::check::reads::Reads;
use crate::errors::Error;

/// Checks that the shapes of its operands fit together.
pub(super) fn agree(reads: &mut Reads<'_>, combine: Combine) -> Option<Op> {
    let shapes: Vec<&Vec<usize>> = reads.operands().map(|tensor| &tensor.shape).collect();
    let (op, what) = match combine {
        Combine::Add => (Op::Add, "adds"),
        Combine::Mul => (Op::Mul, "multiplies"),
        Combine::Concat => (Op::Concat, "puts together"),
        Combine::Flatten => return Some(Op::Flatten),
    };
    let first = shapes[0];
    let fits = |shape: &[usize]| match combine {
        Combine::Concat => shape.get(1..) == first.get(1..),
        _ => Combine::repeats(first, shape).is_some(),
    };
    let other = shapes.iter().find(|shape| !fits(shape));
    if let (true, Some(other)) = (reads.known, other) {
        let law = format!(
            "`{}` {what} {first:?} and {other:?}, which do not fit",
            reads.layer.name
        );
        let note = match combine {
            Combine::Concat => "all extents but the first must be the same",
            _ => {
                "all extents must be the same, or the tensors after the first have one value for each channel"
            }
        };
        let ways = reads.layer.sources.iter().map(|&source| reads.way(source));
        let ways: Vec<String> = ways.collect();
        reads.errors.push(
            Error::new(reads.layer.place_of_sources(), law)
                .note(format!("{note}\n{}", ways.join("\n")))
                .help("name fields of one shape"),
        );
        return None;
    }
    Some(op)
}

/// Why an activation that reads what `found` moved is of no use.
pub(super) fn before_an_activation(found: &str) -> String {
    format!("`{found}` only moves values: apply a function where they are made")
}
