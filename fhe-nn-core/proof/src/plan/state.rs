//! Where a search stands between two stages, and how it came there.

use crate::noise::{Decomposition, MODULUS_BITS, seeded_variance};
use crate::plan::cost::{INPUT_DIMENSION_STEP, INPUT_DIMENSIONS};
use crate::plan::front::Point;
use crate::plan::objective::Cost;

/// All that the way on depends on, before the first stage or after one.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) point: Point,
    /// Variance that removing low bits has added to the accumulators of the next stage.
    pub(super) removed: f64,
    /// The keys that the next stage may share.
    pub(super) keys: Option<Keys>,
    /// The last step to it, none before the first.
    pub(super) link: Option<usize>,
}

/// The keys of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Keys {
    /// The first of the rotations that have the bootstrapping key.
    pub(super) rotation: usize,
    pub(super) n: u32,
    /// Levels of the keyswitch from the large key to the small one; 0 as long as no stage has needed
    /// it.
    pub(super) levels: u32,
}

/// The parameters of a round or of a stage's tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) keyswitch: Option<Decomposition>,
    pub(super) input_dimension: u32,
    pub(super) n: u32,
    pub(super) rotation: usize,
}

impl Choice {
    /// Whether another choice needs no keys beside these.
    pub(super) fn same_keys(&self, other: &Choice) -> bool {
        let keys = |choice: &Choice| {
            (
                choice.keyswitch,
                choice.input_dimension,
                choice.n,
                choice.rotation,
            )
        };
        keys(self) == keys(other)
    }
}

/// One step of a chain, and the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) before: Option<usize>,
    pub(super) choice: Choice,
}

/// A step that is not yet known to be worth anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) point: Point,
    pub(super) keys: Keys,
    pub(super) link: Link,
}

/// The keys that inputs can come under, besides the first small key.
pub(super) fn inputs() -> Vec<State> {
    let state = |dimension| State {
        point: Point {
            dimension,
            variance: seeded_variance(dimension, MODULUS_BITS),
            cost: Cost::NONE,
        },
        removed: 0.0,
        keys: None,
        link: None,
    };
    INPUT_DIMENSIONS
        .step_by(INPUT_DIMENSION_STEP)
        .map(state)
        .collect()
}
