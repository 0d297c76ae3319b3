//! What a client makes of the scores that it decrypts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::is_scale;
use crate::spec::law::{Law, law};
use crate::widths::MAX_VALUES;

/// Greatest number of outputs, and of the terms of all of them.
pub const MAX_TERMS: usize = 1 << 20;
/// Greatest distance of a level of a grid from 0.
const MAX_LEVEL: i64 = 1 << 32;

/// The outputs of an imported model as a function of the scores: each is a weighted sum of a few scores, and all may
/// lie on a grid. This covers what only moves, averages, adds up or requantizes scores, so none of that needs a
/// layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// The weighted sum that each output is.
    pub combinations: Cow<'static, [Combination]>,
    /// The grid that outputs are rounded to, if the model quantizes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<OutputGrid>,
}

/// A weighted sum of scores: `offset + sum of weight x score`, in reals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Combination {
    /// What is added, whatever the scores are.
    pub offset: f64,
    /// The scores that are added up. There may be none.
    pub terms: Cow<'static, [ScoreTerm]>,
}

/// A score with its weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreTerm {
    /// Index of the score.
    pub score: usize,
    /// Weight of the score.
    pub weight: f64,
}

/// Integers times a scale: an output x lies on level `clamp(round(x / scale) + zero_point, lo, hi)`, halves to even.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputGrid {
    /// Real value of one step.
    pub scale: f64,
    /// The level that stands for 0.
    pub zero_point: i64,
    /// The lowest level.
    pub lo: i64,
    /// The highest level.
    pub hi: i64,
    /// What the model puts out.
    pub form: OutputForm,
}

/// What a model puts out for a level of its grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OutputForm {
    /// The real value, `scale x (level - zero_point)`.
    Real,
    /// The level itself.
    Level,
}

impl Outputs {
    /// The outputs of these scores.
    ///
    /// # Panics
    /// If a combination has a score that is not there.
    pub fn of(&self, scores: &[f64]) -> Vec<f64> {
        let combinations = self.combinations.iter();
        let outputs = combinations.map(|combination| {
            let output = combination.of(scores);
            self.grid.map_or(output, |grid| grid.of(output))
        });
        outputs.collect()
    }

    /// The laws of outputs of `count` scores.
    pub(super) fn laws(&self, count: usize) -> Result<(), Law> {
        let combinations = self.combinations.iter();
        let sizes = combinations
            .clone()
            .map(|combination| combination.terms.len());
        law(
            (1..=MAX_TERMS).contains(&self.combinations.len())
                && sizes.fold(0, usize::saturating_add) <= MAX_TERMS,
            "there are 1 to 2^20 outputs, of at most 2^20 terms in all",
        )?;
        let terms = || combinations.clone().flat_map(|own| own.terms.iter());
        law(
            terms().all(|term| term.score < count),
            "outputs are made of scores that there are",
        )?;
        law(
            terms().all(|term| term.weight.is_finite())
                && combinations.clone().all(|own| own.offset.is_finite()),
            "weights and offsets of outputs are finite",
        )?;
        match self.grid {
            Some(grid) => grid.laws(),
            None => Ok(()),
        }
    }
}

impl Combination {
    /// One score as it is.
    pub fn one(score: usize) -> Self {
        let term = ScoreTerm { score, weight: 1.0 };
        Combination {
            offset: 0.0,
            terms: vec![term].into(),
        }
    }

    fn of(&self, scores: &[f64]) -> f64 {
        let terms = self.terms.iter();
        terms.fold(self.offset, |sum, term| {
            sum + term.weight * scores[term.score]
        })
    }
}

impl OutputGrid {
    /// What the model puts out for a real value.
    pub fn of(&self, x: f64) -> f64 {
        let level = (x / self.scale).round_ties_even() + self.zero_point as f64;
        let level = level.clamp(self.lo as f64, self.hi as f64);
        match self.form {
            OutputForm::Real => self.scale * (level - self.zero_point as f64),
            OutputForm::Level => level,
        }
    }

    fn laws(&self) -> Result<(), Law> {
        let levels = -MAX_LEVEL..=MAX_LEVEL;
        law(
            is_scale(self.scale),
            "the scale of outputs is positive and finite",
        )?;
        law(
            self.lo <= self.hi
                && [self.lo, self.hi, self.zero_point]
                    .iter()
                    .all(|level| levels.contains(level)),
            "levels of outputs go from the lowest to the highest, within 2^32",
        )
    }
}

const _: () = assert!(MAX_TERMS as u64 <= MAX_VALUES);

#[cfg(test)]
mod tests {
    use super::*;

    fn term(score: usize, weight: f64) -> ScoreTerm {
        ScoreTerm { score, weight }
    }

    fn combination(offset: f64, terms: &[ScoreTerm]) -> Combination {
        Combination {
            offset,
            terms: terms.to_vec().into(),
        }
    }

    fn outputs(combinations: Vec<Combination>, grid: Option<OutputGrid>) -> Outputs {
        Outputs {
            combinations: combinations.into(),
            grid,
        }
    }

    const GRID: OutputGrid = OutputGrid {
        scale: 0.5,
        zero_point: 1,
        lo: 0,
        hi: 3,
        form: OutputForm::Real,
    };

    #[test]
    fn outputs_are_weighted_sums_of_scores() {
        let mean = combination(0.25, &[term(0, 0.5), term(2, 0.5)]);
        let made = outputs(
            vec![Combination::one(2), mean, combination(-1.0, &[])],
            None,
        );
        assert_eq!(made.of(&[1.0, 7.0, 3.0]), [3.0, 2.25, -1.0]);
        assert_eq!(made.laws(3), Ok(()));
    }

    #[test]
    fn outputs_on_a_grid_are_cut_and_rounded_to_even() {
        let each = (0..5).map(Combination::one).collect();
        let scores = [-9.0, 0.25, 0.75, 9.0, 0.3];
        let real = outputs(each, Some(GRID));
        assert_eq!(real.of(&scores), [-0.5, 0.0, 1.0, 1.0, 0.5]);
        let level = Outputs {
            grid: Some(OutputGrid {
                form: OutputForm::Level,
                ..GRID
            }),
            ..real
        };
        assert_eq!(level.of(&scores), [0.0, 1.0, 3.0, 3.0, 2.0]);
    }

    #[test]
    fn outputs_of_scores_that_are_not_there_break_a_law() {
        let one = || vec![Combination::one(2)];
        assert!(outputs(one(), None).laws(2).is_err());
        assert!(outputs(Vec::new(), None).laws(2).is_err());
        for broken in [
            combination(f64::NAN, &[]),
            combination(0.0, &[term(0, f64::INFINITY)]),
        ] {
            assert!(outputs(vec![broken], None).laws(1).is_err());
        }
        let many = combination(0.0, &vec![term(0, 1.0); MAX_TERMS]);
        assert_eq!(outputs(vec![many.clone()], None).laws(1), Ok(()));
        assert!(
            outputs(vec![many, Combination::one(0)], None)
                .laws(1)
                .is_err()
        );
        for grid in [
            OutputGrid { scale: 0.0, ..GRID },
            OutputGrid { lo: 4, ..GRID },
            OutputGrid {
                hi: i64::MAX,
                ..GRID
            },
        ] {
            assert!(outputs(one(), Some(grid)).laws(3).is_err());
        }
    }
}
