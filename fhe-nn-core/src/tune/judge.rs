//! What a declaration loses on some rows: how many are no longer right, and how many would be lost of endlessly many.

use fhe_nn_proof::client::Scores;
use libm::erf;
use ndarray::{Array2, ArrayView1};

use crate::run::class;

/// Rows, with the scores of the float network and the classes that are right.
pub(super) struct Judge {
    /// `[rows, values of one row]`.
    pub(super) rows: Array2<f32>,
    /// The right class of every row.
    targets: Vec<usize>,
    /// For every row, by how much the float network's score of the right class is the greatest.
    margins: Margins,
    /// For every row, whether the float network is right.
    right: Vec<bool>,
    /// Number of rows that the float network gets right.
    float_right: usize,
}

/// The margins of the float network, with what follows from them alone.
struct Margins {
    of_rows: Vec<f64>,
    /// The half of the rows that are nearest to being lost or won.
    near: Vec<usize>,
    /// The sum of the squares of their margins.
    squares: f64,
    /// Number of rows whose margins are positive.
    positive: f64,
}

/// What is lost on some rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Loss {
    pub(super) rows: usize,
    /// Number of rows that the float network gets right.
    pub(super) float_right: usize,
    /// Number of rows that the integer network gets right.
    pub(super) right: usize,
    /// Number of rows that the float network gets right and the integer network does not.
    pub(super) lost: usize,
    /// Number of rows that are lost on average of as many, less those that are won.
    expected: f64,
}

impl Judge {
    /// # Shapes
    /// `rows`: `[rows, values of one row]`; `scores`: `[rows, scores]`; `targets`: `[rows]`.
    pub(super) fn new(rows: Array2<f32>, scores: Array2<f64>, targets: Vec<usize>) -> Self {
        let pairs = || scores.rows().into_iter().zip(&targets);
        let margins = pairs().map(|(row, &target)| margin(row, target)).collect();
        let is_right =
            |(row, &target): (ArrayView1<'_, f64>, &usize)| class(row.iter().copied()) == target;
        let right: Vec<bool> = pairs().map(is_right).collect();
        Judge {
            margins: Margins::new(margins),
            float_right: right.iter().filter(|&&right| right).count(),
            right,
            rows,
            targets,
        }
    }

    /// The right classes, as training takes them.
    #[cfg(feature = "train")]
    pub(super) fn labels(&self) -> Vec<u32> {
        self.targets.iter().map(|&class| class as u32).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }

    /// Compares the scores of an integer network with the right classes.
    pub(super) fn loss(&self, scores: &[Scores]) -> Loss {
        let is_right =
            |(scores, &target): (&Scores, &usize)| class(scores.reals().iter().copied()) == target;
        let own: Vec<bool> = scores.iter().zip(&self.targets).map(is_right).collect();
        let lost = self.right.iter().zip(&own);
        let margins = scores.iter().zip(&self.targets).map(|(scores, &target)| {
            let reals = ArrayView1::from(scores.reals());
            margin(reals, target)
        });
        Loss {
            rows: self.len(),
            float_right: self.float_right,
            right: own.iter().filter(|&&right| right).count(),
            lost: lost.filter(|&(&float, &own)| float && !own).count(),
            expected: self.margins.expected(&margins.collect::<Vec<f64>>()),
        }
    }
}

impl Loss {
    /// The fraction of the rows that is lost, less those that are won.
    pub(super) fn counted(&self) -> f64 {
        (self.float_right as f64 - self.right as f64) / self.rows.max(1) as f64
    }

    /// The fraction of endlessly many rows like these that is lost, less those that are won: an estimate.
    pub(super) fn expected(&self) -> f64 {
        self.expected / self.rows.max(1) as f64
    }

    /// The loss on these rows and on others.
    pub(super) fn and(self, other: Loss) -> Loss {
        Loss {
            rows: self.rows + other.rows,
            float_right: self.float_right + other.float_right,
            right: self.right + other.right,
            lost: self.lost + other.lost,
            expected: self.expected + other.expected,
        }
    }
}

/// By how much the score of a class is the greatest; negative if another one is greater. A single score is that of
/// class 1 against class 0.
fn margin(scores: ArrayView1<'_, f64>, target: usize) -> f64 {
    if let (1, Some(&score)) = (scores.len(), scores.first()) {
        return if target == 1 { score } else { -score };
    }
    let others = scores.iter().enumerate().filter(|(j, _)| *j != target);
    let others = others.fold(f64::NEG_INFINITY, |most, (_, &score)| most.max(score));
    scores[target] - others
}

impl Margins {
    fn new(of_rows: Vec<f64>) -> Self {
        let mut near: Vec<usize> = (0..of_rows.len()).collect();
        near.sort_by(|&a, &b| of_rows[a].abs().total_cmp(&of_rows[b].abs()));
        near.truncate(of_rows.len().div_ceil(2).max(8));
        Margins {
            squares: near.iter().map(|&row| of_rows[row] * of_rows[row]).sum(),
            positive: of_rows.iter().filter(|&&margin| margin > 0.0).count() as f64,
            near,
            of_rows,
        }
    }

    /// The number of rows that are lost on average, less those that are won, if margins in integers are those in floats
    /// times a factor, with normally distributed errors. Both are found from the half of the rows that are nearest to
    /// being lost or won, because the others are further from that than any error.
    fn expected(&self, integers: &[f64]) -> f64 {
        let (floats, near) = (&self.of_rows, &self.near);
        let products = near.iter().map(|&row| floats[row] * integers[row]);
        let factor = products.sum::<f64>() / self.squares;
        if factor.is_nan() || factor <= 0.0 {
            return self.positive;
        }
        let errors = near.iter();
        let errors = errors.map(|&row| (integers[row] / factor - floats[row]).powi(2));
        let deviation = (errors.sum::<f64>() / near.len() as f64).sqrt();
        if deviation == 0.0 {
            return 0.0;
        }
        let stays = floats.iter().map(|margin| normal(margin / deviation));
        self.positive - stays.sum::<f64>()
    }
}

/// The probability that a standard normal variable is at most x.
fn normal(x: f64) -> f64 {
    (1.0 + erf(x / std::f64::consts::SQRT_2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_to_be_lost_follows_from_the_errors() {
        let floats: Vec<f64> = (0..200)
            .map(|row| 0.1 + f64::from(row % 20) * 0.1)
            .collect();
        let expected =
            |floats: &[f64], integers: &[f64]| Margins::new(floats.to_vec()).expected(integers);
        // another scale of all scores loses nothing
        let scaled: Vec<f64> = floats.iter().map(|margin| 0.5 * margin).collect();
        assert!(expected(&floats, &scaled).abs() < 1e-9);
        // errors of 0.1 where the least margins are 0.1: these are lost one time in six
        let noisy = floats.iter().enumerate();
        let noisy = noisy.map(|(row, margin)| margin + if row / 20 % 2 == 0 { 0.1 } else { -0.1 });
        let lost = expected(&floats, &noisy.collect::<Vec<f64>>());
        assert!((1.2..2.6).contains(&lost), "{lost}");
        // scores of the opposite sign lose everything
        let opposite: Vec<f64> = floats.iter().map(|margin| -margin).collect();
        assert_eq!(expected(&floats, &opposite), 200.0);
    }

    #[test]
    fn a_single_score_is_that_of_class_1() {
        assert_eq!(margin(ArrayView1::from(&[2.0]), 1), 2.0);
        assert_eq!(margin(ArrayView1::from(&[2.0]), 0), -2.0);
        assert_eq!(margin(ArrayView1::from(&[2.0, 5.0, 4.5]), 1), 0.5);
    }
}
