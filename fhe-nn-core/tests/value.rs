//! The network as a value does without a struct what the declared struct does.

use fhe_nn_core::prelude::*;
use fhe_nn_core::{Error, Model};
use ndarray::{Array2, array};
use serde_json::Value;

#[fhe_network(input(shape = [1, 4, 4], bits = 3))]
#[derive(Debug, Clone, PartialEq)]
struct Everything {
    #[bits(weights = 3)]
    conv: Conv2d<1, 2, 2>,
    #[bits(output = 3, table = 6, function = bump)]
    own: Custom,
    pool: MaxPool2d<3>,
    #[bits(weights = 3, accumulator = 4, overflow = wrap)]
    fc: Dense<2, 3>,
    #[bits(output = 2, phases = 2)]
    wave: Wave,
    #[bits(weights = 4)]
    scores: Dense<6, 2>,
}

fn bump(x: f32) -> f32 {
    x / (1.0 + x * x)
}

fn inputs() -> Array2<f32> {
    Array2::from_shape_fn((30, 16), |(n, i)| (n as f32 * 0.7 + i as f32 * 1.3).sin())
}

fn floats() -> Floats {
    let mut floats = Floats::new();
    for (name, outputs, taps) in [("conv", 2, 4), ("fc", 3, 2), ("scores", 2, 6)] {
        let weights = Array2::from_shape_fn((outputs, taps), |(j, i)| {
            (5.3 * j as f32 + 2.9 * i as f32).sin()
        });
        let weights = match name {
            "conv" => weights
                .into_shape_with_order((2, 1, 2, 2))
                .expect("four taps")
                .into_dyn(),
            _ => weights.into_dyn(),
        };
        floats
            .insert(format!("{name}.weight"), weights)
            .expect("finite");
    }
    floats
}

fn network() -> Everything {
    let quantized = Everything::quantize(&floats(), inputs().view());
    quantized.expect("quantizable").network
}

/// The file alone is enough, even with the tables of a custom function.
#[test]
fn a_file_alone_is_the_network() {
    let network = network();
    let model = Model::from_bytes(&network.to_bytes()).expect("its own file");
    assert_eq!(model, network.model());
    assert_eq!(model.spec(), Everything::SPEC);
    assert_eq!(model.to_bytes(), network.to_bytes());
    assert_eq!(model.fingerprint(), network.fingerprint());
    assert_eq!(model.client_spec(), network.client_spec());
    let inputs = inputs();
    assert_eq!(
        model.run_batch(inputs.view()).expect("in shape"),
        network.run_batch(inputs.view()).expect("in shape")
    );
    let options = Default::default();
    let plan = model.plan(&options).expect("parameters exist");
    assert_eq!(plan, network.plan(&options).expect("parameters exist"));
    assert_eq!(
        model
            .simulate(&plan, inputs.view(), 3)
            .expect("its own plan"),
        network
            .simulate(&plan, inputs.view(), 3)
            .expect("its own plan")
    );
}

#[test]
fn a_declaration_that_is_known_at_run_time_is_quantized() {
    let samples = inputs();
    let function: fn(f32) -> f32 = bump;
    let quantized = Model::quantize_with(
        Everything::SPEC,
        &[&function],
        &floats(),
        samples.view(),
        &Calibration::default(),
    );
    assert_eq!(
        quantized.expect("quantizable").network,
        network().model(),
        "as the struct is"
    );
    let reals = Model::float_scores(Everything::SPEC, &[&function], &floats(), samples.view());
    assert_eq!(
        reals.expect("floats"),
        Everything::float_scores(&floats(), samples.view()).expect("floats")
    );
}

/// Makes the model file with another declaration in its metadata.
fn declaring(bytes: &[u8], spec: &Value) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let mut header: Value = serde_json::from_slice(header).expect("a header");
    let metadata = serde_json::json!({ "version": 1, "spec": spec });
    header["__metadata__"]["fhe_nn"] = Value::String(metadata.to_string());
    let header = serde_json::to_vec(&header).expect("JSON");
    let mut all = (header.len() as u64).to_le_bytes().to_vec();
    all.extend(header);
    all.extend(data);
    all
}

/// The paths of all values of a JSON document.
fn paths(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| paths(value, &format!("{path}/{index}"), all)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| paths(value, &format!("{path}/{key}"), all)),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Number(_) => {}
    }
}

/// What a stranger may write in the place of a number.
const NUMBERS: [u64; 15] = [
    0,
    1,
    2,
    3,
    5,
    7,
    9,
    17,
    31,
    33,
    64,
    1 << 12,
    1 << 24,
    1 << 32,
    u64::MAX,
];

/// What a stranger may write in the place of a value: other numbers, and arrays that are emptied, or whose
/// elements are removed, doubled or swapped.
fn changes(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(_) => NUMBERS.map(Value::from).to_vec(),
        Value::Array(values) => {
            let changed = |change: &dyn Fn(&mut Vec<Value>)| {
                let mut values = values.clone();
                change(&mut values);
                Value::Array(values)
            };
            let mut all = vec![changed(&|values| values.clear())];
            for at in 0..values.len() {
                let next = (at + 1) % values.len();
                all.push(changed(&|values| drop(values.remove(at))));
                all.push(changed(&|values| values.insert(at, values[at].clone())));
                all.push(changed(&|values| values.swap(at, next)));
            }
            all
        }
        _ => Vec::new(),
    }
}

/// Changes every number and every array of a declaration in turn. The file is either refused, or its network
/// runs and is planned, without a panic. Returns how many files were refused, and how many networks ran.
fn believe_nothing(model: &Model) -> (usize, usize) {
    let bytes = model.to_bytes();
    let spec = serde_json::to_value(model.spec()).expect("a spec is data");
    let mut all = Vec::new();
    paths(&spec, "", &mut all);
    let (mut refused, mut ran) = (0, 0);
    for path in all {
        for change in changes(spec.pointer(&path).expect("a path of the spec")) {
            let mut changed = spec.clone();
            *changed.pointer_mut(&path).expect("a path of the spec") = change.clone();
            match Model::from_bytes(&declaring(&bytes, &changed)) {
                Err(Error::Model(_)) => refused += 1,
                Err(other) => panic!("{path} = {change}: {other}"),
                Ok(model) => {
                    ran += 1;
                    let input = vec![0.5; model.spec().input_len()];
                    model.run(&input).expect("an input of its shape");
                    // parameters may be missing, but nothing may panic
                    let _ = model.plan(&Default::default());
                }
            }
        }
    }
    (refused, ran)
}

#[test]
fn no_number_of_a_declaration_is_believed() {
    let (refused, ran) = believe_nothing(&network().model());
    assert!(refused > 350 && ran > 20, "{refused} refused, {ran} ran");
}

/// A network that is not a chain, so that its declaration says what its layers read.
#[fhe_network(input(shape = [2, 4], bits = 2))]
struct Wired {
    pool: AvgPool1d<2>,
    #[from(pool, pool)]
    twice: layer::Add,
    #[from(twice, pool)]
    both: Concat,
    most: MaxPool1d<2>,
    #[from(most, most)]
    square: layer::Mul,
    #[bits(weights = 3)]
    scores: Dense<4, 2>,
}

#[test]
fn no_wiring_of_a_declaration_is_believed() {
    let mut floats = Floats::new();
    let weights = array![[1.0f32, -1.0, 0.5, 0.0], [0.0, 1.0, 1.0, -1.0]];
    floats
        .insert("scores.weight", weights.into_dyn())
        .expect("finite");
    let samples = Array2::from_shape_fn((20, 8), |(n, i)| ((n * 7 + i * 3) % 11) as f32 / 11.0);
    let wired = Wired::quantize(&floats, samples.view()).expect("quantizable");
    let (refused, ran) = believe_nothing(&wired.network.model());
    assert!(refused > 300 && ran > 5, "{refused} refused, {ran} ran");
}

#[test]
fn a_broken_law_names_the_layer() {
    let bytes = network().to_bytes();
    let mut spec = serde_json::to_value(Everything::SPEC).expect("a spec is data");
    spec["layers"][3]["op"]["Dense"]["overflow"] = "Checked".into();
    let error = Model::from_bytes(&declaring(&bytes, &spec)).expect_err("a wave that is checked");
    assert_eq!(
        error.to_string(),
        "declaration of `fc` breaks the law: `Wave` needs `wrap`"
    );
    spec["layers"][1]["name"] = "conv".into();
    let error = Model::from_bytes(&declaring(&bytes, &spec)).expect_err("two layers of one name");
    assert_eq!(
        error.to_string(),
        "declaration of `conv` breaks the law: layers have different names"
    );
    let both = array![[0.0f32, 1.0]];
    assert!(network().run_batch(both.view()).is_err());
}

/// A declaration of nothing, or of an input without extents, is refused before anything is computed from it.
#[test]
fn an_empty_declaration_is_refused() {
    let bytes = network().to_bytes();
    for (path, law) in [
        ("/layers", "a network has a layer"),
        ("/input/shape", "it has 1 to 2^24 values"),
    ] {
        let mut spec = serde_json::to_value(Everything::SPEC).expect("a spec is data");
        *spec.pointer_mut(path).expect("a list") = serde_json::json!([]);
        let error = Model::from_bytes(&declaring(&bytes, &spec)).expect_err(path);
        assert!(error.to_string().contains(law), "{error}");
    }
}
