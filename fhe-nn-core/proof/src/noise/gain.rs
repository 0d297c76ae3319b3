//! The factors by which a sum multiplies the noise of its terms.

/// The factors by which a sum multiplies the noise of its terms: its variance is at most
///
/// `square (variance + shared common)`
///
/// for the bootstrap with the greatest `variance + shared common`, where `common` is the part of a
/// bootstrap's variance that its values have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gain {
    /// The square of the 2-norm of the weights; more if some bootstraps have the same noise.
    pub square: f64,
    /// What the values of one bootstrap add by their covariance, in units of `square`.
    pub shared: f64,
}

/// A term of a sum: a weight, and the value that it multiplies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// The weight.
    pub weight: f64,
    /// Index of the lookup that the bootstrap belongs to.
    pub lookup: u32,
    /// Bootstraps of one kind have the same noise.
    pub kind: usize,
    /// Number of the bootstrap that the value comes from; it is unique across kinds.
    pub bootstrap: usize,
    /// Index of the value among those of the bootstrap.
    pub phase: u32,
    /// Number of values of the bootstrap.
    pub phases: u32,
}

impl From<f64> for Gain {
    /// The gain of a sum whose terms have nothing in common.
    fn from(square: f64) -> Self {
        Gain {
            square,
            shared: 0.0,
        }
    }
}

/// The factors by which a sum multiplies the variance of its values: the square of the 2-norm of its
/// weights, and more if it adds up noise that the values of one bootstrap have in common.
///
/// The values of one bootstrap are coefficients of one polynomial, `d N / phases` apart. Errors of the
/// transforms of masks are multiplied by bits of the large key, whose mean is 1/2: the product of two bits
/// is 1/4 on average, that of a bit with itself 1/2. A coefficient is a sum of N products, and the
/// negacyclic wrap changes the sign of a share of `d / phases` of them. These count against the others, so
/// the covariance of this part ([`mask_transform_variance`](super::mask_transform_variance)) is
///
/// `(1 / 2) (1 - 2 d / phases)` of its variance.
///
/// The noise of the key and the error of the body's transform are not correlated, and rounding to digits
/// no longer is: bits less their mean have no covariance
/// ([`bootstrap_rounding_variance`](super::bootstrap_rounding_variance)).
///
/// Several bootstraps of one kind have the same noise, so their weights add up before they are
/// squared; in the worst case, all of them have the same sign. A sum over results of several lookups takes
/// the greatest share of any: then the bound holds whatever their variances are.
pub fn gain(terms: &mut [Term]) -> Gain {
    terms.sort_unstable_by_key(|term| (term.kind, term.bootstrap, term.phase));
    let mut twins = 0.0;
    // for each lookup, what its bootstraps add by their squares and by their covariances
    let mut lookups: Vec<(f64, f64)> = Vec::new();
    for alike in terms.chunk_by(|a, b| a.kind == b.kind) {
        if alike
            .iter()
            .any(|term| term.bootstrap != alike[0].bootstrap)
        {
            let sum: f64 = alike.iter().map(|term| term.weight.abs()).sum();
            twins += sum * sum;
            continue;
        }
        let lookup = alike[0].lookup as usize;
        if lookup >= lookups.len() {
            lookups.resize(lookup + 1, (0.0, 0.0));
        }
        let (square, correlated) = &mut lookups[lookup];
        for (index, a) in alike.iter().enumerate() {
            *square += a.weight * a.weight;
            for b in &alike[index + 1..] {
                let apart = f64::from(b.phase - a.phase) / f64::from(a.phases);
                *correlated += a.weight * b.weight * (1.0 - 2.0 * apart);
            }
        }
    }
    let shared = lookups
        .iter()
        .filter(|(square, _)| *square > 0.0)
        .map(|(square, correlated)| correlated / square);
    Gain {
        shared: shared.fold(0.0, f64::max),
        square: twins + lookups.iter().map(|(square, _)| square).sum::<f64>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain of weights; number `q n + j` of them multiplies value q of bootstrap j of n.
    fn of(weights: &[f64], phases: u32, kinds: &[usize]) -> Gain {
        let bootstraps = weights.len() / phases as usize;
        let terms = weights.iter().enumerate().map(|(index, &weight)| Term {
            weight,
            lookup: 1,
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
    fn values_of_one_bootstrap_have_errors_of_masks_in_common() {
        // 10 for the squares, plus half of 1 x 2 + 2 x 2 + 2 x 1 for weights one apart, less half of
        // 1 x 1 for those three apart
        let gain = of(&[1.0, 2.0, 2.0, 1.0], 4, &[]);
        assert_eq!(gain.square, 10.0);
        assert_eq!(gain.shared, (8.0 / 2.0 - 1.0 / 2.0) / 10.0);
        // two bootstraps that have nothing in common
        assert_eq!(of(&[3.0, 1.0, 0.0, 5.0], 2, &[]), 35.0.into());
        // parameters may make the common part arbitrarily small
        assert_eq!(of(&[1.0, -1.0, 1.0, -1.0], 4, &[]), 4.0.into());
        assert_eq!(of(&[1.0, 2.0, 3.0], 1, &[]), 14.0.into());
    }

    #[test]
    fn the_greatest_share_of_any_lookup_counts() {
        let value = |lookup: u32, phase: u32, weight: f64| Term {
            weight,
            lookup,
            kind: lookup as usize,
            bootstrap: lookup as usize,
            phase,
            phases: 4,
        };
        let mut terms = [value(1, 0, 3.0), value(2, 0, 1.0), value(2, 1, 1.0)];
        let gain = gain(&mut terms);
        assert_eq!(gain.square, 11.0);
        // 1 x 1 / 2 of a square of 2; the first lookup has one value
        assert_eq!(gain.shared, 0.25);
    }

    #[test]
    fn weights_of_twins_add_up_before_they_are_squared() {
        assert_eq!(of(&[3.0, 1.0, -4.0], 1, &[0, 1, 0]), (1.0 + 49.0).into());
        assert_eq!(
            of(&[1.0, 0.0, 1.0, 1.0, 2.0, 1.0], 2, &[0, 1, 0]),
            (4.0 + 16.0).into()
        );
    }
}
