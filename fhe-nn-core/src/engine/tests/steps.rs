//! Approximate rounding moves values as often as a plan states, wherever accumulators lie in a step.

use fhe_nn_proof::plan::{Plan, PlanOptions};
use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::random::{Hidden, Net, Random, Shape};
use crate::backend::Backend;
use crate::clear::Clear;
use crate::simulated::Simulated;
use fhe_nn_proof::graph::{Graph, Op};

const NEURONS: usize = 4;

/// A wave of 3 bits has 8 steps, and 2 pairs of neighbours with one value. Moves within these pairs are not
/// seen.
const SEEN: f64 = 6.0 / 8.0;

#[test]
fn values_move_as_often_as_stated() {
    // with no dropped bit, accumulators lie in the middle of a step; with one, a quarter from its ends
    for (dropped, inputs) in [(0, 100_000), (1, 10_000), (2, 10_000), (6, 10_000)] {
        let (moved, stated) = moves(dropped, inputs);
        let expected = stated * SEEN * (inputs * NEURONS) as f64;
        println!("{dropped} dropped bits: {moved} moved, {expected:.0} stated");
        assert!(expected > 10.0);
        // the plan's rate is that of the neuron with the most noise, and the others have hardly less; the
        // rest is chance
        let error = 0.15 * expected + 5.0 * expected.sqrt();
        assert!(
            (moved as f64 - expected).abs() < error,
            "{moved} {expected}"
        );
    }
}

/// Returns how many values a simulation moves, and the plan's probability that one is moved.
fn moves(dropped: u32, inputs: usize) -> (usize, f64) {
    let wave = Hidden {
        neurons: NEURONS,
        weights: 3,
        overflow: Overflow::Wrap,
        width: 3 + dropped,
        function: Function::Wave,
        output: 3,
        table: Some(3),
        rounding: Rounding::Approximate,
        phases: 1,
    };
    let shape = Shape {
        inputs: 40,
        // sums are spread over all of the modulus
        bits: 6,
        hidden: vec![wave],
        scores: 1,
    };
    let mut random = Random(5);
    let net = Net::random(&mut random, &shape);
    let graph = net.graph();
    let requirements = graph
        .requirements([0; 32])
        .expect("every width can be read");
    let plan = Plan::find(&requirements, &PlanOptions::default()).expect("there are parameters");
    let integers = Array2::from_shape_fn((inputs, shape.inputs), |_| {
        random.within(Range::unsigned(shape.bits))
    });
    let mut simulated = Simulated::new(&plan, 1, 0);
    let phases = simulated.encrypt(&integers, graph.input_stage);
    let phases = hidden(&graph, &mut simulated, phases);
    let clear = hidden(&graph, &mut Clear, integers);
    let modulus = plan.output.sums.modulus as f64;
    let pairs = phases.iter().zip(&clear);
    let moved = pairs.filter(|(phase, clear)| (*phase * modulus).round() as i64 != **clear);
    let stated = plan.stages[0].step_probability;
    (moved.count(), stated.expect("it rounds approximately"))
}

/// Returns the values of the first lookup.
fn hidden<B>(graph: &Graph<'_>, backend: &mut B, values: B::Values) -> B::Values
where
    B: Backend<Error: core::fmt::Debug>,
{
    let [Op::Linear(linear), Op::Lookup(lookup)] = [&graph.nodes[0].op, &graph.nodes[1].op] else {
        unreachable!("a layer and its activation")
    };
    let sums = backend.linear(linear, &[&values]).expect("nobody cancels");
    backend.lookup(lookup, &sums).expect("nobody cancels")
}
