//! What a sum multiplies the noise of its terms by.

/// How much a sum multiplies the variance of values: the square of the 2-norm of its weights, and
/// more if it adds up what the bootstraps' `phases` have in common. Weight `q n + j` is that of
/// value q of bootstrap j of n.
///
/// The values of one bootstrap are coefficients of one polynomial, `d N / phases` apart. Rounding
/// to digits leaves a product of rounding errors with the large key, and the bits of a key have
/// the mean 1/2: two bits together have a quarter on average where one has a half. Of the N
/// products in a coefficient those that the negacyclic wrap gave a sign, a share of `d / phases`,
/// count against the others, so that the covariance of this part is
///
/// `(1 / 2) (1 - 2 d / phases)` of its variance.
///
/// The other parts of the noise are not correlated. Their share depends on parameters; the gain is
/// the greatest for any share.
///
/// Bootstraps of a group of `twins` have the same noise: their weights add up before they are
/// squared, at worst all of them with one sign.
pub fn gain(weights: &[f64], phases: usize, twins: &[Vec<usize>]) -> f64 {
    let bootstraps = weights.len() / phases;
    let mut alone = weights.to_vec();
    let mut together = 0.0;
    for group in twins {
        let values = group
            .iter()
            .flat_map(|j| (0..phases).map(move |q| q * bootstraps + j));
        let sum: f64 = values
            .map(|index| core::mem::take(&mut alone[index]).abs())
            .sum();
        together += sum * sum;
    }
    let square: f64 = alone.iter().map(|w| w * w).sum();
    let correlated = (1..phases).map(|d| {
        let pairs = alone.iter().zip(&alone[d * bootstraps..]);
        let products: f64 = pairs.map(|(a, b)| a * b).sum();
        products * (1.0 - 2.0 * d as f64 / phases as f64)
    });
    square + correlated.sum::<f64>().max(0.0) + together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_bootstrap_have_rounding_errors_in_common() {
        // 10 and, of weights one apart, 1 x 2 + 2 x 2 + 2 x 1, less, of those three apart, 1 x 1,
        // each half of twice
        assert_eq!(
            gain(&[1.0, 2.0, 2.0, 1.0], 4, &[]),
            10.0 + 8.0 / 2.0 - 1.0 / 2.0
        );
        // two bootstraps between which nothing is in common
        assert_eq!(gain(&[3.0, 1.0, 0.0, 5.0], 2, &[]), 35.0);
        // parameters may make the common part as small as nothing
        assert_eq!(gain(&[1.0, -1.0, 1.0, -1.0], 4, &[]), 4.0);
        assert_eq!(gain(&[1.0, 2.0, 3.0], 1, &[]), 14.0);
    }

    #[test]
    fn weights_of_twins_add_up_before_they_are_squared() {
        let twins = [vec![0, 2]];
        assert_eq!(gain(&[3.0, 1.0, -4.0], 1, &twins), 1.0 + 49.0);
        assert_eq!(gain(&[1.0, 0.0, 1.0, 1.0, 2.0, 1.0], 2, &twins), 4.0 + 16.0);
    }
}
