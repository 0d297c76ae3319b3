//! Networks that cannot run encrypted still run in the clear, and the plan's error says why, with layer
//! and numbers.

use crate::random::Random;
use fhe_nn_core::Error;
use fhe_nn_core::error::ModelError;
use fhe_nn_core::prelude::*;
use fhe_nn_proof::plan::PlanError;

/// A network with accumulators that tables cannot read whole, and with more bits than an encrypted run
/// allows.
#[fhe_network(input(shape = [256], bits = 8))]
struct Wide {
    #[bits(weights = 8)]
    fc: Dense<256, 3>,
    #[bits(output = 2, table = 8)]
    tanh: Tanh,
    #[bits(weights = 3)]
    scores: Dense<3, 2>,
}

/// A network with 20-bit scores from bootstrapped values, by weights with a 2-norm of hundreds.
#[fhe_network(input(shape = [4], bits = 1))]
struct Exacting {
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc: Dense<4, 16>,
    #[bits(output = 8)]
    wave: Wave,
    #[bits(weights = 8)]
    scores: Dense<16, 1>,
}

#[test]
fn accumulators_of_more_than_20_bits_run_in_the_clear_only() {
    let error = refused::<Wide>();
    let expected = matches!(
        &error,
        Error::Model(ModelError::EncryptedWidth { layer, width, limit: 20, .. })
            if layer == "fc" && *width > 20
    );
    assert!(expected, "{error}");
    assert!(error.to_string().contains("accumulator = 20"), "{error}");
}

#[test]
fn a_layer_for_which_no_parameters_exist_is_named() {
    let error = refused::<Exacting>();
    let expected = matches!(
        &error,
        Error::Plan(PlanError::NoParameters { layer, bits, norm, .. })
            if layer == "scores" && *bits > 17 && *norm > 100.0
    );
    assert!(expected, "{error}");
    assert!(error.to_string().contains("`scores`"), "{error}");
}

#[test]
fn a_failure_probability_is_one() {
    let network: Exacting = Random(1).network();
    for failure_bits in [0.0, -1.0, 1e9, f64::NAN, f64::INFINITY] {
        let options = PlanOptions::new().with_failure_bits(failure_bits);
        let refused = network.plan(&options);
        let expected = matches!(&refused, Err(Error::Plan(PlanError::FailureBits(_))));
        assert!(expected, "{failure_bits}: {refused:?}");
    }
}

/// The error that says why a network that runs in the clear does not have a plan.
fn refused<N: Network>() -> Error {
    let mut random = Random(1);
    let network: N = random.network();
    let input = random.input::<N>(1.0);
    network
        .run(&input)
        .expect("every network runs in the clear");
    match network.plan(&PlanOptions::default()) {
        Err(error) => error,
        Ok(plan) => panic!("a plan that should not exist: {plan}"),
    }
}
