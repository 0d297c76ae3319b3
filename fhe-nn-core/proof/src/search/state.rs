//! The states of a search between two stages, and the steps that led to them.

use crate::noise::{Decomposition, MODULUS_BITS, seeded_variance};
use crate::plan::range::INPUT_DIMENSIONS;
use crate::search::front::Point;
use crate::search::objective::Cost;

/// Distance between the dimensions of inputs' keys that the search tries.
const INPUT_DIMENSION_STEP: usize = 32;

/// Everything that the stages to come depend on, before the first stage or after one.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) point: Point,
    /// Variance that removing low bits has added to the accumulators of the next stage.
    pub(super) removed: f64,
    /// The keys that the next stage may share.
    pub(super) keys: Option<Keys>,
    /// Index of the last step; `None` before the first stage.
    pub(super) link: Option<usize>,
}

/// The keys of a stage, which the next one may take over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Keys {
    /// Index of the first rotation that has the bootstrapping key.
    pub(super) rotation: usize,
    pub(super) n: u32,
    /// Number of levels of the keyswitch from the large key to the small one, if its key is there to share; 0 if
    /// the next stage has to make one.
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
    /// Whether another choice needs the same keys.
    pub(super) fn same_keys(&self, other: &Choice) -> bool {
        self.rotation == other.rotation && self.same_keyswitch(other)
    }

    /// Whether another choice needs the same keyswitching key.
    pub(super) fn same_keyswitch(&self, other: &Choice) -> bool {
        let key = |choice: &Choice| (choice.keyswitch, choice.input_dimension, choice.n);
        key(self) == key(other)
    }
}

/// One step of a chain, and the index of the step before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) before: Option<usize>,
    pub(super) choice: Choice,
}

/// A possible step, which the search may still discard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) point: Point,
    pub(super) keys: Keys,
    pub(super) link: Link,
}

/// The states before the first stage: one for each key that inputs can be under, other than the
/// first small key.
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
