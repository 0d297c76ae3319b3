//! Simulated runs fail and differ as often as encrypted ones.
//!
//! Small random networks run encrypted, under plans so weak that one inference in five to ten is wrong
//! (each of its 8 to 12 bootstraps and scores has a share of one to two in a hundred in that), and many
//! times as often simulated, on the same inputs. What must agree, and how closely, is in [`statistics`].

mod statistics;

use fhe_nn_proof::noise::standard_deviations;
use fhe_nn_proof::plan::{Plan, PlanOptions};
use fhe_nn_proof::spec::{Function, Overflow, Rounding};
use fhe_nn_proof::widths::Range;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use self::statistics::{Rate, Sample, key_variance};
use super::random::{Hidden, Net, Random, Shape};
use crate::backend::{Backend, interpret};
use crate::clear::Clear;
use crate::client::ClientKey;
use crate::engine::{Encrypted, ServerKey};
use crate::run::Execution;
use crate::simulated::Simulated;
use crate::wire::Ciphertexts;
use fhe_nn_proof::graph::Graph;

/// Number of inputs that run encrypted at once.
const BATCH: usize = 16;
/// The least number of simulated runs.
const SIMULATED: usize = 100_000;

#[test]
fn tables_fail_as_often_as_simulated() {
    let layer = |function| Hidden {
        function,
        ..CHECKED
    };
    let experiment = Experiment {
        hidden: vec![layer(Function::Relu), layer(Function::Tanh)],
        inputs: 4,
        bits: 1,
        failure_bits: 4.4,
        keys: 3,
        images: 120,
    };
    experiment.run(1).fails_as_simulated();
}

#[test]
fn rounds_fail_as_often_as_simulated() {
    let experiment = Experiment {
        hidden: vec![WIDE],
        inputs: 4,
        bits: 4,
        failure_bits: 4.0,
        keys: 3,
        images: 80,
    };
    experiment.run(2).fails_as_simulated();
}

#[test]
fn approximate_rounding_differs_as_simulated() {
    let approximate = Hidden {
        rounding: Rounding::Approximate,
        ..WIDE
    };
    let experiment = Experiment {
        hidden: vec![approximate],
        inputs: 8,
        bits: 4,
        failure_bits: 128.0,
        keys: 2,
        images: 240,
    };
    experiment.run(3).differs_as_simulated();
}

const CHECKED: Hidden = Hidden {
    neurons: 3,
    weights: 2,
    overflow: Overflow::Checked,
    width: 20,
    function: Function::Relu,
    output: 2,
    table: None,
    rounding: Rounding::Exact,
    phases: 1,
};
/// Accumulators of up to 10 bits.
const WIDE: Hidden = Hidden {
    neurons: 2,
    weights: 5,
    function: Function::Identity,
    output: 3,
    table: Some(3),
    ..CHECKED
};

/// A network, and how often it runs encrypted.
struct Experiment {
    hidden: Vec<Hidden>,
    inputs: usize,
    bits: u32,
    failure_bits: f64,
    keys: usize,
    /// Number of different inputs for each key.
    images: usize,
}

/// The results of an experiment.
struct Outcomes {
    plan: Plan,
    keys: usize,
    clear: Values,
    encrypted: Values,
    /// The values of each simulated run of all the inputs.
    simulated: Vec<Values>,
}

/// The values of every input.
struct Values {
    /// The values of the last lookup.
    hidden: Array2<i64>,
    scores: Array2<i64>,
}

impl Experiment {
    fn run(self, seed: u64) -> Outcomes {
        let mut random = Random(seed);
        let shape = Shape {
            inputs: self.inputs,
            bits: self.bits,
            hidden: self.hidden,
            scores: 2,
        };
        let net = Net::random(&mut random, &shape);
        let graph = net.graph();
        let requirements = graph
            .requirements(graph.fingerprint())
            .expect("every width can be read");
        let options = PlanOptions::new().with_failure_bits(self.failure_bits);
        let plan = Plan::find(&requirements, &options).expect("there are parameters");
        println!("{plan}");
        let inputs = Array2::from_shape_fn((self.keys * self.images, self.inputs), |_| {
            random.within(Range::unsigned(self.bits))
        });
        let of_one_key = inputs.axis_chunks_iter(Axis(0), self.images);
        let encrypted = Values::concat(of_one_key.map(|inputs| encrypt(&graph, &plan, inputs)));
        let runs = 0..SIMULATED.div_ceil(inputs.nrows()) as u64;
        let simulated = runs.map(|run| simulate(&graph, &plan, &inputs, run));
        Outcomes {
            keys: self.keys,
            encrypted,
            simulated: simulated.collect(),
            clear: {
                let (hidden, scores) = through(&graph, &mut Clear, inputs);
                Values { hidden, scores }
            },
            plan,
        }
    }
}

impl Outcomes {
    /// Checks that as many inputs have a wrong score as in simulated runs, and no more than the plan
    /// states.
    fn fails_as_simulated(&self) {
        let z = standard_deviations(self.plan.options.failure_bits());
        let wrong = |values: &Values| {
            let rows = values.scores.rows().into_iter();
            let pairs = rows.zip(self.clear.scores.rows());
            pairs.filter(|(score, clear)| score != clear).count()
        };
        let rate = self.check("wrong", (z * z + 1.0) / 2.0, wrong);

        // The plan states a bound rather than an estimate: it takes every neuron for the most endangered of
        // its width, and every error for one that is seen. Adjacent entries may be the same, and most
        // digits that are misread are so by one, which moves the accumulator within the step of its table.
        let of_one = rate.expected() / self.clear.scores.nrows() as f64;
        let (bound, error) = (
            self.plan.log2_failure().exp2(),
            5.0 / (rate.simulated as f64).sqrt(),
        );
        println!("one is wrong with probability {of_one:.4}, stated {bound:.4}");
        assert!(of_one <= bound * (1.0 + error), "{of_one} above {bound}");
        assert!(of_one >= bound / 20.0, "{of_one} far below {bound}");
    }

    /// Checks that there are as many steps as in simulated runs, and that their effect on scores is
    /// distributed alike.
    fn differs_as_simulated(&self) {
        let moved = |values: &Values| {
            let pairs = values.hidden.iter().zip(&self.clear.hidden);
            pairs.filter(|(value, clear)| value != clear).count()
        };
        self.check("steps", 0.5, moved);
        for j in 0..self.clear.scores.ncols() {
            let differences = |values: &Values| {
                let differences = &values.scores - &self.clear.scores;
                differences.column(j).to_vec()
            };
            let simulated = self.simulated.iter().flat_map(differences);
            let encrypted = Sample::new(differences(&self.encrypted).into_iter());
            encrypted.check(&format!("score {j}"), &Sample::new(simulated));
        }
    }

    /// Counts events whose rate goes with this power of the variance of noise.
    fn check(&self, name: &str, power: f64, count: impl Fn(&Values) -> usize) -> Rate {
        let rate = Rate {
            simulated: self.simulated.iter().map(&count).sum(),
            runs: self.simulated.len(),
            spread: power * power * key_variance(&self.plan) / self.keys as f64,
        };
        rate.check(name, count(&self.encrypted));
        rate
    }
}

impl Values {
    fn concat(parts: impl Iterator<Item = Values>) -> Self {
        let (hidden, scores): (Vec<_>, Vec<_>) =
            parts.map(|part| (part.hidden, part.scores)).unzip();
        let all = |parts: Vec<Array2<i64>>| {
            let views: Vec<ArrayView2<'_, i64>> = parts.iter().map(|part| part.view()).collect();
            concatenate(Axis(0), &views).expect("all of one network")
        };
        Values {
            hidden: all(hidden),
            scores: all(scores),
        }
    }
}

/// Runs all layers, and returns the values of the last lookup and the accumulators of the scores.
fn through<B>(graph: &Graph<'_>, backend: &mut B, values: B::Values) -> (B::Values, B::Values)
where
    B: Backend<Values: Clone, Error: core::fmt::Debug>,
{
    let mut hidden = graph.clone();
    let mut scores = graph.clone();
    scores.nodes = hidden.nodes.split_off(graph.nodes.len() - 1);
    scores.nodes[0].sources = vec![0];
    let hidden = interpret(&hidden, backend, values).expect("nobody cancels");
    let scores = interpret(&scores, backend, hidden.clone()).expect("nobody cancels");
    (hidden, scores)
}

fn simulate(graph: &Graph<'_>, plan: &Plan, inputs: &Array2<i64>, run: u64) -> Values {
    let mut backend = Simulated::new(plan, 0, run);
    let values = backend.encrypt(inputs, 0);
    let (hidden, scores) = through(graph, &mut backend, values);
    Values {
        hidden: hidden.mapv(|phase| nearest(plan, phase)),
        scores: backend.decrypt(&scores),
    }
}

/// Runs inputs encrypted, with keys of their own.
fn encrypt(graph: &Graph<'_>, plan: &Plan, inputs: ArrayView2<'_, i64>) -> Values {
    let client = ClientKey::generate(plan).expect("the plan was just found");
    let key = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    let batches = inputs.axis_chunks_iter(Axis(0), BATCH).map(|inputs| {
        let requests = inputs.rows().into_iter().map(|input| {
            let reals: Vec<f32> = input.iter().map(|&q| q as f32).collect();
            key.expand_request(&client.encrypt(&reals).expect("finite"))
        });
        let running = Execution::default().begin(inputs.nrows() * plan.bootstraps() as usize);
        let mut backend = Encrypted::new(&key, &running, inputs.nrows());
        let (hidden, scores) = through(graph, &mut backend, Ciphertexts::concat(requests));
        let phases = client.phases(plan.stages.len(), &hidden);
        let hidden = phases.map(|phase| nearest(plan, phase as i64 as f64 / 2f64.powi(64)));
        let scores = backend.finish(&graph.scores, &scores);
        let scores = scores
            .split(plan.output.sums.neurons as usize)
            .flat_map(|own| {
                let scores = client.scores(&own);
                scores.integers().to_vec()
            });
        let rows = |values: Vec<i64>| {
            let shape = (inputs.nrows(), values.len() / inputs.nrows());
            Array2::from_shape_vec(shape, values).expect("as many of every input")
        };
        Values {
            hidden: rows(hidden.collect()),
            scores: rows(scores.collect()),
        }
    });
    Values::concat(batches)
}

/// Returns the value of the last lookup that a phase, in turns, is nearest to.
fn nearest(plan: &Plan, phase: f64) -> i64 {
    (phase * plan.output.sums.modulus as f64).round() as i64
}
