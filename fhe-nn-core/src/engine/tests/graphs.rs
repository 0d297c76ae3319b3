//! Encrypted and simulated runs equal clear ones, for networks that are not chains of dense layers.

use fhe_nn_proof::plan::{Plan, PlanOptions};
use fhe_nn_proof::spec::{
    ActivationSpec, ConvSpec, DenseSpec, EmbeddingSpec, Encoding, Function, Input, Interface,
    Layer, Op, Overflow, Padding, Pool, PoolSpec, Rounding, Spec, Window,
};
use ndarray::{Array2, ArrayD, Axis};

use super::random::Random;
use crate::backend::interpret;
use crate::clear::{self, Clear};
use crate::client::ClientKey;
use crate::engine::{Encrypted, ServerKey};
use crate::quantize::{Clipping, quantize};
use crate::run::Execution;
use crate::simulated::Simulated;
use crate::wire::Ciphertexts;
use crate::{Calibration, Floats};
use fhe_nn_proof::graph::Graph;

#[test]
fn a_convolution_with_stride_padding_and_groups_and_an_average() {
    let first = Window {
        stride: [2, 2],
        padding: [Padding::both(1); 2],
        ..windows(1, 2, [7, 7], [3, 3])
    };
    let second = Window {
        groups: 2,
        ..windows(2, 2, [4, 4], [2, 2])
    };
    let pool = Window {
        stride: [2, 2],
        groups: 2,
        ..windows(2, 2, [3, 3], [2, 2])
    };
    same(
        1,
        Input::new(&[1, 7, 7], 2),
        vec![
            Layer::new("conv", convolution(first, Overflow::Checked)),
            Layer::new("relu", activation(Function::Relu, 2, Some(4))),
            Layer::new("depthwise", convolution(second, Overflow::Calibrated)),
            Layer::new("tanh", activation(Function::Tanh, 3, Some(4))),
            Layer::new("pool", average(pool)),
            Layer::new("scores", dense(2, 3)),
        ],
    );
}

#[test]
fn a_residual_block_adds_what_was_before() {
    let window = Window {
        padding: [Padding::both(1); 2],
        ..windows(2, 2, [3, 3], [3, 3])
    };
    let first = Window {
        channels: 1,
        ..window
    };
    same(
        2,
        Input::new(&[1, 3, 3], 3),
        vec![
            Layer::new("stem", convolution(first, Overflow::Calibrated)),
            Layer::new("stem_relu", activation(Function::Relu, 3, Some(4))),
            Layer::new("branch", convolution(window, Overflow::Calibrated)),
            Layer::new("branch_act", activation(Function::Identity, 3, Some(4))),
            Layer::reading("sum", &[2, 4], Op::Add),
            Layer::new("relu", activation(Function::Relu, 3, None)),
            Layer::new("scores", dense(18, 3)),
        ],
    );
}

#[test]
fn both_branches_of_the_input_are_put_one_behind_the_other() {
    same(
        3,
        Input::new(&[6], 2),
        vec![
            Layer::reading("left", &[0], dense(6, 3)),
            Layer::new("left_relu", activation(Function::Relu, 2, Some(4))),
            Layer::reading("right", &[0], dense(6, 4)),
            Layer::new("right_elu", activation(Function::Elu, 3, Some(4))),
            Layer::reading("both", &[2, 4], Op::Concat),
            Layer::new("scores", dense(7, 2)),
        ],
    );
}

#[test]
fn the_greatest_of_windows_and_a_product() {
    let pool = Window {
        stride: [2, 2],
        padding: [Padding::both(1); 2],
        ..windows(1, 1, [4, 4], [3, 3])
    };
    let pool = Op::Pool(PoolSpec {
        window: pool,
        flat: false,
        kind: Pool::Max,
    });
    let first = windows(1, 1, [5, 5], [2, 2]);
    same(
        4,
        Input::new(&[1, 5, 5], 1),
        vec![
            Layer::new("conv", convolution(first, Overflow::Checked)),
            Layer::new("relu", activation(Function::Relu, 2, Some(4))),
            Layer::new("pool", pool),
            Layer::reading("square", &[3, 3], Op::Mul),
            Layer::new("act", activation(Function::Identity, 3, None)),
            Layer::new("scores", dense(4, 2)),
        ],
    );
}

#[test]
fn sums_of_sums_of_noisy_values_are_scores() {
    same(
        5,
        Input::new(&[4], 2),
        vec![
            Layer::new("fc", dense(4, 3)),
            Layer::new("relu", activation(Function::Relu, 2, Some(3))),
            Layer::reading("twice", &[2, 2], Op::Add),
            Layer::reading("scores", &[3, 2], Op::Add),
        ],
    );
}

#[test]
fn texts_are_vectors_on_average() {
    texts(Encoding::OneHot, Input::one_hot(&[5], 9));
    texts(Encoding::Number, Input::numbers(&[5], 9, 4));
}

fn texts(encoding: Encoding, input: Input) {
    let embedding = Op::Embedding(EmbeddingSpec {
        vocabulary: 9,
        dimension: 4,
        positions: 5,
        encoding,
        weights: 4,
    });
    let all = Window {
        groups: 4,
        ..windows(4, 4, [1, 5], [1, 5])
    };
    let pool = Op::Pool(PoolSpec {
        window: all,
        flat: true,
        kind: Pool::Average,
    });
    same(
        6,
        input,
        vec![
            Layer::new("embedding", embedding),
            Layer::new("average", pool),
            Layer::new("fc", dense(4, 4)),
            Layer::new("relu", activation(Function::Relu, 3, Some(4))),
            Layer::new("scores", dense(4, 2)),
        ],
    );
}

fn windows(channels: usize, outputs: usize, input: [usize; 2], kernel: [usize; 2]) -> Window {
    Window {
        channels,
        outputs,
        input,
        kernel,
        stride: [1, 1],
        padding: [Padding::NONE; 2],
        dilation: [1, 1],
        groups: 1,
    }
}

fn convolution(window: Window, overflow: Overflow) -> Op {
    Op::Conv(ConvSpec {
        window,
        flat: false,
        weights: 3,
        accumulator: 9,
        overflow,
    })
}

fn average(window: Window) -> Op {
    Op::Pool(PoolSpec {
        window,
        flat: false,
        kind: Pool::Average,
    })
}

fn dense(inputs: usize, outputs: usize) -> Op {
    Op::Dense(DenseSpec {
        inputs,
        outputs,
        weights: 3,
        accumulator: 12,
        overflow: Overflow::Checked,
    })
}

fn activation(function: Function, output: u32, table: Option<u32>) -> Op {
    Op::Activation(ActivationSpec {
        function,
        output,
        table,
        rounding: Rounding::Exact,
        phases: 1,
    })
}

/// Runs random inputs through a network of random floats: clear, simulated and encrypted.
fn same(seed: u64, input: Input, layers: Vec<Layer>) {
    let spec = Spec {
        name: "Net".into(),
        input,
        layers: layers.into(),
        interface: Interface::OWN,
    };
    let mut random = Random(seed);
    let samples =
        Array2::from_shape_simple_fn((40, spec.input_len()), || match spec.input.tokens {
            None => random.unit(),
            Some(tokens) => (random.unit() * tokens.vocabulary as f32).floor(),
        });
    let floats = floats(&spec, &mut random);
    let calibration = Calibration::new().with_clipping(Clipping::MinMax);
    let quantized = quantize(&spec, &floats, &[], samples.view(), &calibration);
    let (parts, report) = quantized.expect("every promise is kept");
    let graph = Graph::new(&spec, &parts).expect("the parts of the spec");
    let requirements = graph
        .requirements(graph.fingerprint())
        .expect("every width can be read");
    let plan = Plan::find(&requirements, &PlanOptions::default()).expect("there are parameters");
    assert_eq!(plan.validate(), Ok(()));
    assert!(plan.serves(&requirements));

    let integers = plan.client.encode_batch(samples.view()).expect("finite");
    let Ok(sums) = interpret(&graph, &mut Clear, integers.clone());
    let clear = clear::scores(&graph.scores, sums);
    let real = clear.mapv(|q| q as f64);
    assert!(real.std(0.0) > 0.5, "scores differ: {report}");

    let mut backend = Simulated::new(&plan, seed, 0);
    let values = backend.encrypt(&integers, graph.input_stage);
    let Ok(sums) = interpret(&graph, &mut backend, values);
    assert_eq!(backend.decrypt(&sums), clear, "{plan}");

    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let key = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    let few = samples.slice_axis(Axis(0), (0..2).into());
    let requests = few.rows().into_iter().map(|row| {
        let request = client.encrypt(&row.to_vec()).expect("finite");
        key.expand_request(&request)
    });
    let running = Execution::default().begin(2 * plan.bootstraps() as usize);
    let mut backend = Encrypted::new(&key, &running, 2);
    let sums = interpret(&graph, &mut backend, Ciphertexts::concat(requests));
    let scores = backend.finish(&graph.scores, &sums.expect("nobody cancels"));
    for (own, clear) in scores
        .split(plan.output.sums.neurons as usize)
        .zip(clear.rows())
    {
        let scores = client.scores(&own);
        assert_eq!(scores.integers(), clear.to_vec(), "{plan}");
    }
}

/// Draws the floats of every layer that takes any.
fn floats(spec: &Spec, random: &mut Random) -> Floats {
    let mut floats = Floats::new();
    for layer in spec.layers.iter() {
        let shape = match &layer.op {
            Op::Dense(dense) => vec![dense.outputs, dense.inputs],
            Op::Conv(conv) => {
                let [down, across] = conv.window.kernel;
                let channels = conv.window.channels / conv.window.groups;
                vec![conv.window.outputs, channels, down, across]
            }
            Op::Embedding(embedding) => vec![embedding.vocabulary, embedding.dimension],
            _ => continue,
        };
        let bias = match layer.op {
            Op::Embedding(_) => None,
            _ => Some(vec![shape[0]]),
        };
        let tensors = [("weight", Some(shape)), ("bias", bias)];
        for (name, shape) in tensors
            .into_iter()
            .filter_map(|(name, shape)| Some((name, shape?)))
        {
            let tensor = ArrayD::from_shape_simple_fn(shape, || 2.0 * random.unit() - 1.0);
            let name = format!("{}.{name}", layer.name);
            floats.insert(name, tensor).expect("finite");
        }
    }
    floats
}
