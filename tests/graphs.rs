//! Networks other than chains of dense layers, through the public API alone. Encrypted equals clear,
//! loaded models equal saved ones, and errors name what is wrong.

use crate::random::Random;
use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::FlowError;
use ndarray::Axis;

/// A network with windows, groups, a skip connection, and a parameter for every channel.
#[fhe_network(input(shape = [1, 6, 6], bits = 2))]
#[derive(Debug, PartialEq)]
struct Residual {
    #[bits(weights = 2, overflow = calibrated)]
    stem: Conv2d<1, 2, 3, 2, 1>,
    #[bits(output = 2, table = 4)]
    prelu: Prelu,
    #[bits(weights = 2, overflow = calibrated)]
    branch: Conv2d<2, 2, 3, 1, 1, 1, 2>,
    #[bits(output = 2, table = 4)]
    act: Identity,
    #[from(prelu, act)]
    sum: layer::Add,
    #[bits(output = 2)]
    relu: Relu,
    pool: GlobalAvgPool,
    #[bits(weights = 3)]
    scores: Dense<2, 2>,
}

/// A network with one axis, several values from each bootstrap, and branches.
#[fhe_network(input(shape = [2, 8], bits = 2))]
#[derive(Debug, PartialEq)]
struct Signals {
    #[bits(weights = 2, accumulator = 4, overflow = wrap)]
    left: Conv1d<2, 3, 3, 2>,
    #[bits(output = 1, phases = 2)]
    wave: Wave,
    #[from(input)]
    #[bits(weights = 2, overflow = calibrated)]
    right: Conv1d<2, 1, 2, 1, 0, 2>,
    #[bits(output = 2, table = 3)]
    elu: Elu,
    greatest: MaxPool1d<2>,
    #[from(wave, greatest)]
    both: Concat,
    flat: Flatten,
    #[bits(weights = 3)]
    scores: Dense<21, 2>,
}

/// A network with tokens, a custom function, and a product.
#[fhe_network(input(shape = [4], vocabulary = 6))]
#[derive(Debug, PartialEq)]
struct Words {
    #[bits(weights = 3)]
    embedding: Embedding<6, 3>,
    average: AvgPool1d<2>,
    #[bits(output = 3, function = cube)]
    custom: Custom,
    #[bits(output = 2)]
    #[from(average)]
    threshold: Threshold,
    #[from(custom, threshold)]
    product: layer::Mul,
    #[bits(weights = 2)]
    scores: Dense<6, 2>,
}

/// A network with branches, one of which the test leaves unused.
#[fhe_network(input(shape = [3], bits = 1))]
#[derive(Debug, PartialEq)]
struct Branches {
    #[bits(weights = 6)]
    left: Dense<3, 3>,
    #[bits(output = 3)]
    left_relu: Relu,
    #[from(input)]
    #[bits(weights = 2)]
    right: Dense<3, 4>,
    right_sign: Sign,
    #[from(left_relu, right_sign)]
    both: Concat,
    #[bits(weights = 2)]
    scores: Dense<7, 2>,
}

/// Windows at the border see 4 or 6 values, and the one in the middle sees 9. A second pool sees all of
/// their results.
#[fhe_network(input(shape = [1, 6, 6], bits = 1))]
#[derive(Debug, PartialEq)]
struct Greatest {
    #[bits(weights = 2)]
    conv: Conv2d<1, 1, 2>,
    #[bits(output = 2, table = 3)]
    relu: Relu,
    pool: MaxPool2d<3, 2, 1>,
    all: GlobalMaxPool,
    #[bits(weights = 2)]
    scores: Dense<1, 2>,
}

/// A network with windows of 144 values.
#[fhe_network(input(shape = [2, 12, 12], bits = 1))]
struct Wide {
    #[bits(weights = 2)]
    conv: Conv2d<2, 3, 1>,
    #[bits(output = 2)]
    relu: Relu,
    pool: GlobalMaxPool,
    #[bits(weights = 2)]
    scores: Dense<3, 2>,
}

/// Sums are flattened and concatenated before a table reads them; the last sums are scores.
#[fhe_network(input(shape = [1, 4, 4], bits = 2))]
#[derive(Debug, PartialEq)]
struct Rearranged {
    #[bits(weights = 2, overflow = calibrated)]
    conv: Conv2d<1, 2, 3>,
    #[bits(table = 4)]
    sign: Sign,
    #[from(sign)]
    rows: AvgPool2d<2, 1>,
    row: Flatten,
    #[from(sign, sign)]
    twice: layer::Add,
    all: GlobalAvgPool,
    column: Flatten,
    #[from(row, column)]
    both: Concat,
    #[bits(output = 2, table = 4)]
    tanh: Tanh,
    #[from(tanh, tanh)]
    sum: layer::Add,
    scores: Flatten,
}

/// A gate for each channel, which is added to all values of the channel and multiplies them.
#[fhe_network(input(shape = [1, 4, 4], bits = 2))]
#[derive(Debug, PartialEq)]
struct Gated {
    #[bits(weights = 2, overflow = calibrated)]
    conv: Conv2d<1, 2, 3>,
    #[bits(output = 2, table = 4)]
    relu: Relu,
    pool: GlobalAvgPool,
    #[bits(weights = 2, overflow = calibrated)]
    squeeze: Conv2d<2, 2, 1>,
    #[bits(output = 2, table = 4)]
    gate: Sigmoid,
    #[from(relu, gate)]
    sum: layer::Add,
    #[bits(output = 2, table = 4)]
    tanh: Tanh,
    #[from(tanh, gate)]
    product: layer::Mul,
    #[bits(weights = 2)]
    scores: Dense<8, 2>,
}

fn cube(x: f32) -> f32 {
    x * x * x
}

#[test]
fn a_residual_block() {
    same::<Residual>(11, |random| random.input::<Residual>(1.0));
}

#[test]
fn a_gate_for_each_channel() {
    let plan = same::<Gated>(21, |random| random.input::<Gated>(1.0));
    // the gate has two bootstraps, whatever it is repeated for
    let neurons = plan.stages.iter().map(|stage| stage.sums.neurons);
    assert_eq!(neurons.collect::<Vec<_>>(), [8, 2, 8, 8, 8]);
}

#[test]
fn branches_of_one_axis() {
    same::<Signals>(12, |random| random.input::<Signals>(1.0));
}

#[test]
fn tokens_and_a_product() {
    same::<Words>(13, Random::tokens::<Words>);
}

#[test]
fn sums_that_are_rearranged_are_sums() {
    let plan = same::<Rearranged>(20, |random| random.input::<Rearranged>(1.0));
    let neurons = plan.stages.iter().map(|stage| stage.sums.neurons);
    assert_eq!(neurons.collect::<Vec<_>>(), [8, 4]);
}

#[test]
fn the_greatest_of_windows_that_overlap_and_see_padding() {
    let plan = same::<Greatest>(18, |random| random.input::<Greatest>(1.0));
    // 25 for the convolution; 4 x 3, 4 x 5 and 8 for the nine windows, in four rounds; then 8 in four
    // rounds
    let stages = plan.stages.iter().map(|stage| stage.sums.neurons);
    assert_eq!(
        stages.collect::<Vec<_>>(),
        [25, 4 * 2 + 4 * 3 + 4, 4 + 4 + 2, 4 + 1, 1, 4, 2, 1, 1]
    );
    assert_eq!(plan.bootstraps(), 25 + 40 + 8);
}

/// A round of a tournament is one stage, however many values take part.
#[test]
fn a_window_of_144_values_is_eight_stages() {
    let network: Wide = Random(19).network();
    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    assert_eq!(plan.stages.len(), 1 + 8, "{plan}");
    assert_eq!(plan.bootstraps(), 3 * 144 + 3 * 143);
}

/// Concatenated values share one key, whether or not a layer makes use of them.
#[test]
fn a_branch_that_has_weights_of_zero_alone() {
    let mut random = Random(17);
    let mut floats = random.floats::<Branches>();
    let mut weights = floats.get("scores.weight").expect("drawn").clone();
    weights.slice_axis_mut(Axis(1), (0..3).into()).fill(0.0);
    floats.insert("scores.weight", weights).expect("finite");
    let quantized = Branches::quantize(&floats, random.samples::<Branches>().view());
    let network = quantized.expect("random floats fit").network;
    for failure_bits in [2.0, 40.0, 128.0] {
        let options = PlanOptions::new().with_failure_bits(failure_bits);
        let plan = network.plan(&options).expect("parameters exist");
        assert_eq!(*plan.output.sums.sources, [1, 2]);
        assert_eq!(plan.dimension_of(1), plan.dimension_of(2), "{plan}");
    }

    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let input = random.input::<Branches>(1.0);
    let request = client.encrypt(&input).expect("finite");
    let reply = network.run_encrypted(
        &ServerKey::new(&client.evaluation_key().expect("the system has randomness")),
        &request,
    );
    let scores = client.decrypt(&request, &reply.expect("its own key and request"));
    assert_eq!(
        scores.expect("its own reply"),
        network.run(&input).expect("finite")
    );
}

#[test]
fn a_number_that_is_no_token_is_refused_by_the_client() {
    let network: Words = Random(14).network();
    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    for (token, shown) in [(6.0, "6"), (-1.0, "-1"), (0.5, "0.5")] {
        let input = [0.0, 1.0, token, 5.0];
        for error in [
            network.run(&input).map(|_| ()),
            client.encrypt(&input).map(|_| ()),
        ] {
            let expected = format!("value 2 is {shown}, but tokens are integers of 0 to 5");
            assert_eq!(error.expect_err("no token").to_string(), expected);
        }
    }
}

/// The function is called when tables are made, and the model keeps only the tables.
#[test]
fn a_function_of_ones_own_is_in_the_tables() {
    let network: Words = Random(15).network();
    let model = network.model();
    let graph = model.graph();
    let tables = graph.nodes.iter().find_map(|node| match &node.op {
        fhe_nn_core::proof::graph::Op::Lookup(lookup) if node.name == "custom" => {
            Some(lookup.clone())
        }
        _ => None,
    });
    let tables = tables.expect("a node for the field");
    // a cube is odd and increasing
    let values: Vec<i64> = (-6..=6).map(|sum| tables.value(0, sum, 0)).collect();
    assert!(
        values.is_sorted() && values[0] < 0 && values[12] > 0,
        "{values:?}"
    );
    assert_eq!(values[6], 0);
}

/// A declaration that the macro would not accept is refused. The error names the first layer that cannot
/// read its operands.
#[test]
fn a_declaration_that_does_not_fit_is_named() {
    let mut spec = Residual::SPEC.clone();
    spec.layers.to_mut()[4].sources = vec![2, 0].into();
    let (index, error) = spec.flow().expect_err("the shapes differ");
    assert_eq!((index, &*spec.layers[index].name), (4, "sum"));
    assert!(matches!(error, FlowError::Shape { .. }), "{error}");
    spec.layers.to_mut()[4].sources = vec![2, 9].into();
    let (_, error) = spec.flow().expect_err("it is not there yet");
    assert_eq!(
        error.to_string(),
        "reads tensor 9, but only 5 are there yet"
    );
}

#[test]
fn a_model_of_other_windows_is_refused() {
    let network: Residual = Random(16).network();
    let bytes = network.to_bytes();
    let other = String::from_utf8_lossy(&bytes).contains("\"stride\\\":[2,2]");
    assert!(other, "windows are in the declaration");
    let needle = b"\\\"stride\\\":[2,2]";
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle);
    let mut bytes = bytes.clone();
    bytes[at.expect("it is there") + needle.len() - 2] = b'1';
    let error = Residual::from_bytes(&bytes).expect_err("another stride");
    assert!(error.to_string().contains("stem"), "{error}");
}

/// Checks that clear, loaded, simulated and encrypted runs are equal, and returns the plan.
pub(crate) fn same<N: Network + core::fmt::Debug + PartialEq>(
    seed: u64,
    input: impl Fn(&mut Random) -> Vec<f32>,
) -> Plan {
    let mut random = Random(seed);
    let network: N = random.network();
    let loaded = N::from_bytes(&network.to_bytes()).expect("what was saved");
    assert_eq!(loaded, network);
    assert_eq!(loaded.fingerprint(), network.fingerprint());

    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    let inputs: Vec<Vec<f32>> = (0..3).map(|_| input(&mut random)).collect();
    let all: Vec<f32> = inputs.concat();
    let rows = ndarray::ArrayView2::from_shape((3, N::SPEC.input_len()), &all).expect("3 rows");
    let clear = network.run_batch(rows).expect("finite");
    let simulated = network
        .simulate(&plan, rows, seed)
        .expect("the network's own plan");
    assert_eq!(simulated, clear, "{plan}");

    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let server = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    for (input, clear) in inputs.iter().zip(clear) {
        let request = client.encrypt(input).expect("finite").to_bytes();
        let request = Request::from_bytes(&request, &plan).expect("the client's own");
        let reply = network.run_encrypted(&server, &request);
        let reply = reply.expect("key and request were made for the network");
        let reply = Reply::from_bytes(&reply.to_bytes(), &plan).expect("the server's own");
        let scores = client.decrypt(&request, &reply).expect("the client's own");
        assert_eq!(scores, clear, "{input:?}\n{plan}");
    }
    plan
}
