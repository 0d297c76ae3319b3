//! Encrypted equals clear, for declared networks through the public API alone, on inputs inside and far
//! outside the calibrated ranges.

use crate::random::Random;
use fhe_nn_core::prelude::*;
use fhe_nn_core::proof::widths::Range;

/// A network with several values from each bootstrap, modulo powers of two.
#[fhe_network(input(shape = [16], bits = 4))]
struct Waves {
    #[bits(weights = 3, accumulator = 5, overflow = wrap)]
    fc1: Dense<16, 6>,
    #[bits(output = 3, phases = 4)]
    wave1: Wave,
    #[bits(weights = 3, accumulator = 4, overflow = wrap)]
    fc2: Dense<24, 5>,
    #[bits(output = 2, phases = 2)]
    wave2: Wave,
    #[bits(weights = 3)]
    scores: Dense<10, 3>,
}

/// A network with accumulators that are proved to fit.
#[fhe_network(input(shape = [2, 2], bits = 2))]
struct Proved {
    #[bits(weights = 2)]
    fc1: Dense<4, 4>,
    #[bits(output = 2)]
    square: Square,
    #[bits(weights = 2)]
    fc2: Dense<4, 3>,
    #[bits(output = 2)]
    gelu: Gelu,
    #[bits(weights = 4)]
    scores: Dense<3, 2>,
}

/// A network with accumulators that are as wide as calibration saw.
#[fhe_network(input(shape = [8], bits = 2))]
struct Seen {
    #[bits(weights = 2, overflow = calibrated)]
    fc1: Dense<8, 4>,
    #[bits(output = 2)]
    sigmoid: Sigmoid,
    #[bits(weights = 2, overflow = calibrated)]
    fc2: Dense<4, 3>,
    #[bits(output = 3)]
    identity: Identity,
    #[bits(weights = 3)]
    scores: Dense<3, 2>,
}

/// A network with every overflow mode under signs.
#[fhe_network(input(shape = [6], bits = 1))]
struct Signs {
    #[bits(weights = 2)]
    fc1: Dense<6, 5>,
    sign1: Sign,
    #[bits(weights = 2, overflow = calibrated)]
    fc2: Dense<5, 4>,
    #[bits(phases = 2)]
    sign2: Sign,
    #[bits(weights = 2, accumulator = 4, overflow = wrap)]
    fc3: Dense<8, 4>,
    #[bits(phases = 4)]
    sign3: Sign,
    #[bits(weights = 4)]
    scores: Dense<16, 3>,
}

/// A network with tables narrower than their accumulators, which are checked, calibrated, or sums of odd
/// values.
#[fhe_network(input(shape = [12], bits = 4))]
struct Rounded {
    #[bits(weights = 4)]
    fc1: Dense<12, 4>,
    #[bits(output = 3, table = 3)]
    relu: Relu,
    #[bits(weights = 4, overflow = calibrated)]
    fc2: Dense<4, 4>,
    #[bits(table = 2, phases = 2)]
    sign: Sign,
    #[bits(weights = 3, overflow = calibrated)]
    fc3: Dense<8, 3>,
    #[bits(output = 2, table = 2)]
    softplus: Softplus,
    #[bits(weights = 3)]
    scores: Dense<3, 2>,
}

/// A network without tables.
#[fhe_network(input(shape = [20], bits = 8))]
struct Direct {
    #[bits(weights = 6)]
    scores: Dense<20, 3>,
}

#[test]
fn waves_with_phases_wrap() {
    same(&Random(1).network::<Waves>(), 2);
}

#[test]
fn square_and_gelu_of_proved_widths() {
    same(&Random(2).network::<Proved>(), 3);
}

#[test]
fn sigmoid_and_identity_of_seen_widths_continue_outside() {
    let network: Seen = Random(3).network();
    let inputs = same(&network, 4);
    let (layer, client) = (network.fc1.linear(), network.client_spec());
    let left = inputs.iter().any(|input| {
        let rows = layer.weights.rows().into_iter().zip(&layer.widths);
        let integers = client.encode(input).expect("no tokens");
        rows.into_iter().any(|(row, &width)| {
            let terms = row.iter().zip(&integers);
            let sum = terms.map(|(&w, &q)| i64::from(w) * q).sum();
            !Range::signed(width).contains(sum)
        })
    });
    assert!(left, "some input leaves the range that calibration saw");
}

#[test]
fn signs_of_every_overflow_mode() {
    same(&Random(4).network::<Signs>(), 5);
}

#[test]
fn low_bits_are_removed_exactly() {
    let network: Rounded = Random(6).network();
    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    assert!(
        plan.stages.iter().any(|stage| stage.rounds.len() > 1),
        "{plan}"
    );
    same(&network, 7);
}

#[test]
fn a_linear_layer_alone() {
    same(&Random(5).network::<Direct>(), 6);
}

/// Runs random inputs encrypted and in the clear, compares the results, and returns the inputs.
fn same<N: Network>(network: &N, seed: u64) -> Vec<Vec<f32>> {
    let plan = network
        .plan(&PlanOptions::default())
        .expect("parameters exist");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let server = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    let mut random = Random(seed);
    let inputs = [0.5, 1.0, 1.0, 3.0, 1000.0, f32::MAX];
    let inputs: Vec<Vec<f32>> = inputs.map(|beyond| random.input::<N>(beyond)).to_vec();
    for input in &inputs {
        let clear = network.run(input).expect("finite");
        let request = client.encrypt(input).expect("finite");
        let reply = network.run_encrypted(&server, &request);
        let reply = reply.expect("key and request were made for the network");
        let decrypted = client.decrypt(&request, &reply).expect("the client's own");
        assert_eq!(decrypted, clear, "{input:?}\n{plan}");
    }
    inputs
}
