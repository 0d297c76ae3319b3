//! Accuracies of trainings that differ in their seed alone.

use std::fmt;

/// The accuracies of trainings that differ in their seed alone, as fractions. Prints as mean and spread.
///
/// ```
/// use fhe_nn_core::train::Spread;
///
/// let spread = Spread::new(vec![0.981, 0.979, 0.983]);
/// assert_eq!(
///     spread.to_string(),
///     "98.10% on average over 3 seeds, 97.90 to 98.30%, standard deviation 0.20 points"
/// );
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Spread(Vec<f64>);

impl Spread {
    /// The spread of these accuracies, as [`Outcome::quantized`](super::Outcome::quantized) has them.
    pub fn new(accuracies: Vec<f64>) -> Self {
        Spread(accuracies)
    }

    /// The mean; NaN of no accuracies.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The standard deviation of single trainings, estimated from these, with `n - 1` in the denominator; NaN of fewer
    /// than two.
    pub fn deviation(&self) -> f64 {
        if self.0.len() < 2 {
            return f64::NAN;
        }
        let mean = self.mean();
        let squares: f64 = self.0.iter().map(|own| (own - mean).powi(2)).sum();
        (squares / (self.0.len() as f64 - 1.0)).sqrt()
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.0.iter().copied().fold(f64::NAN, f64::min);
        let most = self.0.iter().copied().fold(f64::NAN, f64::max);
        write!(
            f,
            "{:.2}% on average over {} seeds, {:.2} to {:.2}%, standard deviation {:.2} points",
            100.0 * self.mean(),
            self.0.len(),
            100.0 * least,
            100.0 * most,
            100.0 * self.deviation()
        )
    }
}
