//! Input values beyond the calibrated range, which the client's encoder clamps.

use crate::outcome::Outcome;

/// How many values of how many rows were clamped.
pub(crate) struct Clamped {
    values: usize,
    rows: usize,
    of: usize,
}

impl Clamped {
    /// Adds up the clamped values of each row.
    pub(crate) fn of(counts: &[usize]) -> Self {
        Clamped {
            values: counts.iter().sum(),
            rows: counts.iter().filter(|&&count| count > 0).count(),
            of: counts.len(),
        }
    }

    /// An outcome that says so.
    pub(crate) fn told(&self, outcome: Outcome) -> Outcome {
        let Clamped { values, rows, of } = self;
        let line = (*values > 0).then(|| {
            format!(
                "note: {values} values of {rows} of {of} rows lie beyond the range that was calibrated, and were clamped to its ends"
            )
        });
        outcome.with_count("clamped", *values, line)
    }
}
