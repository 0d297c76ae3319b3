//! Models that were made before this version load, and give the scores that they gave, bit for bit.

use fhe_nn_core::Model;
use ndarray::Array2;

/// Where the models are, from this crate's folder: those of the examples, and one that they no longer use.
const EXAMPLES: &str = "../examples/data";
const BEFORE: &str = "tests/before_models";

/// Models in format 1, by folder and name, with a hash of their scores on 20 inputs as commit 5d07ebb
/// computed them: integers, and the bits of the reals that they stand for.
const SCORES: [(&str, &str, u64); 8] = [
    (EXAMPLES, "article2", 0xffb9_0bf8_708c_477d),
    (EXAMPLES, "article3", 0x71ef_a9ba_e86c_8dd4),
    (EXAMPLES, "article4", 0x10f3_fc56_389e_8610),
    (EXAMPLES, "careful_digits", 0x0e16_576e_e24a_1f8b),
    (EXAMPLES, "digits", 0xc269_4bdc_8db0_d9b4),
    (EXAMPLES, "digits_cnn", 0x3b40_889d_6c14_dfe2),
    (BEFORE, "fashion_cnn", 0x5162_d0f4_8c07_782a),
    (EXAMPLES, "quick_digits", 0x9b2e_c622_882a_ad4e),
];

#[test]
fn models_of_before_give_the_scores_of_before() {
    for (folder, name, expected) in SCORES {
        let path = format!(
            "{}/{folder}/{name}.quantized.safetensors",
            env!("CARGO_MANIFEST_DIR")
        );
        let model = Model::load(&path).expect("a model of format 1");
        let inputs = model.spec().input_len();
        let inputs = Array2::from_shape_fn((20, inputs), |(n, i)| {
            let value = (n * 31 + i * 17 + i * i % 7) % 101;
            value as f32 / 50.0 - 1.0
        });
        let scores = model.run_batch(inputs.view()).expect("inputs of its shape");
        let lines = scores.iter().map(|scores| {
            let bits: Vec<u64> = scores.reals().iter().map(|x| x.to_bits()).collect();
            format!("{:?} {bits:?}\n", scores.integers())
        });
        assert_eq!(fnv(&lines.collect::<String>()), expected, "{name}");
    }
}

/// The hash FNV-1a of 64 bits (Fowler, Noll, Vo).
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
