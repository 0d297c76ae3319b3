//! Jobs, and what becomes of them.

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::protocol::{Claims, Hash, JobName, JobState, ModelName, Problem, Tenant};

/// An inference that somebody asked for: requests under one key, for one plan.
#[derive(Clone, Serialize, Deserialize)]
pub struct Job {
    /// Made of tenant, model, plan, key and requests.
    pub name: JobName,
    /// Whose it is.
    pub tenant: Tenant,
    /// The name of the model.
    pub model_name: ModelName,
    /// Fingerprint of the model.
    pub model: Hash,
    /// Fingerprint of the plan.
    pub plan: Hash,
    /// SHA-256 of the evaluation key.
    pub key: Hash,
    /// SHA-256 of the requests.
    pub requests_hash: Hash,
    /// When it was accepted.
    pub accepted: SystemTime,
    /// When nobody is interested in it any more.
    pub deadline: SystemTime,
    /// The requests as they travel, one after the other.
    #[serde(skip)]
    pub requests: Bytes,
}

impl std::fmt::Debug for Job {
    /// Without the requests.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .field("model", &self.model_name)
            .finish_non_exhaustive()
    }
}

/// What became of a job.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The replies as they travel, in the order of the requests.
    Replies(Bytes),
    /// Why there are none.
    Problem(Problem),
}

/// A job that is finished, and what is kept of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Finished {
    /// Whose it is.
    pub tenant: Tenant,
    /// What a receipt says of the replies. If there are none, the hash of the replies is that of nothing.
    pub claims: Claims,
    /// When it was finished.
    pub at: SystemTime,
    /// Until when it is kept.
    pub until: SystemTime,
    /// What became of it.
    pub outcome: Outcome,
}

impl Finished {
    /// What is kept of a job with this outcome.
    pub fn new(job: &Job, outcome: Outcome, at: SystemTime, until: SystemTime) -> Self {
        let replies = match &outcome {
            Outcome::Replies(bytes) => Hash::of(bytes),
            Outcome::Problem(_) => Hash::of(b""),
        };
        Finished {
            tenant: job.tenant.clone(),
            claims: Claims {
                model: job.model,
                plan: job.plan,
                evaluation_key: job.key,
                requests: job.requests_hash,
                replies,
            },
            at,
            until,
            outcome,
        }
    }
}

/// How far a job is.
#[derive(Clone, PartialEq, Eq)]
pub enum State {
    /// It waits or runs.
    Pending(JobState),
    /// It is finished.
    Finished(Box<Finished>),
}
