//! Lookups of accumulators: the rounds that remove low bits, then the tables.
//!
//! A ciphertext that holds integers modulo `2^M` has the bits of an accumulator at the weights `2^-M` to
//! `2^-1` of the torus. A round multiplies by `2^above`, so that all above a digit leaves the circle and
//! nothing is below it, for that was removed before: what is left is `x / 2^b`, the digit. Its upper bit
//! is found by a table that changes its sign half way round, what is left by a padded one (see
//! [`fhe_nn_proof::rounding`]), and both are subtracted at the weight at which they stand.

use fhe_nn_proof::plan::{Bootstrap, Stage, torus_step};
use fhe_nn_proof::rounding::DIGIT_BITS;
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Lattice;

use super::Ciphertexts;
use super::execution::Watch;
use super::rotate::{Lookup, bootstrap};
use crate::Error;
use crate::graph::LookupOp;
use crate::keys::Keys;
use crate::reading::Reading;

/// One lookup of a run.
pub(super) struct Stages<'a> {
    pub(super) op: &'a LookupOp<'a>,
    pub(super) stage: &'a Stage,
    /// The values that each accumulator can have.
    pub(super) lattices: &'a [Lattice],
    /// Of the rounds, then of the tables.
    pub(super) keys: &'a [Keys],
    /// The torus holds so many steps of the next layer's widest accumulator.
    pub(super) next_modulus: u64,
    pub(super) watch: &'a Watch<'a>,
}

/// A digit of an accumulator, or the rest of it without its upper bit.
#[derive(Debug, Clone, Copy)]
struct Digit {
    /// Which accumulator.
    index: usize,
    /// Bits of the torus above it.
    above: u32,
    /// Its bits.
    bits: u32,
}

/// What one bootstrap finds of a digit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    UpperBit,
    /// What is left when the upper bit has been removed.
    LowerBits,
}

impl Stages<'_> {
    /// Looks up every accumulator of every image, one image behind the other; within an image the values
    /// of phase q come behind all those of phase q - 1.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn run(&self, mut accumulators: Ciphertexts) -> Result<Ciphertexts, Error> {
        self.remove_known(&mut accumulators);
        for (round, keys) in self.stage.rounds.iter().zip(self.keys) {
            let digits: Vec<Digit> = (0..accumulators.len())
                .map(|index| self.digit(index, round.above))
                .filter(|digit| digit.bits > 0)
                .collect();
            let plan = &round.bootstrap;
            self.remove(&mut accumulators, plan, keys, &digits, Part::UpperBit)?;
            let wide: Vec<Digit> = digits.into_iter().filter(|digit| digit.bits > 1).collect();
            self.remove(&mut accumulators, plan, keys, &wide, Part::LowerBits)?;
        }
        self.look_up(&accumulators)
    }

    /// Subtracts what is known of the bits that are dropped: all that an accumulator can be lies on its
    /// lattice.
    fn remove_known(&self, accumulators: &mut Ciphertexts) {
        if self.stage.rounding == Rounding::Approximate {
            return;
        }
        let (neurons, step) = (self.op.widths.len(), torus_step(self.stage.modulus));
        for (index, row) in accumulators.rows_mut().enumerate() {
            let j = index % neurons;
            let known = self.lattices[j].step_bits.min(self.op.dropped_bits(j));
            let value = self.lattices[j].offset & ((1 << known) - 1);
            let narrower = self.stage.width - self.op.widths[j];
            if let Some(body) = row.last_mut() {
                *body = body.wrapping_sub((value as u64).wrapping_mul(step << narrower));
            }
        }
    }

    /// The digit of an accumulator below so many bits of the torus.
    fn digit(&self, index: usize, above: u32) -> Digit {
        let j = index % self.op.widths.len();
        let lowest = self.stage.reader.modulus_bits(self.op.widths[j]);
        let lowest = lowest - self.lattices[j].step_bits.min(self.op.dropped_bits(j));
        Digit {
            index,
            above,
            bits: lowest.saturating_sub(above).min(DIGIT_BITS),
        }
    }

    /// Finds a part of each digit, and subtracts it.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    fn remove(
        &self,
        accumulators: &mut Ciphertexts,
        plan: &Bootstrap,
        keys: &Keys,
        digits: &[Digit],
        part: Part,
    ) -> Result<(), Error> {
        let mut tops = Ciphertexts::zero(accumulators.dimension(), digits.len());
        for (row, digit) in tops.rows_mut().zip(digits) {
            let from = accumulators.row(digit.index);
            row.iter_mut()
                .zip(from)
                .for_each(|(to, x)| *to = x << digit.above);
        }
        let size = plan.table_size();
        let table = |index: usize, polynomial: &mut [u64]| {
            let digit: Digit = digits[index];
            let integers = Lattice {
                step_bits: 0,
                offset: 0,
            };
            let reading = Reading::nearest(size, digit.bits, integers);
            fill(polynomial, &reading, |x| part.entry(digit, x));
        };
        let lookup = Lookup {
            table: &table,
            results: digits.len(),
            source: &|index| (index, 0),
        };
        let results = bootstrap(plan, keys, &tops, &lookup, self.watch)?;
        for (&digit, result) in digits.iter().zip(results.rows()) {
            let row = accumulators.row_mut(digit.index);
            row.iter_mut()
                .zip(result)
                .for_each(|(x, y)| *x = x.wrapping_sub(*y));
            if let Some(body) = row.last_mut() {
                *body = body.wrapping_sub(part.centre(digit));
            }
        }
        Ok(())
    }

    /// # Errors
    /// [`Error::Cancelled`].
    fn look_up(&self, accumulators: &Ciphertexts) -> Result<Ciphertexts, Error> {
        let plan = &self.stage.bootstrap;
        let (neurons, phases) = (self.op.widths.len(), self.stage.phases as usize);
        let (size, step) = (plan.table_size() as usize, torus_step(self.next_modulus));
        let table = |index: usize, polynomial: &mut [u64]| {
            let j = index % neurons;
            let reading = Reading::of(self.stage, self.op, j, self.lattices[j]);
            let entry = |r| (self.op.entry(j, r) as u64).wrapping_mul(step);
            fill(polynomial, &reading, entry);
        };
        let source = |index: usize| {
            let (image, value) = (index / (neurons * phases), index % (neurons * phases));
            let (q, j) = (value / neurons, image * neurons + value % neurons);
            (j, q * size / phases)
        };
        let lookup = Lookup {
            table: &table,
            results: accumulators.len() * phases,
            source: &source,
        };
        let keys = &self.keys[self.stage.rounds.len()];
        bootstrap(plan, keys, accumulators, &lookup, self.watch)
    }
}

impl Part {
    /// What is found of a digit that is x, less [`Part::centre`], at the weight at which it stands. Half a
    /// turn away tables are their own negative.
    pub(crate) fn entry(self, digit: Digit, x: i64) -> u64 {
        let half = 1i64 << (digit.bits - 1);
        let upper = x.div_euclid(half) & 1;
        match self {
            Part::UpperBit if upper == 0 => self.centre(digit).wrapping_neg(),
            Part::UpperBit => self.centre(digit),
            Part::LowerBits => {
                let weight = 64 - digit.above - digit.bits;
                let below = (x.rem_euclid(half) as u64) << weight;
                if upper == 0 {
                    below
                } else {
                    below.wrapping_neg()
                }
            }
        }
    }

    /// Half of the upper bit: tables that change their sign say more or less than that.
    pub(crate) fn centre(self, digit: Digit) -> u64 {
        match self {
            Part::UpperBit => 1 << (62 - digit.above),
            Part::LowerBits => 0,
        }
    }
}

/// Writes a table, of which phases at place c are read as `reading` says.
fn fill(polynomial: &mut [u64], reading: &Reading, entry: impl Fn(i64) -> u64) {
    let mut last = reading.value(0);
    let mut value = entry(last);
    for (coefficient, c) in polynomial.iter_mut().zip(0..) {
        let read = reading.value(c);
        if read != last {
            (last, value) = (read, entry(read));
        }
        *coefficient = value;
    }
}
