//! The accumulators that exact rounding leaves, and the noise that they have.

use fhe_nn_proof::noise::{MODULUS_BITS, seeded_variance};
use fhe_nn_proof::plan::{Plan, PlanOptions, Round, torus_step};
use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::interval::{COUNT, Prediction};
use super::torus;
use crate::backend::Backend;
use crate::clear::Clear;
use crate::client::ClientKey;
use crate::digits::{Digit, DigitBit};
use crate::engine::Encrypted;
use crate::engine::ServerKey;
use crate::engine::lookup::Stages;
use crate::engine::lookup::to_step_width;
use crate::engine::tests::random::{Hidden, Net, Random, Shape};
use crate::run::Execution;
use crate::wire::Ciphertexts;
use fhe_nn_proof::graph::{LinearOp, Op};

/// Number of neurons. Half have 4 low bits, removed in one round, and half have 5, removed in two.
const NEURONS: usize = 4;

/// What is left is the multiple of `2^d`, with the noise of the sum and of every result subtracted from it.
#[test]
fn low_bits_are_gone_and_every_bootstrap_leaves_its_noise() {
    let mut random = Random(4);
    let hidden = Hidden {
        neurons: NEURONS,
        weights: 4,
        overflow: Overflow::Calibrated,
        width: 8,
        function: Function::Identity,
        output: 2,
        table: Some(3),
        rounding: Rounding::Exact,
        phases: 1,
    };
    let shape = Shape {
        inputs: 8,
        bits: 3,
        hidden: vec![hidden],
        scores: 1,
    };
    let net = Net::random(&mut random, &shape);
    let graph = net.graph();
    let requirements = graph
        .requirements([0; 32])
        .expect("every width can be read");
    let plan = Plan::find(&requirements, &PlanOptions::default()).expect("there are parameters");
    let [Op::Linear(sums), Op::Lookup(lookup)] = [0, 1].map(|index| graph.nodes[index].op.clone())
    else {
        unreachable!("a lookup follows a linear layer")
    };
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let key = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    let inputs = Array2::from_shape_fn((COUNT / NEURONS, shape.inputs), |_| {
        random.within(Range::unsigned(shape.bits))
    });

    let requests = inputs.rows().into_iter().map(|row| {
        let reals: Vec<f32> = row.iter().map(|&q| q as f32).collect();
        key.expand_request(&client.encrypt(&reals).expect("finite"))
    });
    let running = Execution::default().begin(COUNT * plan.bootstraps() as usize);
    let mut backend = Encrypted::new(&key, &running, COUNT / NEURONS);
    let accumulators = backend.linear(&sums, &[&Ciphertexts::concat(requests)]);
    let accumulators = accumulators.expect("nobody cancels");
    let stage = &plan.stages[0];
    let stages = Stages {
        op: &lookup,
        stage,
        keys: &key.bootstraps,
        next_modulus: 1,
        running: &running,
    };
    let left = stages.remove_low_bits(to_step_width(
        &accumulators,
        &lookup.read,
        stage.sums.step_width,
    ));
    let left = left.expect("nobody cancels");

    let Ok(exact) = Clear.linear(&sums, &[&inputs]);
    let digits = |j: usize| -> Vec<(&Round, Digit)> {
        let digit = |round| Digit::of(stage, &lookup, j, round);
        let digits = stage.rounds.iter().map(|round| (round, digit(round)));
        digits.filter(|(_, digit)| digit.bits > 0).collect()
    };
    let counts: Vec<usize> = (0..NEURONS).map(|j| digits(j).len()).collect();
    assert!(counts.contains(&1) && counts.contains(&2), "{counts:?}");
    let predicted: Vec<Prediction> = (0..NEURONS)
        .map(|j| predict(&plan, &sums, lookup.read.width(j), j, digits(j)))
        .collect();
    let errors = client.phases(0, &left).zip(&exact).enumerate();
    let errors: Vec<f64> = errors
        .map(|(index, (phase, &accumulator))| {
            let j = index % NEURONS;
            let dropped = lookup.dropped_bits(j);
            let rounded = (accumulator >> dropped)
                << (dropped + stage.sums.step_width - lookup.read.width(j));
            let message = (rounded as u64).wrapping_mul(torus_step(stage.sums.modulus));
            torus(phase.wrapping_sub(message)) / predicted[j].variance.sqrt()
        })
        .collect();
    let relative = predicted.iter().map(|own| Prediction {
        variance: 1.0,
        fitted: own.fitted / own.variance,
        constant: own.constant / own.variance,
        ..*own
    });
    let widest = relative.reduce(|a, b| if a.fitted > b.fitted { a } else { b });
    let widest = widest.expect("there are neurons");
    // neurons share inputs
    widest.check_squares("what rounds leave", &errors);
}

/// Predicts the error of neuron j: its weights times the noise of inputs, and the noise of every result.
fn predict(
    plan: &Plan,
    sums: &LinearOp<'_>,
    width: u32,
    j: usize,
    digits: Vec<(&Round, Digit)>,
) -> Prediction {
    let scale = 1 << (plan.stages[0].sums.step_width - width);
    let terms = sums.map.terms(j).into_iter();
    let weights: Vec<i16> = terms.map(|term| scale * term.weight as i16).collect();
    let fresh = Prediction::exact(seeded_variance(plan.input.dimension, MODULUS_BITS));
    digits
        .into_iter()
        .fold(fresh.times(&weights), |sum, (round, digit)| {
            let result = Prediction::of(&round.bootstrap);
            let parts = DigitBit::ALL.into_iter().filter(|part| part.exists(digit));
            parts.fold(sum, |sum, _| sum.plus(result))
        })
}
