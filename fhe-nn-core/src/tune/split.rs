//! The rows of a tuning, in three parts.

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::error::TuneError;
use super::judge::Judge;
use crate::Error;

/// The rows of a tuning, each with what it is compared with.
pub(super) struct Split {
    /// The rows of the search: models are calibrated on one part and compared on the other, in turn.
    pub(super) folds: [Judge; 2],
    /// The rows on which the promise is checked.
    pub(super) held_out: Judge,
    /// All rows of the search, `[rows, values of one row]`.
    pub(super) seen: Array2<f32>,
    /// The rows that neither the search nor the promise needs.
    #[cfg(feature = "train")]
    more: Judge,
}

/// The fewest rows: with fewer, a part would have hardly any.
const LEAST: usize = 20;
/// Hundredths of the rows that each part of the search has.
const SHARE: usize = 38;
/// The most rows of each part of the search.
const MOST: usize = 512;
/// The most rows on which the promise is checked.
const MOST_HELD_OUT: usize = 10_000;

impl Split {
    /// Shuffles and splits rows. `scores` are those of the float network, and `targets` the classes that are right.
    ///
    /// # Errors
    /// [`TuneError::FewRows`].
    pub(super) fn new(
        rows: ArrayView2<'_, f32>,
        scores: &Array2<f64>,
        targets: &[usize],
        seed: u64,
    ) -> Result<Self, Error> {
        let count = rows.nrows();
        if count < LEAST {
            return Err(TuneError::FewRows {
                rows: count,
                least: LEAST,
            }
            .into());
        }
        let mut order: Vec<usize> = (0..count).collect();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for last in (1..count).rev() {
            // the bias of the remainder is below 2^-32
            order.swap(last, (random.next_u64() % (last as u64 + 1)) as usize);
        }
        let mut rest = order.as_slice();
        let mut part = |most: usize| {
            let (own, behind) = rest.split_at(most.min(rest.len()));
            rest = behind;
            Judge::new(
                rows.select(Axis(0), own),
                scores.select(Axis(0), own),
                own.iter().map(|&row| targets[row]).collect(),
            )
        };
        let size = (count * SHARE / 100).min(MOST);
        let folds = [part(size), part(size)];
        let views = folds.each_ref().map(|fold| fold.rows.view());
        Ok(Split {
            seen: concatenate(Axis(0), &views).expect("rows have the same number of values"),
            held_out: part(MOST_HELD_OUT),
            #[cfg(feature = "train")]
            more: part(usize::MAX),
            folds,
        })
    }

    /// The rows to train on, and their classes: those of the first part of the search, and those that nothing else needs.
    #[cfg(feature = "train")]
    pub(super) fn training(&self) -> (Array2<f32>, Vec<u32>) {
        let own = [&self.folds[0], &self.more];
        let rows = concatenate(Axis(0), &own.map(|part| part.rows.view()));
        let rows = rows.expect("rows have the same number of values");
        (rows, own.iter().flat_map(|part| part.labels()).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_in_one_part() {
        let rows = Array2::from_shape_fn((101, 2), |(row, _)| row as f32);
        let scores = Array2::from_shape_fn((101, 2), |(row, j)| (row * j) as f64);
        let targets: Vec<usize> = (0..101).map(|row| row % 2).collect();
        let split = Split::new(rows.view(), &scores, &targets, 3).expect("enough rows");
        let [first, second] = &split.folds;
        let parts = [first, second, &split.held_out];
        assert_eq!(parts.map(Judge::len), [38, 38, 25]);
        let all = parts.iter().flat_map(|part| part.rows.column(0).to_vec());
        let all: BTreeSet<u32> = all.map(|row| row as u32).collect();
        assert_eq!(all.len(), 101);
        assert_eq!(split.seen.nrows(), 76);
        #[cfg(feature = "train")]
        assert_eq!(split.training().0.nrows(), 38);
        let few = Split::new(rows.slice(ndarray::s![..19, ..]), &scores, &targets, 3);
        assert!(matches!(
            few,
            Err(Error::Tune(TuneError::FewRows { rows: 19, .. }))
        ));
    }
}
