//! The points that no other beats in everything that matters for the stages to come.

use core::cmp::Ordering;

use crate::search::objective::Cost;

/// What a chain of stages leaves behind: the dimension of its key, the variance of its results, and
/// its cost. Less of each is better for whatever follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) dimension: u32,
    pub(super) variance: f64,
    pub(super) cost: Cost,
}

impl Point {
    pub(super) fn order(&self, other: &Point) -> Ordering {
        let dimension = self.dimension.cmp(&other.dimension);
        dimension
            .then(self.variance.total_cmp(&other.variance))
            .then(self.cost.order(&other.cost))
    }
}

/// The least cost for every variance, among points that are added in the order of dimension,
/// variance and cost.
#[derive(Debug, Default)]
pub(super) struct Front {
    /// Ascending variance, descending cost.
    steps: Vec<(f64, Cost)>,
}

impl Front {
    /// The least cost of an earlier point whose dimension and variance are no greater.
    pub(super) fn cost(&self, point: &Point) -> Option<Cost> {
        let after = self
            .steps
            .partition_point(|(variance, _)| *variance <= point.variance);
        after.checked_sub(1).map(|index| self.steps[index].1)
    }

    /// Adds a point; `false` if an earlier one beats it.
    pub(super) fn insert(&mut self, point: &Point) -> bool {
        let first = self
            .steps
            .partition_point(|(variance, _)| *variance < point.variance);
        if self
            .cost(point)
            .is_some_and(|cost| !point.cost.beats(&cost))
        {
            return false;
        }
        let worse = self.steps[first..].partition_point(|(_, cost)| !cost.beats(&point.cost));
        self.steps
            .splice(first..first + worse, [(point.variance, point.cost)]);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_front_is_what_no_other_beats(
            points in prop::collection::vec((0u32..4, 0u32..12, 0u32..12), 1..40)
        ) {
            let point = |(dimension, variance, first)| Point {
                dimension,
                variance: f64::from(variance),
                cost: Cost { first: f64::from(first), then: 0.0 },
            };
            let mut points: Vec<Point> = points.into_iter().map(point).collect();
            points.sort_by(Point::order);
            let mut front = Front::default();
            for (index, point) in points.iter().enumerate() {
                // whatever could beat it comes before it
                let no_more = |other: &&Point| {
                    other.dimension <= point.dimension && other.variance <= point.variance
                };
                let costs = points[..index].iter().filter(no_more).map(|other| other.cost);
                let least = costs.min_by(Cost::order);
                prop_assert_eq!(front.cost(point), least);
                prop_assert_eq!(front.insert(point), least.is_none_or(|least| point.cost.beats(&least)));
            }
        }
    }
}
