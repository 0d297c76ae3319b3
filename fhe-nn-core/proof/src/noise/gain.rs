//! The factor by which a sum multiplies the noise of its terms.

/// A term of a sum: a weight, and the value that it multiplies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// The weight.
    pub weight: f64,
    /// Bootstraps of one kind have the same noise.
    pub kind: usize,
    /// Number of the bootstrap that the value comes from; it is unique across kinds.
    pub bootstrap: usize,
    /// Index of the value among those of the bootstrap.
    pub phase: u32,
    /// Number of values of the bootstrap.
    pub phases: u32,
}

/// Factor by which a sum multiplies the variance of its values: the square of the 2-norm of its
/// weights, and more if it adds up noise that the values of one bootstrap have in common.
///
/// The values of one bootstrap are coefficients of one polynomial, `d N / phases` apart. Rounding
/// to digits leaves a product of rounding errors with the large key, whose bits have the mean 1/2:
/// the product of two bits is 1/4 on average, that of a bit with itself 1/2. A coefficient is a sum
/// of N products, and the negacyclic wrap changes the sign of a share of `d / phases` of them. These
/// count against the others, so the covariance of this part is
///
/// `(1 / 2) (1 - 2 d / phases)` of its variance.
///
/// The errors of the transforms of masks are multiplied by the same key bits, so values have the same
/// covariance in them ([`mask_transform_variance`](super::mask_transform_variance)). The noise of the key
/// and the error of the body's transform are not correlated. The shares of the parts depend on the
/// parameters; this bound takes all of the noise to be correlated, so it holds for any share.
///
/// Several bootstraps of one kind have the same noise, so their weights add up before they are
/// squared; in the worst case, all of them have the same sign.
pub fn gain(terms: &mut [Term]) -> f64 {
    terms.sort_unstable_by_key(|term| (term.kind, term.bootstrap, term.phase));
    let (mut square, mut correlated) = (0.0, 0.0);
    for alike in terms.chunk_by(|a, b| a.kind == b.kind) {
        if alike
            .iter()
            .any(|term| term.bootstrap != alike[0].bootstrap)
        {
            let sum: f64 = alike.iter().map(|term| term.weight.abs()).sum();
            square += sum * sum;
            continue;
        }
        for (index, a) in alike.iter().enumerate() {
            square += a.weight * a.weight;
            for b in &alike[index + 1..] {
                let apart = f64::from(b.phase - a.phase) / f64::from(a.phases);
                correlated += a.weight * b.weight * (1.0 - 2.0 * apart);
            }
        }
    }
    square + correlated.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain of weights; number `q n + j` of them multiplies value q of bootstrap j of n.
    fn of(weights: &[f64], phases: u32, kinds: &[usize]) -> f64 {
        let bootstraps = weights.len() / phases as usize;
        let terms = weights.iter().enumerate().map(|(index, &weight)| Term {
            weight,
            kind: kinds
                .get(index % bootstraps)
                .copied()
                .unwrap_or(index % bootstraps),
            bootstrap: index % bootstraps,
            phase: (index / bootstraps) as u32,
            phases,
        });
        gain(&mut terms.collect::<Vec<_>>())
    }

    #[test]
    fn values_of_one_bootstrap_have_rounding_errors_in_common() {
        // 10 for the squares, plus half of 1 x 2 + 2 x 2 + 2 x 1 for weights one apart, less half of
        // 1 x 1 for those three apart
        assert_eq!(
            of(&[1.0, 2.0, 2.0, 1.0], 4, &[]),
            10.0 + 8.0 / 2.0 - 1.0 / 2.0
        );
        // two bootstraps that have nothing in common
        assert_eq!(of(&[3.0, 1.0, 0.0, 5.0], 2, &[]), 35.0);
        // parameters may make the common part arbitrarily small
        assert_eq!(of(&[1.0, -1.0, 1.0, -1.0], 4, &[]), 4.0);
        assert_eq!(of(&[1.0, 2.0, 3.0], 1, &[]), 14.0);
    }

    #[test]
    fn weights_of_twins_add_up_before_they_are_squared() {
        assert_eq!(of(&[3.0, 1.0, -4.0], 1, &[0, 1, 0]), 1.0 + 49.0);
        assert_eq!(
            of(&[1.0, 0.0, 1.0, 1.0, 2.0, 1.0], 2, &[0, 1, 0]),
            4.0 + 16.0
        );
    }
}
