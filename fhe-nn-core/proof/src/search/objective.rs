//! The cost by which the search compares chains of stages.

use core::cmp::Ordering;
use core::ops::Add;

use crate::plan::Prefer;

/// Two quantities to keep small: the first above all, the second among equals.
///
/// Costs add up, and adding the same cost to two keeps their order. So the best way on from the
/// better of two points is the better way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    pub(super) first: f64,
    pub(super) then: f64,
}

/// The rule by which time and the bytes of keys make a cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objective {
    pub(super) prefer: Prefer,
    /// Whether stages may share keys.
    pub(super) sharing: bool,
    /// What a stage pays, in nanoseconds, for keys of its own in addition to their bytes.
    pub(super) key_ns: f64,
}

impl Objective {
    pub(super) fn cost(&self, ns: f64, bytes: f64) -> Cost {
        match self.prefer {
            Prefer::Fastest => Cost {
                first: ns,
                then: bytes,
            },
            Prefer::SmallestKeys => Cost {
                first: bytes,
                then: ns,
            },
        }
    }
}

impl Cost {
    pub(super) const NONE: Cost = Cost {
        first: 0.0,
        then: 0.0,
    };

    pub(super) fn order(&self, other: &Cost) -> Ordering {
        let first = self.first.total_cmp(&other.first);
        first.then(self.then.total_cmp(&other.then))
    }

    pub(super) fn beats(&self, other: &Cost) -> bool {
        self.order(other) == Ordering::Less
    }
}

impl Add for Cost {
    type Output = Cost;

    fn add(self, other: Cost) -> Cost {
        Cost {
            first: self.first + other.first,
            then: self.then + other.then,
        }
    }
}
