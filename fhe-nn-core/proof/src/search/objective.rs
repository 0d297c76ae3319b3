//! The cost by which the search compares chains of stages.

use core::cmp::Ordering;
use core::ops::{Add, Mul};

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

/// Bytes of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeySize {
    /// On the wire.
    pub(super) wire: f64,
    /// In a server's memory.
    pub(super) memory: f64,
}

/// The rule by which time and the bytes of keys make a cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Objective {
    pub(super) prefer: Prefer,
    /// Whether stages may share keys.
    pub(super) sharing: bool,
    /// What a byte of memory costs, in nanoseconds or, for the smallest keys, in bytes of them.
    pub(super) memory_price: f64,
    /// What a stage pays, in nanoseconds, for keys of its own in addition to their bytes.
    pub(super) key_ns: f64,
}

impl Objective {
    pub(super) fn cost(&self, ns: f64, key: KeySize) -> Cost {
        let price = self.memory_price * key.memory;
        match self.prefer {
            Prefer::Fastest => Cost {
                first: ns + price,
                then: key.wire,
            },
            Prefer::SmallestKeys => Cost {
                first: key.wire + price,
                then: ns,
            },
        }
    }
}

impl KeySize {
    pub(super) const NONE: KeySize = KeySize {
        wire: 0.0,
        memory: 0.0,
    };
}

impl Add for KeySize {
    type Output = KeySize;

    fn add(self, other: KeySize) -> KeySize {
        KeySize {
            wire: self.wire + other.wire,
            memory: self.memory + other.memory,
        }
    }
}

impl Mul<KeySize> for f64 {
    type Output = KeySize;

    fn mul(self, key: KeySize) -> KeySize {
        KeySize {
            wire: self * key.wire,
            memory: self * key.memory,
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
