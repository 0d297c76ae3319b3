//! Bodies of answers that are JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hash, JobName, ModelName};

/// The models that a server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// All versions of all models. Of the versions with one name, the newest comes first.
    pub models: Vec<ModelEntry>,
}

/// One version of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelEntry {
    /// The name under which it is served.
    pub name: ModelName,
    /// Fingerprint of the plan, which keys and requests name.
    pub plan: Hash,
    /// Fingerprint of the model.
    pub model: Hash,
    /// Whether it is served no longer.
    pub retired: bool,
}

/// What is said about an inference that was accepted, and has no replies yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// The name of the inference.
    pub inference: JobName,
    /// How far it is.
    pub state: JobState,
}

/// How far an inference is that has no replies yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker computes it.
    Running,
}

impl std::fmt::Display for JobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
        })
    }
}
