//! What a plan promises, recomputed from the parameters that it prints.

use fhe_nn_proof::noise::{
    Decomposition, bootstrap_variance, keyswitch_variance, log2_failure, log2_sum,
    modulus_switch_variance, seeded_variance, standard_deviations,
};
use fhe_nn_proof::plan::Plan;
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

/// The noise that one layer reads.
pub(crate) struct Read {
    /// Logarithm of the probability that a neuron is read wrong.
    pub(crate) log2_failure: f64,
    /// The greatest standard deviation, in half steps.
    pub(crate) worst: f64,
}

/// Of every layer, the noise that it reads; and of every stage, the variance of its results.
pub(crate) fn reads(plan: &Plan, chain: &Chain) -> (Vec<Read>, Vec<f64>) {
    let (mut reads, mut results) = (Vec::new(), Vec::new());
    let mut dimension = plan.input.dimension;
    let mut variance = seeded_variance(dimension, 64);
    for (stage, layer) in plan.stages.iter().zip(&chain.hidden) {
        let n = stage.small_dimension;
        let table_bits = stage.shape.polynomial_size.ilog2() + 1;
        let added = way(dimension, stage.keyswitch, n, table_bits);
        reads.push(read(layer, variance, added));
        variance = bootstrap_variance(n, stage.shape, stage.digits);
        results.push(variance);
        dimension = stage.shape.lwe_dimension();
    }
    let output = &plan.output;
    let added = way(
        dimension,
        output.keyswitch,
        output.dimension,
        output.element_bits,
    );
    reads.push(read(&chain.last, variance, added));
    (reads, results)
}

/// Whether each table and each output alone keeps the failure asked for.
pub(crate) fn feasible(plan: &Plan, chain: &Chain) -> bool {
    let z = standard_deviations(plan.options.failure_bits);
    reads(plan, chain)
        .0
        .iter()
        .all(|read| read.worst * z <= 1.0)
}

/// Recomputes everything that a plan promises.
pub(crate) fn check(plan: &Plan, chain: &Chain) {
    assert_eq!(plan.validate(), Ok(()));
    assert!(plan.serves(&chain.program()));
    assert_eq!(plan.stages.len(), chain.hidden.len());
    let (reads, results) = reads(plan, chain);
    for ((stage, read), variance) in plan.stages.iter().zip(&reads).zip(results) {
        close(stage.log2_failure, read.log2_failure);
        close(stage.output_variance.log2(), variance.log2());
        // a step is a whole number of coefficients, and at least two
        let padding = u32::from(stage.reader == Reader::Padded);
        assert!(stage.shape.polynomial_size >> (stage.width + padding) >= 1);
    }
    for read in &reads {
        let failure = log2_failure(1.0, read.worst.powi(2));
        assert!(failure <= -plan.options.failure_bits + 1e-6, "{failure}");
    }
    let failures = || reads.iter().map(|read| read.log2_failure);
    close(
        plan.output.log2_failure,
        failures().next_back().expect("scores are read"),
    );
    close(plan.log2_failure(), log2_sum(failures()));
    sizes(plan);
}

/// Recomputes the sizes, key by key.
fn sizes(plan: &Plan) {
    let (mut wire, mut memory) = (0, 0);
    let mut dimension = u64::from(plan.input.dimension);
    let mut keyswitch = |digits: Option<Decomposition>, dimension: u64, n: u32, bytes: u32| {
        let bodies = digits.map_or(0, |digits| u64::from(digits.levels) * dimension);
        wire += bodies * u64::from(bytes);
        memory += 4 * bodies * (u64::from(n) + 1);
    };
    let (mut bootstrap_wire, mut bootstrap_memory) = (0, 0);
    let mut shared_before = false;
    for stage in &plan.stages {
        if !(stage.shares_key && shared_before) {
            let bytes = stage.keyswitch_body_bytes();
            keyswitch(stage.keyswitch, dimension, stage.small_dimension, bytes);
        }
        if !stage.shares_key {
            let (k, size) = (
                u64::from(stage.shape.dimension),
                u64::from(stage.shape.polynomial_size),
            );
            let n = u64::from(stage.small_dimension);
            let rows = n * u64::from(stage.digits.levels) * (k + 1);
            bootstrap_wire += rows * size * u64::from(stage.bootstrap_body_bytes());
            bootstrap_memory += rows * (k + 1) * size * 8;
        }
        shared_before = stage.shares_key;
        dimension = u64::from(stage.shape.lwe_dimension());
    }
    let output = &plan.output;
    let bytes = output.keyswitch_body_bytes();
    keyswitch(output.keyswitch, dimension, output.dimension, bytes);
    assert_eq!(plan.evaluation_key_bytes(), wire + bootstrap_wire);
    assert_eq!(plan.evaluation_memory_bytes(), memory + bootstrap_memory);
    let bits = output.scores * (output.dimension + 1) * output.element_bits;
    assert_eq!(plan.reply_bytes(), u64::from(bits.div_ceil(8)));
    let request = plan.client.inputs * plan.input.body_bytes() as usize;
    assert_eq!(plan.request_bytes(), request as u64);
}

/// Variance that keyswitch and modulus switch add on the way to a reader.
fn way(dimension: u32, keyswitch: Option<Decomposition>, n: u32, bits: u32) -> f64 {
    match keyswitch {
        Some(digits) => {
            keyswitch_variance(dimension, n, digits) + modulus_switch_variance(n, 32, bits)
        }
        None => {
            assert_eq!(dimension, n, "ciphertexts stay under their key");
            modulus_switch_variance(n, 64, bits)
        }
    }
}

fn read(layer: &Layer, input: f64, added: f64) -> Read {
    let widths = layer.neurons.iter().map(|neuron| neuron.0);
    let widest = widths.max().expect("a layer has neurons");
    // what find() sees: of neurons alike, the greatest gain
    let gain = |width, step_bits| {
        let alike = |n: &&(u32, u32, f64)| (n.0, n.1) == (width, step_bits);
        let alike = layer.neurons.iter().filter(alike);
        alike.map(|n| n.2).fold(0.0, f64::max)
    };
    let each = |&(width, step_bits, _): &(u32, u32, f64)| {
        let padding = u32::from(layer.reader == Reader::Padded);
        let half_step = 2f64.powi(step_bits as i32 - (width + padding) as i32 - 1);
        let factor = 4f64.powi((widest - width) as i32);
        (half_step, factor * gain(width, step_bits) * input + added)
    };
    let each = || layer.neurons.iter().map(each);
    Read {
        log2_failure: log2_sum(
            each().map(|(half_step, variance)| log2_failure(half_step, variance)),
        ),
        worst: each()
            .map(|(half_step, variance)| variance.sqrt() / half_step)
            .fold(0.0, f64::max),
    }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} is not {b}");
}
