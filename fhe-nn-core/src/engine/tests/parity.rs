//! Encrypted runs equal clear ones: every activation, every overflow mode, inside and outside of calibrated
//! ranges, chains that keyswitch, several widths in one layer.

use fhe_nn_proof::plan::{Plan, PlanOptions};
use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use fhe_nn_proof::widths::Range;
use ndarray::ArrayView2;

use super::random::{Hidden, Net, Random, Shape};
use crate::backend::interpret;
use crate::clear::{self, Clear};
use crate::client::ClientKey;
use crate::engine::{Encrypted, ServerKey};
use crate::run::Execution;

#[test]
fn checked_relu_then_tanh_keyswitches() {
    let layer = |function, output| Hidden {
        function,
        output,
        ..CHECKED
    };
    let hidden = vec![layer(Function::Relu, 2), layer(Function::Tanh, 2)];
    same(
        1,
        &Shape {
            inputs: 4,
            bits: 1,
            hidden,
            scores: 3,
        },
    );
}

#[test]
fn calibrated_tables_continue_antiperiodically_outside_their_range() {
    let layer = |function, output| Hidden {
        function,
        output,
        ..CALIBRATED
    };
    let hidden = vec![layer(Function::Sigmoid, 2), layer(Function::Identity, 3)];
    same(
        2,
        &Shape {
            inputs: 40,
            bits: 3,
            hidden,
            scores: 3,
        },
    );
}

#[test]
fn wave_wraps_and_has_phases() {
    let hidden = vec![Hidden { phases: 4, ..WAVE }, Hidden { phases: 2, ..WAVE }];
    same(
        3,
        &Shape {
            inputs: 100,
            bits: 4,
            hidden,
            scores: 3,
        },
    );
}

#[test]
fn sign_is_checked_calibrated_or_wraps() {
    let sign = |overflow| Hidden {
        neurons: 5,
        weights: 2,
        overflow,
        width: 5,
        function: Function::Sign,
        output: 1,
        table: None,
        rounding: Rounding::Exact,
        phases: 4,
    };
    let hidden = [Overflow::Checked, Overflow::Calibrated, Overflow::Wrap]
        .map(sign)
        .to_vec();
    same(
        4,
        &Shape {
            inputs: 6,
            bits: 1,
            hidden,
            scores: 3,
        },
    );
}

#[test]
fn a_table_of_six_bits() {
    let hidden = vec![Hidden {
        width: 6,
        neurons: 3,
        ..CALIBRATED
    }];
    same(
        5,
        &Shape {
            inputs: 20,
            bits: 2,
            hidden,
            scores: 2,
        },
    );
}

#[test]
fn low_bits_are_removed_of_accumulators_of_several_widths() {
    let layer = |width, table| Hidden {
        width,
        table: Some(table),
        neurons: 4,
        output: 3,
        weights: 5,
        ..CALIBRATED
    };
    // digits of one to four bits, one to three of them; and inside and outside of calibrated ranges
    for (seed, widths) in [(7, [9, 7]), (8, [13, 8]), (9, [15, 10])] {
        let hidden = widths.map(|width| layer(width, 3)).to_vec();
        same(
            seed,
            &Shape {
                inputs: 30,
                bits: 5,
                hidden,
                scores: 2,
            },
        );
    }
}

#[test]
fn known_low_bits_are_not_removed() {
    let wave = Hidden {
        width: 8,
        table: Some(4),
        phases: 2,
        ..WAVE
    };
    let sign = Hidden {
        function: Function::Sign,
        output: 1,
        table: Some(2),
        overflow: Overflow::Calibrated,
        width: 6,
        ..wave
    };
    let checked = Hidden {
        weights: 4,
        table: Some(4),
        ..CHECKED
    };
    // sums of odd values, and of what they leave
    same(
        10,
        &Shape {
            inputs: 50,
            bits: 3,
            hidden: vec![wave, sign, checked],
            scores: 2,
        },
    );
}

#[test]
fn a_single_linear_layer_needs_no_bootstrap() {
    same(
        6,
        &Shape {
            inputs: 30,
            bits: 8,
            hidden: Vec::new(),
            scores: 5,
        },
    );
}

const CHECKED: Hidden = Hidden {
    neurons: 4,
    weights: 2,
    overflow: Overflow::Checked,
    width: 8,
    function: Function::Relu,
    output: 2,
    table: None,
    rounding: Rounding::Exact,
    phases: 1,
};
const CALIBRATED: Hidden = Hidden {
    overflow: Overflow::Calibrated,
    width: 4,
    ..CHECKED
};
const WAVE: Hidden = Hidden {
    neurons: 6,
    weights: 3,
    overflow: Overflow::Wrap,
    width: 5,
    function: Function::Wave,
    output: 3,
    table: None,
    rounding: Rounding::Exact,
    phases: 1,
};

/// Runs three random inputs through a random network, encrypted and in the clear.
fn same(seed: u64, shape: &Shape) {
    let mut random = Random(seed);
    let net = Net::random(&mut random, shape);
    let graph = net.graph();
    let requirements = graph
        .requirements(graph.fingerprint())
        .expect("every width can be read");
    let plan = Plan::find(&requirements, &PlanOptions::default()).expect("there are parameters");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let key = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    for _ in 0..3 {
        let input: Vec<f32> = (0..shape.inputs)
            .map(|_| random.within(Range::unsigned(shape.bits)) as f32)
            .collect();
        let row = ArrayView2::from_shape((1, input.len()), &input).expect("one row");
        let encoded = plan.client.encode_batch(row).expect("finite");
        let Ok(sums) = interpret(&graph, &mut Clear, encoded);
        let clear = clear::scores(&graph.scores, sums);

        let request = client.encrypt(&input).expect("finite");
        let running = Execution::default().begin(plan.bootstraps() as usize);
        let mut backend = Encrypted::new(&key, &running, 1);
        let scores =
            interpret(&graph, &mut backend, key.expand_request(&request)).expect("not cancelled");
        let reply = key.reply(&request, backend.finish(&graph.scores, &scores));
        let scores = client.decrypt(&request, &reply).expect("the client's own");
        assert_eq!(scores.integers(), clear.row(0).to_vec(), "{plan}");
    }
}
