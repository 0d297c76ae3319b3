//! Models exported by PyTorch, Keras and Brevitas become networks that compute the same. Models that are not
//! supported or broken are refused with a reason. `onnx/export.py` makes the models, and their scores by onnxruntime.

use std::path::{Path, PathBuf};

use fhe_nn_core::import::{self, ImportError, Imported, Reference, Widths};
use fhe_nn_core::layer::Part;
use fhe_nn_core::{ClientKey, Error, Floats, Network, PlanOptions, ServerKey, Spec};
use ndarray::Array2;
use networks::mlp::Mlp;
use networks::qat::Qat;
use networks::text::Text;

fn models() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/onnx/models"))
}

fn imported(name: &str) -> Result<Imported, ImportError> {
    import::load(
        models().join(name).with_extension("onnx"),
        &Widths::default(),
    )
}

/// Reads inputs, and the scores that onnxruntime computes for them.
fn reference(name: &str) -> (Array2<f32>, Array2<f64>) {
    reference_at(&models().join(name).with_extension("json"))
}

fn reference_at(path: &Path) -> (Array2<f32>, Array2<f64>) {
    let read = Reference::load(path).expect("inputs and outputs");
    (read.inputs().clone(), read.outputs().clone())
}

/// The models by the name of their reference.
const MODELS: &[(&str, &[&str])] = &[
    ("mlp", &["mlp", "mlp_dynamo"]),
    ("linear_3d", &["linear_3d", "linear_3d_dynamo"]),
    ("dynamic_batch", &["dynamic_batch", "dynamic_batch_dynamo"]),
    ("dynamic_view", &["dynamic_view", "dynamic_view_dynamo"]),
    ("cnn", &["cnn", "cnn_dynamo"]),
    (
        "cnn_bn",
        &[
            "cnn_bn",
            "cnn_bn_dynamo",
            "cnn_bn_unfolded",
            "cnn_bn_unfolded_dynamo",
        ],
    ),
    ("bn_alone", &["bn_alone", "bn_alone_dynamo"]),
    ("global_mean", &["global_mean", "global_mean_dynamo"]),
    ("depthwise", &["depthwise", "depthwise_dynamo"]),
    ("preprocess", &["preprocess", "preprocess_dynamo"]),
    ("text", &["text", "text_dynamo"]),
    ("text_sum", &["text_sum", "text_sum_dynamo"]),
    ("text_conv", &["text_conv", "text_conv_dynamo"]),
    (
        "text_conv_pool",
        &["text_conv_pool", "text_conv_pool_dynamo"],
    ),
    ("branches", &["branches", "branches_dynamo"]),
    ("mul", &["mul", "mul_dynamo"]),
    ("activations_a", &["activations_a", "activations_a_dynamo"]),
    ("activations_b", &["activations_b", "activations_b_dynamo"]),
    ("activations_c", &["activations_c", "activations_c_dynamo"]),
    ("threshold", &["threshold_dynamo"]),
    ("keras_cnn", &["keras_cnn"]),
    ("keras_strided", &["keras_strided"]),
];

/// The models whose last function the client computes.
const TAILS: &[(&str, &[&str], Tail)] = &[
    (
        "softmax_tail",
        &["softmax_tail", "softmax_tail_dynamo"],
        softmax,
    ),
    (
        "logsoftmax_tail",
        &["logsoftmax_tail", "logsoftmax_tail_dynamo"],
        log_softmax,
    ),
    (
        "argmax_tail",
        &["argmax_tail", "argmax_tail_dynamo"],
        argmax,
    ),
    ("keras_mlp", &["keras_mlp"], softmax),
];

type Tail = fn(&[f64]) -> Vec<f64>;

fn softmax(scores: &[f64]) -> Vec<f64> {
    log_softmax(scores).into_iter().map(f64::exp).collect()
}

fn log_softmax(scores: &[f64]) -> Vec<f64> {
    let sum: f64 = scores.iter().map(|x| x.exp()).sum();
    scores.iter().map(|x| x - sum.ln()).collect()
}

fn argmax(scores: &[f64]) -> Vec<f64> {
    let greatest = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    vec![greatest.expect("there are scores") as f64]
}

#[test]
fn imported_networks_compute_what_onnxruntime_does() {
    for (name, files) in MODELS {
        for file in *files {
            same_scores(name, file, |scores| scores.to_vec());
        }
    }
}

#[test]
fn what_comes_after_the_scores_is_the_clients() {
    for (name, files, tail) in TAILS {
        for file in *files {
            let imported = same_scores(name, file, tail);
            let note = imported.notes.first().expect("it is said");
            assert!(
                note.contains("of the scores is the client's"),
                "{file}: {note}"
            );
        }
    }
}

fn same_scores(name: &str, file: &str, tail: impl Fn(&[f64]) -> Vec<f64>) -> Imported {
    let (inputs, expected) = reference(name);
    let imported = imported(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let scores = imported
        .float_scores(inputs.view())
        .expect("inputs of the model");
    for (scores, expected) in scores.rows().into_iter().zip(expected.rows()) {
        let own = tail(&scores.to_vec());
        assert_eq!(own.len(), expected.len(), "{file}");
        for (index, (own, other)) in own.iter().zip(&expected).enumerate() {
            let error = (own - other).abs() / other.abs().max(1.0);
            assert!(error < 1e-4, "{file}, score {index}: {own}, but {other}");
        }
    }
    imported
}

/// Declarations as imports print them, pasted: the macro accepts them and declares the same networks.
#[rustfmt::skip]
#[allow(unreachable_pub, reason = "a pasted network may be exported")]
#[path = "onnx/networks.rs"]
mod networks;
mod files;
mod outputs;
mod stored;
mod windows;

macro_rules! pasted {
    ($($file:ident $network:ident;)*) => {
        /// The files, with the specifications that the macro made of their declarations.
        const PASTED: &[(&str, &Spec)] = &[$((stringify!($file), networks::$file::$network::SPEC)),*];
    };
}
pasted!(
    mlp Mlp;
    linear_3d Linear3d;
    cnn Cnn;
    cnn_bn CnnBn;
    bn_alone BnAlone;
    depthwise Depthwise;
    preprocess Preprocess;
    text Text;
    text_conv TextConv;
    branches Branches;
    mul MulNetwork;
    activations_a ActivationsA;
    activations_b ActivationsB;
    activations_c ActivationsC;
    threshold_dynamo ThresholdDynamo;
    keras_cnn KerasCnn;
    keras_strided KerasStrided;
    qat Qat;
);

#[test]
fn declarations_compile_as_they_are_printed() {
    let mut text = String::from(
        "// Printed by imports; `BLESS=1 cargo test -p fhe-nn-tests imports` writes it.\n",
    );
    let mut specs = Vec::new();
    for (file, spec) in PASTED {
        let imported = imported(file).unwrap_or_else(|error| panic!("{file}: {error}"));
        specs.push((imported.spec.clone(), *spec));
        let declaration = imported.declaration();
        text += &format!("\npub mod {file} {{\nuse fhe_nn_core::prelude::*;\n{declaration}}}\n");
    }
    let path = models().join("../networks.rs");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    assert_eq!(text, std::fs::read_to_string(&path).expect("readable"));
    for (mut imported, declared) in specs {
        // a struct takes rows in its own order, and its outputs are the scores
        imported.interface = declared.interface.clone();
        assert_eq!(&imported, declared);
    }
}

/// Integer weights and scales are those of the file. They do not depend on the samples.
#[test]
fn quantization_of_the_model_is_kept() {
    let (inputs, expected) = reference("qat");
    let fields = |of: &Imported| -> Vec<String> {
        let layers = of.spec.layers.iter();
        layers.map(|layer| layer.name.to_string()).collect()
    };
    let names = fields(&imported("qat").expect("the model is supported"));
    for file in ["qat", "qat_dynamo", "qat_qonnx", "qat_qonnx_dynamo"] {
        let imported = imported(file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let own = fields(&imported);
        let both: Vec<(&str, &str)> = own
            .iter()
            .map(String::as_str)
            .zip(names.iter().map(String::as_str))
            .collect();
        let floats = imported
            .floats
            .renamed(&both)
            .expect("names of fields differ");
        let quantized = |samples: &Array2<f32>| {
            Qat::quantize(&floats, samples.view())
                .expect("it has floats")
                .network
        };

        // samples of another range change widths, but not weights
        let (network, other) = (quantized(&inputs), quantized(&(&inputs * 0.125)));
        assert_eq!(weights(&network), weights(&other), "{file}");
        assert_eq!(network.client_spec().encoder, other.client_spec().encoder);
        let floats_of = |name: &str| floats.get(name).expect("it is kept");
        for (name, (integers, scales)) in ["layer_2", "layer_4", "layer_6"]
            .iter()
            .zip(weights(&network))
        {
            let kept = floats_of(&format!("{name}.weight_scale"));
            let reals = floats_of(&format!("{name}.weight"));
            for ((j, i), &q) in integers.indexed_iter() {
                assert!(q.abs() <= 3, "{file}, {name}");
                assert_eq!(scales[j], f64::from(kept[[j]]), "{file}, {name}");
                let error = scales[j] * f64::from(q) - f64::from(reals[[j, i]]);
                assert!(error.abs() < 1e-6, "{file}, {name}");
            }
        }
        // a table reads 8 bits of accumulators of 13: some results are off by a step
        let clear = network.run_batch(inputs.view()).expect("inputs are finite");
        let reals = clear.iter().flat_map(|scores| scores.reals().to_vec());
        let errors = reals
            .zip(&expected)
            .map(|(own, other)| (own - other).powi(2));
        let ratio = errors.sum::<f64>() / expected.iter().map(|x| x * x).sum::<f64>();
        assert!(ratio < 0.01, "{file}: {ratio}");
    }
}

/// The integers and scales of the layers that have weights.
fn weights(network: &impl Network) -> Vec<(Array2<i16>, Vec<f64>)> {
    let parts = network.parts().into_iter();
    let linear = parts.filter_map(|part| match part {
        Part::Linear(linear) => Some((linear.weights.clone(), linear.scales.clone())),
        _ => None,
    });
    linear.collect()
}

#[test]
fn everything_that_is_not_supported_is_listed() {
    let Err(ImportError::Unsupported(nodes)) = imported("unsupported") else {
        panic!("it has layers that are not supported");
    };
    let operators: Vec<&str> = nodes.iter().map(|node| node.operator.as_str()).collect();
    assert_eq!(operators, ["LayerNormalization", "LSTM", "Resize"]);
    assert_eq!(nodes[0].node, "/norm/LayerNormalization");
    let text = ImportError::Unsupported(nodes).to_string();
    assert!(text.starts_with("3 nodes are not supported\n"), "{text}");
}

#[test]
fn an_extent_that_is_not_known_is_named() {
    for file in ["dynamic_spatial", "dynamic_spatial_dynamo"] {
        let error = imported(file).expect_err("it has any height").to_string();
        assert!(
            error.starts_with("input `input` has the dynamic extent 2"),
            "{error}"
        );
    }
}

#[test]
fn widths_that_the_language_does_not_have_are_refused() {
    let widths = Widths::new().with_weights(99);
    let error = import::load(models().join("mlp.onnx"), &widths).expect_err("too many");
    assert_eq!(
        error.to_string(),
        "weights have 2 to 16 bits, but 99 were asked for"
    );
}

/// Models that fuzzing found. Each of them once ended the process.
#[test]
fn models_that_fuzzing_found_are_refused() {
    let found = std::fs::read_dir(models().join("../found")).expect("the folder is there");
    let files: Vec<_> = found.map(|file| file.expect("a file").path()).collect();
    assert!(!files.is_empty());
    for file in files {
        assert!(
            import::load(&file, &Widths::default()).is_err(),
            "{}",
            file.display()
        );
    }
}

/// A part of a file is refused, and never causes a panic.
#[test]
fn parts_of_a_model_are_refused() {
    let bytes = std::fs::read(models().join("cnn_bn.onnx")).expect("readable");
    for size in (0..bytes.len()).step_by(7) {
        let error = import::onnx(&bytes[..size], "Part", &Widths::default());
        let error = error.expect_err("it is not whole").to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

/// The weights of a state dictionary are renamed, whether it is safetensors or npz.
#[test]
fn state_dictionaries_are_renamed() {
    let (inputs, expected) = reference("mlp");
    let safetensors = Floats::load(models().join("mlp_state.safetensors"));
    let npz = Floats::load_npz(models().join("mlp_state.npz"));
    let (safetensors, npz) = (safetensors.expect("readable"), npz.expect("readable"));
    assert_eq!(safetensors, npz);
    // the layers of a `Sequential` have numbers
    let fields = [("1", "layer_1"), ("3", "layer_3"), ("5", "layer_5")];
    let floats = npz.renamed(&fields).expect("names of fields differ");
    let twice = safetensors
        .renamed(&[("1", "3")])
        .expect_err("there is a layer 3");
    assert_eq!(twice.to_string(), "two tensors would be called `3.bias`");
    let scores = Mlp::float_scores(&floats, inputs.view()).expect("all that it needs");
    let errors = scores
        .iter()
        .zip(&expected)
        .map(|(own, other)| (own - other).abs());
    assert!(errors.fold(0.0, f64::max) < 1e-4);
}

/// Integers of a state dictionary, such as counts of batches, are not weights.
#[test]
fn integers_of_a_state_dictionary_are_left_out() {
    for name in ["cnn_bn", "text"] {
        let npz = Floats::load_npz(models().join(format!("{name}_state.npz"))).expect("readable");
        let same = Floats::load(models().join(format!("{name}_state.safetensors")));
        assert_eq!(npz, same.expect("readable"), "{name}");
    }
}

#[test]
fn parts_of_an_npz_file_are_refused() {
    let bytes = std::fs::read(models().join("mlp_state.npz")).expect("readable");
    for size in (0..bytes.len()).step_by(61) {
        let error = Floats::from_npz(&bytes[..size])
            .expect_err("it is not whole")
            .to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    // fuzzing found this name, which a safetensors file cannot hold
    let name = b"1.weight.npy";
    let mut reserved = bytes.clone();
    while let Some(at) = reserved.windows(name.len()).position(|part| part == name) {
        reserved[at..at + name.len()].copy_from_slice(b"__metadata__");
    }
    let error = Floats::from_npz(&reserved).expect_err("it could not be saved");
    assert!(matches!(error, Error::TensorReserved { .. }), "{error}");
    // this header declares more values than there are
    let at = bytes
        .windows(5)
        .position(|part| part == b"(24, ")
        .expect("the first layer's shape");
    let mut large = bytes;
    large[at + 1] = b'9';
    assert!(Floats::from_npz(&large).is_err());
}

/// A file from PyTorch becomes a network whose encrypted scores equal the clear ones.
#[test]
fn an_imported_network_runs_encrypted() {
    let (inputs, _) = reference("text");
    let floats = imported("text").expect("the model is supported").floats;
    let network = Text::quantize(&floats, inputs.view())
        .expect("it has floats")
        .network;
    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let server = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    for tokens in inputs.rows().into_iter().take(3) {
        let tokens = tokens.to_vec();
        let request = client.encrypt(&tokens).expect("tokens of the vocabulary");
        let reply = network
            .run_encrypted(&server, &request)
            .expect("its own key");
        let scores = client.decrypt(&request, &reply).expect("its own reply");
        assert_eq!(scores, network.run(&tokens).expect("tokens"));
    }
}

/// Small models at the edges of what operators mean are either refused or compute the same as onnxruntime. Those that
/// move values are not refused. Functions that are left to the client are not compared.
#[test]
fn models_at_the_edges_are_the_same_or_refused() {
    let folder = models().join("../edges");
    let files = std::fs::read_dir(&folder).expect("the folder is there");
    let files = files.map(|file| file.expect("a file").path());
    let (mut same, mut refused, mut wrong) = (0, 0, Vec::new());
    for path in files.filter(|path| path.extension().is_some_and(|end| end == "onnx")) {
        let name = path.file_stem().expect("a name").to_string_lossy();
        let imported = match import::load(&path, &Widths::default()) {
            Ok(imported) => imported,
            Err(error) if name.starts_with("move_") => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        let reference = path.with_extension("json");
        if !reference.exists() || imported.notes.iter().any(|note| note.contains("client's")) {
            continue;
        }
        let (inputs, expected) = reference_at(&reference);
        let scores = imported.float_scores(inputs.view());
        let scores = scores.unwrap_or_else(|error| panic!("{name}: {error}"));
        let size = expected.iter().fold(1.0f64, |size, y| size.max(y.abs()));
        let errors = scores
            .iter()
            .zip(&expected)
            .map(|(own, other)| (own - other).abs());
        match errors.fold(0.0, f64::max) / size {
            error if error < 1e-4 => same += 1,
            error => wrong.push(format!("{name}: {error}")),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // what is refused may come in one day, if it is the same
    assert!(
        same >= 53 && refused >= 19,
        "{same} the same, {refused} refused"
    );
}
