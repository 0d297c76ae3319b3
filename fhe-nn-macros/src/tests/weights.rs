//! The models of the cases in `tests/ui/weights`: a network of three layers, of which the last neuron may
//! reach one more than its width holds.

use std::path::PathBuf;

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::model::to_bytes;
use fhe_nn_proof::part::{Linear, Part, PartRef, Tables};
use fhe_nn_proof::spec::Spec;
use ndarray::{Array2, array};

use super::tokens;
use crate::{check, parse};

const NETWORK: &str = "struct Both {
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

#[test]
fn the_models_of_the_cases_are_these() {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/ui/weights/models"
    ));
    let other = spec("struct Other { #[bits(weights = 3)] scores: Dense<2, 1> }");
    let (both, wide) = (spec(NETWORK), spec(WIDE));
    let cases = [
        ("good", model(&both, array![[1], [-2]])),
        // of weights of 4 bits, [0, 4] takes four bits
        ("one_too_many", model(&both, array![[3], [4]])),
        (
            "other",
            to_bytes(&other, &[PartRef::Linear(&linear(array![[1, 1]], 3))]),
        ),
        ("wide", model_of(&wide, array![[2047], [-2047]], 20)),
        ("corrupt", model(&both, array![[1], [-2]])[..100].to_vec()),
    ];
    for (name, bytes) in cases {
        let path = folder.join(name).with_extension("safetensors");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &bytes).expect("writable");
        }
        assert_eq!(std::fs::read(&path).expect("readable"), bytes, "{name}");
    }
}

fn spec(network: &str) -> Spec {
    let parsed = parse::parse(tokens("input(shape = [2], bits = 1)"), tokens(network));
    let spec = parsed.and_then(|network| check::check(&network));
    spec.unwrap_or_else(|errors| panic!("{}", errors[0].message()))
}

fn model(spec: &Spec, last: Array2<i16>) -> Vec<u8> {
    model_of(spec, last, 3)
}

fn model_of(spec: &Spec, last: Array2<i16>, width: u32) -> Vec<u8> {
    let table: [i16; 8] = [0, 0, 0, 0, 0, 0, 1, 1];
    let parts = [
        Part::Linear(linear(array![[1, 1]], 3)),
        Part::Tables(Tables::new([&table[..]])),
        Part::Linear(linear(last, width)),
    ];
    to_bytes(spec, &parts.each_ref().map(Part::as_ref))
}

fn linear(weights: Array2<i16>, width: u32) -> Linear {
    let neurons = weights.nrows();
    Linear {
        weights,
        phases: vec![0; neurons],
        widths: vec![width; neurons],
        scales: vec![1.0; neurons],
        bias: vec![0.0; neurons],
        input: Affine {
            scale: 1.0,
            zero_point: 0,
        },
    }
}
