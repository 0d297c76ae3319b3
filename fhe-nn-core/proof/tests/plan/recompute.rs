//! What a plan promises, recomputed from the parameters that it prints.

use fhe_nn_proof::noise::{
    Decomposition, bootstrap_variance, companion_variance, keyswitch_variance, log2_failure,
    log2_sum, modulus_switch_variance, pair_variance, seeded_variance, standard_deviations,
};
use fhe_nn_proof::plan::{Bootstrap, Plan};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

/// The noise that one layer reads.
pub(crate) struct Read {
    /// For each reader, the distance beyond which it reads wrong, the distance that must hold the standard
    /// deviations that the failure probability asks for, and the variance that it sees.
    readers: Vec<(f64, f64, f64)>,
}

/// The noise that each layer reads, and the variance of each stage's results.
pub(crate) fn reads(plan: &Plan, chain: &Chain) -> (Vec<Read>, Vec<f64>) {
    let (mut reads, mut results) = (Vec::new(), Vec::new());
    let z = standard_deviations(plan.options.failure_bits());
    let mut dimension = plan.input.dimension;
    let mut variance = seeded_variance(dimension, 64);
    for (stage, layer) in plan.stages.iter().zip(&chain.hidden) {
        let (added, result) = of(&stage.bootstrap, dimension);
        let mut removed = 0.0;
        let mut round_reads = Vec::new();
        for round in stage.rounds.iter() {
            let (added, result) = of(&round.bootstrap, dimension);
            round_reads.push(read_digits(
                layer,
                round.above,
                variance,
                removed,
                result,
                added,
            ));
            removed += f64::from(layer.digit_bits(round.above).min(2)) * result;
        }
        reads.push(read(layer, variance, added + removed, z).with(round_reads));
        variance = result;
        results.push(variance);
        dimension = stage.bootstrap.shape.lwe_dimension();
    }
    let output = &plan.output;
    let added = way(
        dimension,
        output.keyswitch,
        output.dimension,
        output.element_bits,
    );
    reads.push(read(&chain.last, variance, added, z));
    (reads, results)
}

/// Whether each table and each output alone keeps the failure probability that was asked for.
pub(crate) fn feasible(plan: &Plan, chain: &Chain) -> bool {
    let z = standard_deviations(plan.options.failure_bits());
    reads(plan, chain)
        .0
        .iter()
        .all(|read| read.worst() * z <= 1.0)
}

/// Recomputes everything that a plan promises.
pub(crate) fn check(plan: &Plan, chain: &Chain) {
    assert_eq!(plan.validate(), Ok(()));
    assert!(plan.serves(&chain.requirements()));
    assert_eq!(plan.stages.len(), chain.hidden.len());
    let (reads, results) = reads(plan, chain);
    for ((stage, read), variance) in plan.stages.iter().zip(&reads).zip(results) {
        close(stage.log2_failure, read.log2_failure());
        close(stage.output_variance.log2(), variance.log2());
        // a step is a whole number of coefficients, and at least two
        let padding = u32::from(stage.sums.reader == Reader::Padded);
        let bits = stage.sums.width.min(stage.sums.table_bits);
        assert!(stage.bootstrap.table_size() >> (bits + padding) >= 1);
    }
    for read in &reads {
        let failure = log2_failure(1.0, read.worst().powi(2));
        assert!(failure <= -plan.options.failure_bits() + 1e-6, "{failure}");
    }
    let failures = || reads.iter().map(Read::log2_failure);
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
    let (mut keyswitches, mut keys) = (Vec::new(), Vec::new());
    for stage in plan.stages.iter() {
        let rounds = stage.rounds.iter().map(|round| &round.bootstrap);
        for bootstrap in rounds.chain([&stage.bootstrap]) {
            let n = bootstrap.small_dimension;
            let key = (dimension, bootstrap.keyswitch, n);
            if !keyswitches.contains(&key) {
                let bytes = bootstrap.keyswitch_body_bytes();
                keyswitch(bootstrap.keyswitch, dimension, n, bytes);
                keyswitches.push(key);
            }
            let body = bootstrap.body.unwrap_or(bootstrap.digits);
            let (digits, pairs) = (bootstrap.digits, bootstrap.key_bits == 2);
            let key = (n, bootstrap.shape, digits, body, pairs);
            if !keys.contains(&key) {
                let (k, size) = (
                    u64::from(bootstrap.shape.dimension),
                    u64::from(bootstrap.shape.polynomial_size),
                );
                // three ciphertexts for two bits
                let ciphertexts = if pairs { n / 2 * 3 + n % 2 } else { n };
                let rows = k * u64::from(digits.levels) + u64::from(body.levels);
                let rows = u64::from(ciphertexts) * rows;
                bootstrap_wire += rows * size * u64::from(bootstrap.body_bytes());
                bootstrap_memory += rows * (k + 1) * size * 8;
                keys.push(key);
            }
        }
        dimension = u64::from(stage.bootstrap.shape.lwe_dimension());
    }
    let output = &plan.output;
    let bytes = output.keyswitch_body_bytes();
    keyswitch(output.keyswitch, dimension, output.dimension, bytes);
    assert_eq!(plan.evaluation_key_bytes(), wire + bootstrap_wire);
    assert_eq!(plan.evaluation_memory_bytes(), memory + bootstrap_memory);
    let bits = output.sums.neurons * (output.dimension + 1) * output.element_bits;
    assert_eq!(plan.reply_bytes(), u64::from(bits.div_ceil(8)));
    let request = plan.client.inputs * plan.input.body_bytes() as usize;
    assert_eq!(plan.request_bytes(), request as u64);
}

/// The variance that the way to a bootstrap adds, and the variance that it leaves.
fn of(bootstrap: &Bootstrap, dimension: u32) -> (f64, f64) {
    let n = bootstrap.small_dimension;
    let size = bootstrap.shape.polynomial_size * bootstrap.extension;
    let bits = size.ilog2() + 1;
    let added = way(dimension, bootstrap.keyswitch, n, bits)
        + companion_variance(n, bits, bootstrap.key_bits, bootstrap.companion);
    (
        added,
        match bootstrap.key_bits {
            1 => bootstrap_variance(n, bootstrap.shape, bootstrap.product_digits()),
            _ => pair_variance(n, bootstrap.shape, bootstrap.product_digits()),
        },
    )
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

fn read(layer: &Layer, input: f64, added: f64, z: f64) -> Read {
    let widest = layer.widest();
    let each = |&(width, step_bits, _): &(u32, u32, f64)| {
        let padding = u32::from(layer.reader == Reader::Padded);
        let read = width.min(layer.table);
        let known = step_bits.saturating_sub(width - read);
        let half_step = 2f64.powi(known as i32 - (read + padding) as i32 - 1);
        let factor = 4f64.powi((widest - width) as i32);
        let variance = factor * layer.gain(width, step_bits) * input + added;
        if layer.rounding == Rounding::Exact {
            return (half_step, half_step, variance);
        }
        // a guard of 3 steps of the widest accumulators, which takes its part of the torus
        let dropped = widest.saturating_sub(layer.table);
        let steps = f64::from(widest + padding).exp2();
        let guards = if padding == 1 { 4.0 } else { 0.0 };
        let steps = steps + guards * 3.0 * f64::from(dropped).exp2();
        let guard = 3.0 * f64::from(dropped).exp2() / steps;
        let step = f64::from(widest - read).exp2() / steps;
        (guard, f64::min(step / 6.0 * z, guard), variance)
    };
    Read::of(layer.neurons.iter().map(each))
}

/// The noise that the readers of a digit see: one bootstrap finds its upper bit, another the rest.
fn read_digits(
    layer: &Layer,
    above: u32,
    input: f64,
    removed: f64,
    result: f64,
    added: f64,
) -> Read {
    if layer.rounding == Rounding::Approximate {
        return Read::of(core::iter::empty());
    }
    let widest = layer.widest();
    let mut all = Vec::new();
    for &(width, step_bits, _) in &layer.neurons {
        let bits = layer.bits(width, step_bits, above);
        for pass in 0..bits.min(2) {
            let factor = 4f64.powi((widest - width) as i32);
            let noise = factor * layer.gain(width, step_bits) * input;
            let noise = noise + removed + f64::from(pass) * result;
            let half_step = 2f64.powi(-(bits as i32) - 1);
            let variance = 4f64.powi(above as i32) * noise + added;
            all.push((half_step, half_step, variance));
        }
    }
    Read::of(all.into_iter())
}

impl Layer {
    /// Number of bits of the widest digit that lies below `above` bits of the torus.
    fn bits(&self, width: u32, step_bits: u32, above: u32) -> u32 {
        let padding = u32::from(self.reader == Reader::Padded);
        let lowest = (width + padding).saturating_sub(step_bits);
        lowest.saturating_sub(above).min(4)
    }

    /// Bits of the widest digit.
    fn digit_bits(&self, above: u32) -> u32 {
        let neurons = self.neurons.iter();
        let bits = neurons.map(|&(width, step_bits, _)| self.bits(width, step_bits, above));
        bits.max().unwrap_or(0)
    }

    fn widest(&self) -> u32 {
        let widths = self.neurons.iter().map(|neuron| neuron.0);
        widths.max().expect("a layer has neurons")
    }

    /// The gain that `Plan::find` sees: the greatest one of neurons that are alike.
    fn gain(&self, width: u32, step_bits: u32) -> f64 {
        let alike = |n: &&(u32, u32, f64)| (n.0, n.1) == (width, step_bits);
        let alike = self.neurons.iter().filter(alike);
        alike.map(|n| n.2).fold(0.0, f64::max)
    }
}

impl Read {
    fn of(readers: impl Iterator<Item = (f64, f64, f64)>) -> Self {
        Read {
            readers: readers.collect(),
        }
    }

    /// The logarithm of the probability that any reader reads wrong.
    fn log2_failure(&self) -> f64 {
        let each = self.readers.iter();
        log2_sum(each.map(|&(wrong, _, variance)| log2_failure(wrong, variance)))
    }

    /// The greatest standard deviation, in half steps.
    fn worst(&self) -> f64 {
        let each = self.readers.iter();
        each.map(|(_, within, variance)| variance.sqrt() / within)
            .fold(0.0, f64::max)
    }

    fn with(mut self, others: Vec<Read>) -> Self {
        self.readers
            .extend(others.into_iter().flat_map(|read| read.readers));
        self
    }
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6 * (1.0 + b.abs()), "{a} is not {b}");
}
