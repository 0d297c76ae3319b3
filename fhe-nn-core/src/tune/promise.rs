//! What a declaration did on rows that took no part in finding it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::judge::Loss;

/// What a declaration did on rows that were held out: they took no part in finding it, and its model was not
/// calibrated on them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Promise {
    /// Number of rows that were held out.
    pub rows: usize,
    /// Number of them that the float network gets right; without labels, all.
    pub float_right: usize,
    /// Number of them that the integers get right; without labels, those with the float network's greatest score.
    pub right: usize,
    /// Number of them that the float network gets right and the integers do not.
    pub lost: usize,
    /// Number of declarations that were checked on these rows, this one included: those before it lost too much.
    pub checked: usize,
}

/// The probability with which the statement of confidence may be wrong.
const DOUBT: f64 = 0.05;

impl Promise {
    pub(super) fn new(loss: &Loss, checked: usize) -> Self {
        Promise {
            rows: loss.rows,
            float_right: loss.float_right,
            right: loss.right,
            lost: loss.lost,
            checked,
        }
    }

    /// The fraction of the rows that is lost, less those that are won.
    pub fn loss(&self) -> f64 {
        (self.float_right as f64 - self.right as f64) / self.rows.max(1) as f64
    }

    /// The fraction of all rows like these that the float network gets right and the integers do not is at most this,
    /// with a confidence of 95%. It is the bound of Clopper and Pearson (1934) for a sample of independent rows, at
    /// a confidence that is higher the more declarations were checked on the same rows (Bonferroni).
    pub fn bound(&self) -> f64 {
        let doubt = DOUBT / self.checked.max(1) as f64;
        if self.lost >= self.rows {
            return 1.0;
        }
        // the greatest p with which so few are lost with a probability of `doubt`
        let (mut below, mut beyond) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = (below + beyond) / 2.0;
            if at_most(self.lost, self.rows, middle) > doubt {
                below = middle;
            } else {
                beyond = middle;
            }
        }
        beyond
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Promise {
            rows,
            float_right,
            right,
            lost,
            checked,
        } = self;
        write!(
            f,
            "of {rows} rows that were held out, {right} are right in integers and {float_right} in floats; {lost} are \
             lost, which says with 95% confidence that at most {:.1}% of rows like these are",
            100.0 * self.bound()
        )?;
        match checked {
            1 => Ok(()),
            _ => write!(f, " ({checked} declarations were checked on them)"),
        }
    }
}

/// The probability that at most `count` of `rows` are lost if each is with probability `p`, between 0 and 1.
fn at_most(count: usize, rows: usize, p: f64) -> f64 {
    let odds = (p / (1.0 - p)).ln();
    let mut log = rows as f64 * (1.0 - p).ln();
    let mut sum = log.exp();
    for k in 1..=count {
        log += ((rows - k + 1) as f64 / k as f64).ln() + odds;
        sum += log.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        let promise = |lost, rows, checked| Promise {
            rows,
            float_right: rows,
            right: rows - lost,
            lost,
            checked,
        };
        // none of n: 1 - 0.05^(1/n)
        let bound = promise(0, 100, 1).bound();
        assert!((bound - (1.0 - 0.05f64.powf(0.01))).abs() < 1e-9, "{bound}");
        // R: qbeta(0.95, 4, 97)
        let bound = promise(3, 100, 1).bound();
        assert!((bound - 0.075_7).abs() < 5e-4, "{bound}");
        assert!(promise(0, 100, 2).bound() > promise(0, 100, 1).bound());
        assert_eq!(promise(7, 7, 1).bound(), 1.0);
    }
}
