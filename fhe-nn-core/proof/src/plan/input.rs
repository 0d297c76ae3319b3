//! The key that inputs are encrypted under.

use serde::{Deserialize, Serialize};

/// The key of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct InputPlan {
    /// Dimension of the key: that of the first stage's small key if that stage has no keyswitch.
    pub dimension: u32,
}
