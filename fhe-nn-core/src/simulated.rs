//! The simulated backend: an encrypted run without a key, which takes seconds for thousands of inputs.
//!
//! A value is what its ciphertext would decrypt to: a phase on the torus, made of the message and its
//! noise. The noise is drawn from the variances that the plan predicts for fresh inputs, for every
//! keyswitch with its modulus switch, for every bootstrap and for the scores; linear layers add up the
//! phases that they get. Tables and rounds read phases as those of the engine do. Failures are therefore as
//! frequent as in encrypted runs, and the effect of approximate rounding on accuracy can be seen before
//! there is a key.
//!
//! Every error is drawn independently. In an encrypted run, the values of different phases of one bootstrap
//! share a part of their noise, and neurons with equal weights share all of it (the plan counts that, see
//! [`fhe_nn_proof::noise::gain`]).

use std::convert::Infallible;

use fhe_nn_proof::noise::{MODULUS_BITS, seeded_variance};
use fhe_nn_proof::plan::{Bootstrap, Plan, Stage};
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Normal};

use crate::backend::Backend;
use crate::digits::{Digit, DigitBit, known};
use crate::reading::Reading;
use crate::sums::{add_up, convolve};
use fhe_nn_proof::graph::{LinearOp, LookupOp, Map};

/// A backend over phases, in turns of the torus from -1/2 to 1/2. Values are `[inputs, neurons]`.
pub(crate) struct Simulated<'a> {
    plan: &'a Plan,
    random: ChaCha8Rng,
}

impl<'a> Simulated<'a> {
    /// Makes a backend. Runs with the same seed draw the same noise; those of another stream draw other
    /// noise.
    pub(crate) fn new(plan: &'a Plan, seed: u64, stream: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Simulated { plan, random }
    }

    /// Returns inputs as the client encrypts them, for sums that `stage` is the first to read.
    pub(crate) fn encrypt(&mut self, integers: &Array2<i64>, stage: usize) -> Array2<f64> {
        let step = self.step(stage);
        let noise = noise(seeded_variance(self.plan.input.dimension, MODULUS_BITS));
        integers.mapv(|q| turn(q as f64 * step + noise.sample(&mut self.random)))
    }

    /// Returns scores as the client decrypts them.
    pub(crate) fn decrypt(&mut self, sums: &Array2<f64>) -> Array2<i64> {
        let (output, client) = (&self.plan.output, &self.plan.client);
        let noise = noise(output.switch_variance(self.plan.last_dimension()));
        let unit = 2f64.powi(output.element_bits.min(53) as i32);
        let mut scores = Array2::zeros(sums.raw_dim());
        for (j, (mut column, phases)) in scores
            .axis_iter_mut(Axis(1))
            .zip(sums.axis_iter(Axis(1)))
            .enumerate()
        {
            let (width, lattice) = (client.widths[j], client.lattices[j]);
            let scale = 2f64.powi((output.sums.step_width - width) as i32);
            for (score, phase) in column.iter_mut().zip(phases) {
                // the body is rounded down
                let phase = turn(scale * phase) + noise.sample(&mut self.random);
                let phase = (phase * unit).floor() / unit;
                *score = output.decode(units(phase), width, lattice);
            }
        }
        scores
    }

    /// Returns the size in turns of a unit of the values that `stage` is the first to read.
    fn step(&self, stage: usize) -> f64 {
        let modulus = self.plan.moduli().nth(stage);
        modulus.map_or(0.0, |modulus| (modulus as f64).recip())
    }

    /// Returns the place of the table that a phase reads, after noise drawn from `way`.
    fn place(&mut self, bootstrap: &Bootstrap, way: &Normal<f64>, phase: f64) -> i64 {
        let places = 2.0 * f64::from(bootstrap.table_size());
        let switched = phase + way.sample(&mut self.random);
        ((switched * places).floor() as i64).rem_euclid(places as i64)
    }

    /// Removes the low bits of one neuron's accumulators.
    fn remove(&mut self, stage: &Stage, from: u32, digits: &[Digit], phases: &mut [f64]) {
        for (round, &digit) in stage.rounds.iter().zip(digits) {
            let bootstrap = &round.bootstrap;
            let reading = digit.reading(bootstrap.table_size());
            let way = noise(bootstrap.switch_variance(from));
            let result = noise(bootstrap.result_variance());
            let scale = 2f64.powi(round.above as i32);
            for part in DigitBit::ALL.into_iter().filter(|part| part.exists(digit)) {
                let centre = part.centre(digit);
                for phase in &mut *phases {
                    let place = self.place(bootstrap, &way, turn(*phase * scale));
                    let found = part.entry(digit, reading.value(place)).wrapping_add(centre);
                    *phase = turn(*phase - turns(found) - result.sample(&mut self.random));
                }
            }
        }
    }
}

impl Backend for Simulated<'_> {
    type Values = Array2<f64>;
    type Error = Infallible;

    fn linear(
        &mut self,
        op: &LinearOp<'_>,
        operands: &[&Array2<f64>],
    ) -> Result<Array2<f64>, Infallible> {
        let step = self.step(op.stage);
        let mut sums = match &op.map {
            Map::Dense(weights) => operands[0].dot(&weights.mapv(f64::from).t()),
            Map::Windows { window, kernel, .. } => {
                // padding is a constant below
                convolve(window, kernel.mapv(f64::from).view(), &[0.0], operands[0])
            }
            Map::Rows(rows) => add_up(rows, operands, |weight| weight as f64),
        };
        for (j, mut column) in sums.axis_iter_mut(Axis(1)).enumerate() {
            let constant = op.constant(j) as f64 * step;
            column.mapv_inplace(|sum| turn(sum + constant));
        }
        Ok(sums)
    }

    fn lookup(&mut self, op: &LookupOp<'_>, sums: &Array2<f64>) -> Result<Array2<f64>, Infallible> {
        let plan = self.plan;
        let stage = &plan.stages[op.read.stage];
        let from = plan.dimensions().nth(op.read.stage).unwrap_or(0);
        let step = self.step(op.next);
        let (way, result) = (
            noise(stage.bootstrap.switch_variance(from)),
            noise(stage.bootstrap.result_variance()),
        );
        let size = i64::from(stage.bootstrap.table_size());
        let (neurons, phases) = (op.read.neurons(), stage.phases as usize);
        let mut values = Array2::zeros((sums.nrows(), neurons * phases));
        for j in 0..neurons {
            let known = turns(known(stage, op, j));
            let scale = 2f64.powi((stage.sums.step_width - op.read.width(j)) as i32);
            let column = sums.column(j).into_iter();
            let mut accumulators: Vec<f64> =
                column.map(|&x| turn(turn(scale * x) - known)).collect();
            let rounds = stage.rounds.iter();
            let digits: Vec<Digit> = rounds.map(|round| Digit::of(stage, op, j, round)).collect();
            self.remove(stage, from, &digits, &mut accumulators);
            let reading = Reading::of(stage, op, j);
            for (row, phase) in accumulators.into_iter().enumerate() {
                let place = self.place(&stage.bootstrap, &way, phase);
                for q in 0..phases {
                    // each value is read further around the circle
                    let place = (place + q as i64 * size / phases as i64) % (2 * size);
                    let entry = op.entry(j, reading.value(place)) as f64;
                    let value = entry * step + result.sample(&mut self.random);
                    values[[row, q * neurons + j]] = turn(value);
                }
            }
        }
        Ok(values)
    }
}

fn noise(variance: f64) -> Normal<f64> {
    Normal::new(0.0, variance.sqrt()).expect("a variance is a finite number that is not negative")
}

/// Returns the same place on the torus, from -1/2 to 1/2.
fn turn(x: f64) -> f64 {
    x - x.round()
}

/// Converts units of `2^-64` to turns, from -1/2 to 1/2.
fn turns(units: u64) -> f64 {
    units as i64 as f64 / 2f64.powi(64)
}

/// Converts a place on the torus to units of `2^-64`.
fn units(turns: f64) -> u64 {
    (turn(turns) * 2f64.powi(64)) as i128 as u64
}
