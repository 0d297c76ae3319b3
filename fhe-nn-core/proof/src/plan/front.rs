//! What no other beats in all that matters for the way on.

use core::cmp::Ordering;

use crate::plan::objective::Cost;

/// What a chain of stages can leave behind: the dimension of its key, the variance of its results,
/// and what it has cost. The less of each, the better for all that may follow.
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

/// The points that were seen, in the order of dimension, variance and cost: the least cost for every
/// variance.
#[derive(Debug, Default)]
pub(super) struct Front {
    /// Ascending variance, descending cost.
    steps: Vec<(f64, Cost)>,
}

impl Front {
    /// The least cost of a point before this one that has no more dimensions and variance.
    pub(super) fn cost(&self, point: &Point) -> Option<Cost> {
        let after = self
            .steps
            .partition_point(|(variance, _)| *variance <= point.variance);
        after.checked_sub(1).map(|index| self.steps[index].1)
    }

    /// Adds a point; false if one before beats it.
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
