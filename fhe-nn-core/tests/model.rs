//! Model files: what is loaded equals what was saved, and changed files are refused.

mod changed;
mod checksum;
mod refusals;

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_proof::prove::prove;
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use safetensors::SafeTensors;

use self::changed::without_checksum;

#[fhe_network(input(shape = [3], bits = 4))]
#[derive(Debug, Clone, PartialEq)]
struct Mixed {
    #[bits(weights = 4)]
    fc1: Dense<3, 4>,
    #[bits(output = 3, table = 5)]
    act1: Tanh,
    #[bits(weights = 10)]
    fc2: Dense<4, 2>,
    #[bits(table = 6)]
    sign: Sign,
    #[bits(weights = 3, accumulator = 3, overflow = wrap)]
    fc3: Dense<2, 2>,
    #[bits(output = 2, phases = 2)]
    wave: Wave,
    #[bits(weights = 4, overflow = calibrated)]
    fc4: Dense<4, 2>,
}

fn mixed(seed: f32) -> Mixed {
    let mut floats = Floats::new();
    for (name, outputs, inputs) in [("fc1", 4, 3), ("fc2", 2, 4), ("fc3", 2, 2), ("fc4", 2, 4)] {
        let wave = |(j, i): (usize, usize)| (seed + 5.3 * j as f32 + 2.9 * i as f32).sin();
        let weights = Array2::from_shape_fn((outputs, inputs), wave);
        let bias = Array1::from_shape_fn(outputs, |j| wave((j, 77)));
        floats
            .insert(format!("{name}.weight"), weights.into_dyn())
            .expect("finite");
        floats
            .insert(format!("{name}.bias"), bias.into_dyn())
            .expect("finite");
    }
    Mixed::quantize(&floats, inputs(seed).view())
        .expect("quantizable")
        .network
}

fn inputs(seed: f32) -> Array2<f32> {
    Array2::from_shape_fn((40, 3), |(n, i)| (seed + n as f32 * 0.7 + i as f32).sin())
}

#[test]
fn files_are_saved_and_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mixed.safetensors");
    let model = mixed(1.0);
    model.save(&path).expect("written");
    assert_eq!(Mixed::load(&path).expect("read"), model);
    assert!(matches!(
        Mixed::load(folder.path().join("none")),
        Err(Error::Read { .. })
    ));
    assert!(matches!(
        model.save(folder.path()),
        Err(Error::Write { .. })
    ));
    let sparse = std::fs::File::create(&path).expect("a file");
    sparse.set_len((1 << 30) + 1).expect("a sparse file");
    let reason = "the file has 1073741825 bytes, but at most 1073741824 are read";
    assert_eq!(
        Mixed::load(&path).expect_err("too large").to_string(),
        format!("model `{}`: {reason}", path.display())
    );
}

#[test]
fn a_fingerprint_is_that_of_the_integers() {
    let model = mixed(0.0);
    let fingerprint = |model: &Mixed| model.fingerprint();
    let change = |name: &str, at: usize, byte: u8| {
        let mut bytes = without_checksum(model.to_bytes());
        let (length, header) = SafeTensors::read_metadata(&bytes).expect("a model");
        let start = 8 + length + header.info(name).expect("a tensor").data_offsets.0;
        bytes[start + at] ^= byte;
        Mixed::from_bytes(&bytes).expect("still a model")
    };
    assert_ne!(fingerprint(&model), fingerprint(&mixed(1.0)));
    assert_eq!(
        fingerprint(&model),
        fingerprint(&change("fc1.bias", 0, 1)),
        "a float"
    );
    assert_ne!(
        fingerprint(&model),
        fingerprint(&change("fc3.phases", 0, 1)),
        "an integer"
    );
}

/// The macro proves the same of a file as the network that is loaded from it.
#[test]
fn a_file_proves_what_its_network_plans() {
    let (model, options) = (mixed(0.0), PlanOptions::default());
    let proof = prove(Mixed::SPEC, &model.to_bytes(), &options).expect("a model");
    assert_eq!(proof.parts, model.parts());
    assert_eq!(proof.requirements.model, model.fingerprint());
    assert_eq!(proof.plan, model.plan(&options).expect("parameters exist"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_loaded_is_what_was_saved(seed in 0f32..100.0) {
        let model = mixed(seed);
        let loaded = Mixed::from_bytes(&model.to_bytes()).expect("a model");
        prop_assert_eq!(loaded.to_bytes(), model.to_bytes());
        prop_assert_eq!(loaded.fingerprint(), model.fingerprint());
        let inputs = inputs(seed + 0.5);
        prop_assert_eq!(loaded.run_batch(inputs.view()).expect("in shape"), model.run_batch(inputs.view()).expect("in shape"));
        prop_assert_eq!(loaded, model);
    }

    #[test]
    fn changed_bytes_are_an_error_or_a_network_that_runs(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40)) {
        let mut bytes = without_checksum(mixed(0.0).to_bytes());
        for (index, byte) in flips {
            // one bit flips at a time, so that headers survive
            let at = index.index(bytes.len());
            let before = std::mem::replace(&mut bytes[at], byte);
            if let Ok(model) = Mixed::from_bytes(&bytes) {
                prop_assert!(model.run_batch(inputs(0.3).view()).is_ok());
            }
            bytes[at] = before;
        }
    }

    #[test]
    fn noise_is_no_model(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Mixed::from_bytes(&bytes).is_err());
        prop_assert!(Floats::from_bytes(&bytes).is_err());
    }
}
