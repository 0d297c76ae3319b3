//! The noise of real ciphertexts is the one predicted, stage by stage. There are two linear layers with a
//! wave between them, and as many independent ciphertexts as [`interval`] asks for.

mod interval;
mod parameters;
mod rounds;

use fhe_nn_proof::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, gain, keyswitch_variance,
    modulus_switch_variance, seeded_variance,
};
use fhe_nn_proof::spec::{ActivationSpec, Function, Overflow, Rounding};
use fhe_nn_proof::widths::{Range, Reader};
use ndarray::Array2;
use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;

use self::interval::{COUNT, Prediction, values};
use self::parameters::{Next, PHASES, Parameters, WIDTH, digits, glwe, layer};
use super::random::{Hidden, Net, Random, Shape};
use crate::backend::Backend;
use crate::clear::Clear;
use crate::client::ClientKey;
use crate::engine::lookup::Stages;
use crate::engine::server_key::Keys;
use crate::engine::switch::switch_modulus;
use crate::engine::{ServerKey, linear, rotate};
use crate::layer::Linear;
use crate::masks::modulus;
use crate::run::Execution;
use crate::wire::Ciphertexts;
use fhe_nn_proof::graph::{LinearOp, LookupOp, Map, Op, Read, Table};

/// The weights of the first layer's accumulators, each with inputs of its own, so that errors are
/// independent.
const FIRST: [i16; 3] = [3, -1, 2];
/// The weights of the second layer's accumulators, each with all values of one bootstrap. They add up much
/// of what these values have in common, which are the errors of masks' transforms.
const SECOND: [i16; PHASES] = [1, 2, 2, 1];

#[test]
fn inputs_under_the_small_key_two_levels_and_on_to_the_next_table() {
    let (measured, scores) = stage(&Parameters {
        next: Next::Stage,
        input_dimension: 500,
        keyswitch: None,
        small_dimension: 500,
        shape: glwe(1, 2048),
        extension: 4,
        digits: digits(15, 2),
        body: None,
        key_bits: 1,
        companion: 12,
    });
    measured.switch(1, scores);
}

#[test]
fn three_levels_with_next_to_no_rounding_and_scores_under_a_key_of_their_own() {
    let (measured, scores) = stage(&Parameters {
        next: Next::Scores,
        input_dimension: 500,
        keyswitch: None,
        small_dimension: 500,
        shape: glwe(2, 512),
        extension: 1,
        digits: digits(6, 3),
        body: None,
        key_bits: 1,
        companion: 0,
    });
    measured.finish(scores);
}

#[test]
fn keyswitch_from_a_short_key_and_short_polynomials() {
    stage(&Parameters {
        next: Next::Stage,
        input_dimension: 1024,
        keyswitch: Some(digits(3, 5)),
        small_dimension: 740,
        shape: glwe(4, 512),
        extension: 1,
        digits: digits(23, 1),
        body: None,
        key_bits: 1,
        companion: 0,
    });
}

/// Noise of the key and of rounding in like parts.
#[test]
fn two_key_bits_a_step_and_one_that_is_left_over() {
    stage(&Parameters {
        next: Next::Stage,
        input_dimension: 501,
        keyswitch: None,
        small_dimension: 501,
        shape: glwe(2, 512),
        extension: 1,
        digits: digits(8, 2),
        body: None,
        key_bits: 2,
        companion: 0,
    });
}

/// Errors of the transforms, which the values of one bootstrap have in common, are much of the noise.
#[test]
fn two_key_bits_a_step_with_tables_over_several_polynomials() {
    stage(&Parameters {
        next: Next::Stage,
        input_dimension: 500,
        keyswitch: None,
        small_dimension: 500,
        shape: glwe(1, 2048),
        extension: 2,
        digits: digits(15, 2),
        body: None,
        key_bits: 2,
        companion: 8,
    });
}

/// The modulus switch prefers even elements of what a keyswitch left, which are multiples of `2^32`, and the last of an
/// odd number of elements is a step of its own.
#[test]
fn a_companion_modulus_switch_behind_a_keyswitch() {
    stage(&Parameters {
        next: Next::Stage,
        input_dimension: 1024,
        keyswitch: Some(digits(3, 5)),
        small_dimension: 741,
        shape: glwe(1, 2048),
        extension: 2,
        digits: digits(22, 1),
        body: None,
        key_bits: 2,
        companion: 8,
    });
}

/// Bodies with one digit where masks have two: its rounding and its errors in the transforms are much of the
/// noise.
#[test]
fn fewer_digits_of_bodies_and_two_key_bits_a_step() {
    stage(&Parameters {
        next: Next::Stage,
        input_dimension: 500,
        keyswitch: None,
        small_dimension: 500,
        shape: glwe(1, 2048),
        extension: 2,
        digits: digits(15, 2),
        body: Some(digits(20, 1)),
        key_bits: 2,
        companion: 0,
    });
}

#[test]
fn a_plan_counts_what_the_phases_before_a_layer_have_in_common() {
    let wave = Hidden {
        neurons: 3,
        weights: 2,
        overflow: Overflow::Wrap,
        width: WIDTH,
        function: Function::Wave,
        output: 2,
        table: None,
        rounding: Rounding::Exact,
        phases: PHASES as u32,
    };
    let shape = Shape {
        inputs: 4,
        bits: 1,
        hidden: vec![wave],
        scores: 1,
    };
    let counted = (0..9).any(|seed| {
        let net = Net::random(&mut Random(seed), &shape);
        let graph = net.graph();
        let requirements = graph
            .requirements([0; 32])
            .expect("every width can be read");
        let Some(Op::Linear(scores)) = graph.nodes.last().map(|node| &node.op) else {
            unreachable!("scores come last")
        };
        let Map::Dense(weights) = scores.map else {
            unreachable!("scores are those of a dense layer")
        };
        let weights: Vec<f64> = weights.iter().map(|&w| w.into()).collect();
        let expected = gain(&mut values(&weights, PHASES));
        let demand = requirements.output.widths[0];
        assert_eq!(
            (demand.gain, demand.shared),
            (expected.square, expected.shared)
        );
        assert_eq!(requirements.shared(), [0.0, expected.shared]);
        expected.shared > 0.0
    });
    assert!(counted, "weights of either sign occur");
}

/// Keys, and what is measured with them.
struct Measured {
    client: ClientKey,
    server: ServerKey,
}

/// Ciphertexts with their exact messages, and the prediction of their errors.
struct Values {
    ciphertexts: Ciphertexts,
    messages: Array2<i64>,
    predicted: Prediction,
}

/// Runs from inputs to sums of bootstrapped values, which are the scores if they are decrypted.
fn stage(parameters: &Parameters) -> (Measured, Values) {
    let plan = parameters.plan(FIRST.len());
    let client = ClientKey::generate(&plan).expect("the parameters are in range");
    let server = ServerKey::new(&client.evaluation_key().expect("the system has randomness"));
    let measured = Measured { client, server };

    let inputs = measured.encrypt(COUNT * FIRST.len());
    let first = layer(&FIRST, |j, i| j * FIRST.len() + i);
    let accumulators = measured.accumulate(0, &first, &FIRST, inputs);
    let accumulators = measured.switch(0, accumulators);
    let values = measured.bootstrap(&first, &accumulators);
    let second = layer(&SECOND, |j, q| q * COUNT + j);
    let scores = measured.accumulate(1, &second, &SECOND, values);
    (measured, scores)
}

impl Measured {
    fn encrypt(&self, count: usize) -> Values {
        let mut random = Random(11);
        let messages = Array2::from_shape_fn((1, count), |_| random.within(Range::unsigned(2)));
        let reals: Vec<f32> = messages.iter().map(|&q| q as f32).collect();
        let request = self.client.encrypt(&reals).expect("finite");
        let values = Values {
            ciphertexts: self.server.expand_request(&request),
            messages,
            predicted: Prediction::exact(seeded_variance(
                self.server.plan.input.dimension,
                MODULUS_BITS,
            )),
        };
        values.check("fresh", self.client.phases(0, &values.ciphertexts));
        values
    }

    /// Adds up values under the key before stage `index`.
    fn accumulate(&self, index: usize, layer: &Linear, weights: &[i16], x: Values) -> Values {
        let op = LinearOp {
            map: Map::Dense(&layer.weights),
            constants: (&*layer.constants).into(),
            stage: index,
        };
        let Ok(messages) = Clear.linear(&op, &[&x.messages]);
        let sums = Values {
            ciphertexts: linear::accumulate(&op, &[&x.ciphertexts], 1, 1 << (64 - WIDTH)),
            messages,
            predicted: x.predicted.times(weights),
        };
        sums.check("sums", self.client.phases(index, &sums.ciphertexts));
        sums
    }

    /// Brings accumulators under the small key of stage `index`, and measures what the keyswitch and the
    /// modulus switch add and what the table sees.
    fn switch(&self, index: usize, accumulators: Values) -> Values {
        let stage = &self.server.plan.stages[index].bootstrap;
        let key = &self.server.bootstraps[index];
        let small = self.client.small_key(index);
        let before: Vec<u64> = self
            .client
            .phases(index, &accumulators.ciphertexts)
            .collect();
        let dimension = accumulators.ciphertexts.dimension() as u32;
        let ciphertexts = match &key.keyswitch {
            Some(key) => key.switch(&accumulators.ciphertexts),
            None => accumulators.ciphertexts,
        };
        let switched = decrypt(&ciphertexts, &small);
        let mut predicted = accumulators.predicted;
        if let Some(digits) = stage.keyswitch {
            let added = keyswitched(dimension, stage.small_dimension, digits);
            added.check("keyswitch", &differences(&switched, &before));
            predicted = predicted.plus(added);
        }
        let size = stage.table_size() as usize;
        let read: Vec<u64> = ciphertexts
            .rows()
            .map(|row| phase(&rotate::to_powers(row, stage), size, &small))
            .collect();
        let from = match stage.keyswitch {
            Some(_) => KEYSWITCH_MODULUS_BITS,
            None => MODULUS_BITS,
        };
        let added = Prediction::exact(stage.modulus_switch_variance(from));
        added.check("modulus switch", &differences(&read, &switched));
        let values = Values {
            ciphertexts,
            messages: accumulators.messages,
            predicted: predicted.plus(added),
        };
        values.check("at the table", read.into_iter());
        values
    }

    /// Brings scores under their own key, and measures what the keyswitch and the modulus switch add.
    fn finish(&self, scores: Values) {
        let output = &self.server.plan.output;
        let key = self.client.scores_key();
        let before: Vec<u64> = self.client.phases(1, &scores.ciphertexts).collect();
        let dimension = scores.ciphertexts.dimension() as u32;
        let (Some(digits), Some(switch)) = (output.keyswitch, &self.server.output) else {
            unreachable!("the plan has a key of scores")
        };
        let mut ciphertexts = switch.switch(&scores.ciphertexts);
        let switched = decrypt(&ciphertexts, &key);
        let added = keyswitched(dimension, output.dimension, digits);
        added.check("scores keyswitch", &differences(&switched, &before));
        ciphertexts
            .par_rows_mut()
            .for_each(|row| switch_modulus(row, output.element_bits));
        let read = decrypt(&ciphertexts, &key).into_iter();
        let middle = middle_of_step(output.element_bits);
        let read: Vec<u64> = read.map(|phase| phase.wrapping_add(middle)).collect();
        let variance = modulus_switch_variance(
            output.dimension,
            KEYSWITCH_MODULUS_BITS,
            output.element_bits,
        );
        let rounded = Prediction::exact(variance);
        rounded.check("scores modulus switch", &differences(&read, &switched));
        let values = Values {
            ciphertexts,
            messages: scores.messages,
            predicted: scores.predicted.plus(added).plus(rounded),
        };
        values.check("scores", read.into_iter());
    }

    /// Looks up waves of accumulators, with one group of values for each phase.
    fn bootstrap(&self, sums: &Linear, accumulators: &Values) -> Values {
        let (stage, key) = (&self.server.plan.stages[0], &self.server.bootstraps[..1]);
        let spec = ActivationSpec {
            function: Function::Wave,
            output: 2,
            table: None,
            rounding: Rounding::Exact,
            phases: PHASES as u32,
        };
        let wave = LookupOp {
            read: Read {
                stage: 0,
                reader: Reader::Antiperiodic,
                widths: (&*sums.widths).into(),
                lattices: sums.lattices(PHASES as u32, false),
                positions: 1,
            },
            table: Table::Antiperiodic(&spec),
            bits: None,
            rounding: Rounding::Exact,
            phases: PHASES as u32,
            next: 1,
        };
        let Ok(messages) = Clear.lookup(&wave, &accumulators.messages);
        let running = Execution::default().begin(accumulators.ciphertexts.len());
        // what comes in is already under the small key
        let switched = [Keys {
            keyswitch: None,
            ..key[0].clone()
        }];
        let lookups = Stages {
            op: &wave,
            stage,
            keys: &switched,
            next_modulus: 1 << WIDTH,
            running: &running,
        };
        let ciphertexts = lookups.run(&accumulators.ciphertexts);
        let values = Values {
            ciphertexts: ciphertexts.expect("nobody cancels"),
            messages,
            predicted: Prediction::of(&stage.bootstrap),
        };
        for q in 0..PHASES {
            let all = self.client.phases(1, &values.ciphertexts);
            let errors = values.errors(all).skip(q * COUNT).take(COUNT);
            let name = format!("bootstrap, phase {q}");
            values.predicted.check(&name, &errors.collect::<Vec<f64>>());
        }
        values
    }
}

impl Values {
    fn errors(&self, phases: impl Iterator<Item = u64>) -> impl Iterator<Item = f64> {
        let messages = self.messages.iter().map(|&m| (m as u64) << (64 - WIDTH));
        phases
            .zip(messages)
            .map(|(phase, message)| torus(phase.wrapping_sub(message)))
    }

    fn check(&self, name: &str, phases: impl Iterator<Item = u64>) {
        self.predicted
            .check(name, &self.errors(phases).collect::<Vec<f64>>());
    }
}

/// Returns the phase of a ciphertext that was switched to `2N`, in the middle of its step and in units of `2^-64`.
fn phase((mask, body): &(Vec<usize>, usize), size: usize, key: &LweSecretKeyView<'_, u64>) -> u64 {
    let bits = key.as_ref().iter();
    let mask = mask
        .iter()
        .zip(bits)
        .map(|(&a, &s)| (a as u64).wrapping_mul(s));
    let phase = mask.fold(*body as u64, u64::wrapping_sub);
    let bits = (2 * size).ilog2();
    (phase << (64 - bits)) + middle_of_step(bits)
}

/// Returns half of `2^-bits` of the torus: a modulus switch rounds bodies down, so the middle between two multiples stands
/// for the lower one.
fn middle_of_step(bits: u32) -> u64 {
    1 << (63 - bits)
}

fn decrypt(values: &Ciphertexts, key: &LweSecretKeyView<'_, u64>) -> Vec<u64> {
    let phase = |row| decrypt_lwe_ciphertext(key, &LweCiphertext::from_container(row, modulus())).0;
    values.rows().map(phase).collect()
}

/// Predicts what a keyswitch adds. Its error grows with the weight of one key, and is drawn from the noise
/// of another. Half of the sum of that noise is a constant.
fn keyswitched(from: u32, to: u32, digits: Decomposition) -> Prediction {
    let noise = seeded_variance(to, KEYSWITCH_MODULUS_BITS);
    Prediction {
        constant: f64::from(digits.levels) * f64::from(from) * noise / 4.0,
        key_variance: 2.0 / f64::from(from),
        ..Prediction::exact(keyswitch_variance(from, to, digits))
    }
}

fn differences(after: &[u64], before: &[u64]) -> Vec<f64> {
    let pairs = after.iter().zip(before);
    pairs
        .map(|(after, &before)| torus(after.wrapping_sub(before)))
        .collect()
}

/// Returns the element of the torus in `[-1/2, 1/2)`.
fn torus(x: u64) -> f64 {
    x as i64 as f64 / 2f64.powi(64)
}
