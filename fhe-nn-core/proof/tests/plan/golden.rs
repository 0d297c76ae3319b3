//! The plans of known models, number for number: `golden.txt` holds what the search has found for
//! the models of the examples and for two small ones with both kinds of rounding.
//!
//! If a change is meant to find other plans, the file is written anew from the text that the failing
//! test prints.

use core::fmt::Write;
use std::fs;
use std::path::Path;

use fhe_nn_proof::model;
use fhe_nn_proof::noise::Decomposition;
use fhe_nn_proof::plan::{Bootstrap, Plan, PlanOptions, Prefer};
use fhe_nn_proof::prove::prove;
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;

/// Model files, from the root of the repository.
const MODELS: [&str; 9] = [
    "examples/data/article2.quantized.safetensors",
    "examples/data/article3.quantized.safetensors",
    "examples/data/article4.quantized.safetensors",
    "examples/data/careful_digits.quantized.safetensors",
    "examples/data/digits.quantized.safetensors",
    "examples/data/digits_cnn.quantized.safetensors",
    "fhe-nn-core/tests/before_models/fashion_cnn.quantized.safetensors",
    "examples/data/quick_digits.quantized.safetensors",
    "tests/ui/weights/models/deep.safetensors",
];

#[test]
fn plans_are_the_ones_that_were_found_before() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = String::new();
    for path in MODELS {
        let bytes = fs::read(root.join(path)).expect("the repository has the file");
        let (spec, _) = model::open(&bytes).expect("a model file");
        for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
            let options = PlanOptions::new().with_prefer(prefer);
            let plan = prove(&spec, &bytes, &options)
                .expect("parameters exist")
                .plan;
            writeln!(found, "{path} {prefer:?}\n{}", numbers(&plan)).expect("a string grows");
        }
    }
    assert!(found == include_str!("golden.txt"), "found:\n{found}");
}

/// Every number of a plan, floats by their bits.
fn numbers(plan: &Plan) -> String {
    let mut text = String::new();
    let client = &plan.client;
    let encoder = client.encoder.affine(0, client.inputs);
    let model = hex::encode(plan.model);
    let mut line = |fields: String| writeln!(text, "  {fields}").expect("a string grows");
    line(format!(
        "model {model} inputs {} of {} bits, scale {} zero {}",
        client.inputs,
        client.input_bits,
        bits(encoder.scale),
        encoder.zero_point
    ));
    line(format!("input dimension {}", plan.input.dimension));
    for stage in &*plan.stages {
        line(format!(
            "stage {} {} sources {:?} terms {} {} width {} step {} table {} {} modulus {} neurons {} phases {}",
            stage.sums.linear,
            stage.lookup,
            stage.sums.sources,
            stage.sums.terms,
            reader(stage.sums.reader),
            stage.sums.width,
            stage.sums.step_width,
            stage.sums.table_bits,
            rounding(stage.sums.rounding),
            stage.sums.modulus,
            stage.sums.neurons,
            stage.phases,
        ));
        for round in &*stage.rounds {
            line(format!(
                "  round above {} neurons {} bootstraps {}: {}",
                round.above,
                round.neurons,
                round.bootstraps,
                bootstrap(&round.bootstrap)
            ));
        }
        line(format!("  {}", bootstrap(&stage.bootstrap)));
        line(format!(
            "  variances {} {} failure {} step {}",
            bits(stage.output_variance),
            bits(stage.table_variance),
            bits(stage.log2_failure),
            stage.step_probability.map_or_else(|| "-".to_owned(), bits)
        ));
    }
    let output = &plan.output;
    line(format!(
        "output {} sources {:?} terms {} width {} step {} table {} {} modulus {} scores {}",
        output.sums.linear,
        output.sums.sources,
        output.sums.terms,
        output.sums.width,
        output.sums.step_width,
        output.sums.table_bits,
        rounding(output.sums.rounding),
        output.sums.modulus,
        output.sums.neurons,
    ));
    line(format!(
        "  keyswitch {} dimension {} element bits {} variance {} failure {}",
        digits(output.keyswitch),
        output.dimension,
        output.element_bits,
        bits(output.variance),
        bits(output.log2_failure)
    ));
    line(format!(
        "key {} memory {} request {} reply {} failure {} asked {} {:?}",
        plan.evaluation_key_bytes(),
        plan.evaluation_memory_bytes(),
        plan.request_bytes(),
        plan.reply_bytes(),
        bits(plan.log2_failure()),
        bits(plan.options.failure_bits()),
        plan.options.prefer()
    ));
    text
}

fn bootstrap(bootstrap: &Bootstrap) -> String {
    format!(
        "keyswitch {} n {} k {} N {} x {} digits {} of bodies {} key bits {} companion {}",
        digits(bootstrap.keyswitch),
        bootstrap.small_dimension,
        bootstrap.shape.dimension,
        bootstrap.shape.polynomial_size,
        bootstrap.extension,
        digits(Some(bootstrap.digits)),
        digits(bootstrap.body),
        bootstrap.key_bits,
        bootstrap.companion
    )
}

fn digits(digits: Option<Decomposition>) -> String {
    digits.map_or_else(
        || "-".to_owned(),
        |digits| format!("{}x{}", digits.levels, digits.base_log),
    )
}

fn reader(reader: Reader) -> &'static str {
    match reader {
        Reader::Padded => "padded",
        Reader::Antiperiodic => "antiperiodic",
        Reader::Client => "client",
    }
}

fn rounding(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Exact => "exact",
        Rounding::Approximate => "approximate",
    }
}

fn bits(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}
