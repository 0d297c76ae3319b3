//! The models of the cases in `tests/ui/weights` and of `tests/embedded.rs`.

use std::path::PathBuf;

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::model::to_bytes;
use fhe_nn_proof::part::{Linear, Part, Tables};
use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, array};

use super::tokens;
use crate::{check, parse};

/// Three layers, the last of which may reach more than its width holds.
const BOTH: &str = "struct Both {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 1)]
    both: Relu,
    #[bits(weights = 4, accumulator = 3)]
    scores: Dense<1, 2>,
}";

/// Scores of 20 bits, behind weights of 12.
const WIDE: &str = "struct Wide {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 8)]
    both: Relu,
    #[bits(weights = 12)]
    scores: Dense<1, 2>,
}";

/// Scores of 20 bits, behind weights of 7.
const NOISY: &str = "struct Noisy {
    #[bits(weights = 3, accumulator = 3)]
    sum: Dense<2, 1>,
    #[bits(output = 1)]
    both: Relu,
    #[bits(weights = 7, accumulator = 20, overflow = calibrated)]
    scores: Dense<1, 2>,
}";

/// Sums of more bits than are read encrypted.
const TALL: &str = "struct Tall {
    #[bits(weights = 16)]
    sum: Dense<2, 2>,
    #[bits(output = 1, table = 8)]
    both: Relu,
    #[bits(weights = 4)]
    scores: Dense<2, 2>,
}";

/// Tables that drop bits, exactly and approximately.
const DEEP: &str = "struct Deep {
    #[bits(weights = 8)]
    sum: Dense<2, 2>,
    #[bits(output = 2, table = 4)]
    exact: Relu,
    #[bits(weights = 8)]
    next: Dense<2, 1>,
    #[bits(output = 1, table = 3, rounding = approximate)]
    near: Relu,
    #[bits(weights = 4)]
    scores: Dense<1, 2>,
}";

#[test]
fn the_models_of_the_cases_are_these() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/ui/weights/models"
    ));
    let other = spec(
        "struct Other { #[bits(weights = 3)] scores: Dense<2, 1> }",
        1,
    );
    let (both, wide, noisy) = (spec(BOTH, 1), spec(WIDE, 1), spec(NOISY, 1));
    let ones = || array![[1, 1]];
    let good = model(&both, [(ones(), 3), (array![[1], [-2]], 3)]);
    let cases = [
        // with weights of 4 bits, [0, 4] takes four bits
        (
            "one_too_many",
            model(&both, [(ones(), 3), (array![[3], [4]], 3)]),
        ),
        (
            "both_too_many",
            model(&both, [(ones(), 3), (array![[4], [-5]], 3)]),
        ),
        ("narrow", model(&both, [(ones(), 3), (array![[1], [3]], 2)])),
        (
            "other",
            to_bytes(&other, &[Part::Linear(linear(ones(), 3).into())]),
        ),
        (
            "wide",
            model(&wide, [(ones(), 3), (array![[2047], [-2047]], 20)]),
        ),
        (
            "noisy",
            model(&noisy, [(ones(), 3), (array![[63], [-63]], 20)]),
        ),
        (
            "tall",
            model(
                &spec(TALL, 8),
                [
                    (array![[32767, 1], [1, 32767]], 24),
                    (array![[1, 0], [0, -2]], 3),
                ],
            ),
        ),
        (
            "deep",
            model(
                &spec(DEEP, 1),
                [
                    (array![[127, 100], [90, -80]], 9),
                    (array![[127, 63]], 11),
                    (array![[1], [-2]], 3),
                ],
            ),
        ),
        ("corrupt", good[..100].to_vec()),
        ("good", good),
    ];
    for (name, bytes) in cases {
        let path = folder.join(name).with_extension("safetensors");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &bytes).expect("writable");
        }
        assert!(std::fs::read(&path).expect("readable") == bytes, "{name}");
    }
}

fn spec(network: &str, bits: u32) -> Spec {
    let input = format!("input(shape = [2], bits = {bits})");
    let parsed = parse::parse(tokens(&input), tokens(network));
    let spec = parsed.and_then(|network| check::check(&network));
    spec.unwrap_or_else(|errors| panic!("{}", errors[0].message()))
}

/// Weights and widths of linear layers, with tables between them that are 1 in their last quarter.
fn model<const N: usize>(spec: &Spec, layers: [(Array2<i16>, u32); N]) -> Vec<u8> {
    let mut parts = Vec::new();
    for (weights, width) in layers {
        let neurons = weights.nrows();
        parts.push(Part::Linear(linear(weights, width).into()));
        if let Some(act) = spec.reader(parts.len() - 1) {
            let size = 1 << act.table_bits(width);
            let table: Vec<i16> = (0..size).map(|r| i16::from(4 * r >= 3 * size)).collect();
            let tables = vec![&*table; neurons];
            parts.push(Part::Tables(Tables::new(tables).into()));
        }
    }
    to_bytes(spec, &parts)
}

fn linear(weights: Array2<i16>, width: u32) -> Linear {
    let neurons = weights.nrows();
    Linear {
        weights,
        constants: vec![0; neurons],
        widths: vec![width; neurons],
        scales: vec![1.0; neurons],
        bias: vec![0.0; neurons],
        input: Affine {
            scale: 1.0,
            zero_point: 0,
        }
        .into(),
    }
}
