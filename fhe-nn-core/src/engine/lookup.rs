//! Lookups of accumulators: the rounds that remove low bits ([`crate::digits`]), then the tables.

use fhe_nn_proof::plan::{Round, Stage, torus_step};

use super::rotate::{Lookup, bootstrap};
use super::server_key::Keys;
use crate::Error;
use crate::digits::{Digit, DigitBit, known};
use crate::reading::Reading;
use crate::run::Running;
use crate::wire::Ciphertexts;
use fhe_nn_proof::graph::{LookupOp, Read};

/// One lookup of a run.
pub(super) struct Stages<'a> {
    pub(super) op: &'a LookupOp<'a>,
    pub(super) stage: &'a Stage,
    /// The keys of the rounds, then those of the tables.
    pub(super) keys: &'a [Keys],
    /// Number of units of the results that the torus holds.
    pub(super) next_modulus: u64,
    pub(super) running: &'a Running<'a>,
}

impl Stages<'_> {
    /// Looks up every sum of every image, one image after the other. Within an image, the values of phase q
    /// come after all those of phase q - 1.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn run(&self, sums: &Ciphertexts) -> Result<Ciphertexts, Error> {
        let accumulators = to_step_width(sums, &self.op.read, self.stage.sums.step_width);
        self.look_up(&self.remove_low_bits(accumulators)?)
    }

    /// Removes the bits that exact rounding drops from every accumulator.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn remove_low_bits(
        &self,
        mut accumulators: Ciphertexts,
    ) -> Result<Ciphertexts, Error> {
        let neurons = self.op.read.neurons();
        for (index, row) in accumulators.rows_mut().enumerate() {
            let j = index % neurons;
            if let Some(body) = row.last_mut() {
                *body = body.wrapping_sub(known(self.stage, self.op, j));
            }
        }
        for (round, keys) in self.stage.rounds.iter().zip(self.keys) {
            for part in DigitBit::ALL {
                self.remove(&mut accumulators, round, keys, part)?;
            }
        }
        Ok(accumulators)
    }

    /// Finds a part of the digit of every accumulator that has this part, and subtracts it.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    fn remove(
        &self,
        accumulators: &mut Ciphertexts,
        round: &Round,
        keys: &Keys,
        part: DigitBit,
    ) -> Result<(), Error> {
        let digits = (0..accumulators.len()).map(|index| {
            let j = index % self.op.read.neurons();
            let digit = Digit::of(self.stage, self.op, j, round);
            (index, digit)
        });
        let digits: Vec<(usize, Digit)> = digits.filter(|(_, digit)| part.exists(*digit)).collect();
        let mut tops = Ciphertexts::zero(accumulators.dimension(), digits.len());
        for (row, (index, digit)) in tops.rows_mut().zip(&digits) {
            let from = accumulators.row(*index);
            let pairs = row.iter_mut().zip(from);
            pairs.for_each(|(to, x)| *to = x << digit.above);
        }
        let plan = &round.bootstrap;
        let table = |index: usize, polynomial: &mut [u64]| {
            let (_, digit): (usize, Digit) = digits[index];
            let reading = digit.reading(plan.table_size());
            fill(polynomial, &reading, |x| part.entry(digit, x));
        };
        let lookup = Lookup {
            table: &table,
            results: digits.len(),
            source: &|index| (index, 0),
        };
        let results = bootstrap(plan, keys, &tops, &lookup, self.running)?;
        for (&(index, digit), result) in digits.iter().zip(results.rows()) {
            let row = accumulators.row_mut(index);
            let pairs = row.iter_mut().zip(result);
            pairs.for_each(|(x, y)| *x = x.wrapping_sub(*y));
            if let Some(body) = row.last_mut() {
                *body = body.wrapping_sub(part.centre(digit));
            }
        }
        Ok(())
    }

    /// Looks up accumulators in the tables of their neurons, after [`Stages::remove_low_bits`]. Each
    /// accumulator has one result for every phase.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    fn look_up(&self, accumulators: &Ciphertexts) -> Result<Ciphertexts, Error> {
        let plan = &self.stage.bootstrap;
        let (neurons, phases) = (self.op.read.neurons(), self.stage.phases as usize);
        let (size, step) = (plan.table_size() as usize, torus_step(self.next_modulus));
        let table = |index: usize, polynomial: &mut [u64]| {
            let j = index % neurons;
            let reading = Reading::of(self.stage, self.op, j);
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
            results: accumulators
                .len()
                .checked_mul(phases)
                .expect("ciphertexts are no more than memory holds"),
            source: &source,
        };
        let keys = &self.keys[self.stage.rounds.len()];
        bootstrap(plan, keys, accumulators, &lookup, self.running)
    }
}

/// Brings sums to the step width that their reader takes. A sum of `A_j` bits that is narrower than the step
/// width, `A`, is multiplied by `2^(A - A_j)`, so that it counts modulo its own power of two.
pub(super) fn to_step_width(sums: &Ciphertexts, read: &Read<'_>, step_width: u32) -> Ciphertexts {
    let mut scaled = sums.clone();
    for (index, row) in scaled.rows_mut().enumerate() {
        let shift = step_width - read.width(index % read.neurons());
        if shift > 0 {
            row.iter_mut().for_each(|x| *x <<= shift);
        }
    }
    scaled
}

/// Writes a table whose phases at place c are read as `reading` says.
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
