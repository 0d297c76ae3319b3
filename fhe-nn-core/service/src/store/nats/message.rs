//! What is stored as one message: a record as JSON, and bytes behind it.

use std::time::SystemTime;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::connection::failed;
use crate::protocol::{Claims, JobState, Problem, Tenant};
use crate::store::{Finished, Job, Outcome, StoreError};

/// A job, whose requests follow.
#[derive(Serialize, Deserialize)]
pub(super) struct JobRecord {
    pub(super) job: Job,
    /// Number of bytes of all requests.
    pub(super) bytes: usize,
}

/// What became of a job, whose replies follow.
#[derive(Serialize, Deserialize)]
pub(super) struct OutcomeRecord {
    tenant: Tenant,
    claims: Claims,
    at: SystemTime,
    until: SystemTime,
    problem: Option<Problem>,
    /// Number of bytes of all replies.
    pub(super) bytes: usize,
}

/// How far a job is that waits or runs.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingRecord {
    pub(super) tenant: Tenant,
    pub(super) state: JobState,
    /// Its number in the stream, which has it as long as it waits or runs.
    pub(super) sequence: u64,
}

impl OutcomeRecord {
    /// Splits what became of a job into a record and the replies.
    pub(super) fn split(finished: &Finished) -> (Self, Bytes) {
        let (replies, problem) = match &finished.outcome {
            Outcome::Replies(replies) => (replies.clone(), None),
            Outcome::Problem(problem) => (Bytes::new(), Some(problem.clone())),
        };
        let record = OutcomeRecord {
            tenant: finished.tenant.clone(),
            claims: finished.claims,
            at: finished.at,
            until: finished.until,
            problem,
            bytes: replies.len(),
        };
        (record, replies)
    }

    /// Puts record and replies together again.
    pub(super) fn join(self, replies: Bytes) -> Finished {
        Finished {
            tenant: self.tenant,
            claims: self.claims,
            at: self.at,
            until: self.until,
            outcome: match self.problem {
                None => Outcome::Replies(replies),
                Some(problem) => Outcome::Problem(problem),
            },
        }
    }
}

/// Returns the message of a record and bytes: the number of bytes of the JSON as `u32`, little-endian, the JSON, the
/// bytes.
pub(super) fn write(record: &impl Serialize, bytes: &[u8]) -> Result<Bytes, StoreError> {
    let json = serde_json::to_vec(record).map_err(|error| failed("a record", error))?;
    let length = u32::try_from(json.len()).map_err(|error| failed("a record", error))?;
    Ok([&length.to_le_bytes(), &json[..], bytes].concat().into())
}

/// Reads a record, and what stands behind it.
pub(super) fn read<T: DeserializeOwned>(message: &Bytes) -> Result<(T, Bytes), StoreError> {
    let short = || StoreError::Unavailable("a record on NATS is cut".to_owned());
    let (&length, _) = message.split_first_chunk().ok_or_else(short)?;
    let begin = size_of_val(&length);
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| short())?;
    let end = begin
        .checked_add(length)
        .filter(|&end| end <= message.len());
    let end = end.ok_or_else(short)?;
    let record = serde_json::from_slice(&message[begin..end]);
    let record = record.map_err(|error| failed("a record on NATS", error))?;
    Ok((record, message.slice(end..)))
}
