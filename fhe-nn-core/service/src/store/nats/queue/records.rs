//! What is stored of jobs: in the stream as long as they wait or run, and in buckets.

use std::fmt;
use std::time::SystemTime;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::{kv, stream};
use futures_util::TryStreamExt;

use super::super::connection::failed;
use super::super::keys::token;
use super::super::message::{self, JobRecord, OutcomeRecord, PendingRecord};
use super::NatsQueue;
use super::shards::shard;
use crate::protocol::{JobName, JobState};
use crate::store::{Finished, Job, Limits, Outcome, StoreError};

/// What was there of a job before it is put into the stream, so that two services that find the same put it there once.
#[derive(Debug, Clone, Copy)]
pub(super) enum After {
    Nothing,
    /// A problem, in this entry of its bucket.
    Outcome(u64),
    /// The job under this number of the stream, which is there no longer.
    Job(u64),
    /// The job under this number, which its worker gives back.
    GivenBack(u64),
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            After::Nothing => f.write_str("first"),
            After::Outcome(revision) => write!(f, "outcome-{revision}"),
            After::Job(sequence) => write!(f, "job-{sequence}"),
            After::GivenBack(sequence) => write!(f, "back-{sequence}"),
        }
    }
}

impl NatsQueue {
    /// Returns what became of a job, with the number of its entry.
    pub(super) async fn kept(&self, name: &JobName) -> Result<Option<(Finished, u64)>, StoreError> {
        let broken = |error| failed("an outcome", error);
        let Some(entry) = self
            .outcomes
            .entry(name.to_string())
            .await
            .map_err(broken)?
        else {
            return Ok(None);
        };
        if entry.operation != kv::Operation::Put {
            return Ok(None);
        }
        let (record, first) = message::read::<OutcomeRecord>(&entry.value)?;
        let bytes = record.bytes;
        let replies = self.replies.get(name, first, bytes).await?;
        let finished = replies.map(|replies| record.join(replies));
        let now = SystemTime::now();
        Ok(finished
            .filter(|one| one.until > now)
            .map(|one| (one, entry.revision)))
    }

    pub(super) async fn pending(
        &self,
        name: &JobName,
    ) -> Result<Option<PendingRecord>, StoreError> {
        let found = self.pending.get(name.to_string()).await;
        let found = found.map_err(|error| failed("a job", error))?;
        let read = found.map(|bytes| message::read(&bytes).map(|(record, _)| record));
        read.transpose()
    }

    pub(super) async fn put_pending(
        &self,
        job: &Job,
        state: JobState,
        sequence: u64,
    ) -> Result<(), StoreError> {
        let record = PendingRecord {
            tenant: job.tenant.clone(),
            state,
            sequence,
        };
        let put = self
            .pending
            .put(job.name.to_string(), message::write(&record, &[])?);
        put.await.map(drop).map_err(|error| failed("a job", error))
    }

    pub(super) async fn drop_pending(&self, name: &JobName) -> Result<(), StoreError> {
        let purged = self.pending.purge(name.to_string()).await;
        purged.map_err(|error| failed("a job", error))
    }

    /// Returns whether the stream has a job under this number, so that it waits or runs.
    pub(super) async fn waits(&self, sequence: u64) -> Result<bool, StoreError> {
        match self.jobs.get_raw_message(sequence).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == stream::RawMessageErrorKind::NoMessageFound => Ok(false),
            Err(error) => Err(failed("a job", error)),
        }
    }

    /// # Errors
    /// [`StoreError::QueueFull`] and [`StoreError::TenantQueueFull`] if there is no room for a job.
    pub(super) async fn check(&self, job: &Job, limits: &Limits) -> Result<(), StoreError> {
        let own = format!("fhe-nn.jobs.*.{}", token(&job.tenant));
        let found = self.jobs.info_with_subjects(own).await;
        let found = found.map_err(|error| failed("the jobs", error))?;
        let state = found.info.state.clone();
        let own = found.try_fold(0, async |sum, (_, count)| Ok(sum + count));
        let own = own.await.map_err(|error| failed("the jobs", error))?;
        if own >= limits.tenant_jobs {
            return Err(StoreError::TenantQueueFull {
                waiting: own,
                limit: limits.tenant_jobs,
            });
        }
        let bytes = state.bytes.saturating_add(job.requests.len() as u64);
        if state.messages >= limits.jobs as u64 || bytes > limits.bytes as u64 {
            return Err(StoreError::QueueFull {
                waiting: usize::try_from(state.messages).unwrap_or(usize::MAX),
                limit: limits.jobs,
            });
        }
        Ok(())
    }

    /// Puts a job into the stream, and returns its number there. The server drops a double that comes after the same,
    /// and says so.
    pub(super) async fn publish(&self, job: &Job, after: After) -> Result<PublishAck, StoreError> {
        let first = self.requests.put(&job.name, &job.requests).await?;
        let record = JobRecord {
            job: job.clone(),
            bytes: job.requests.len(),
        };
        let publish = PublishMessage::build()
            .payload(message::write(&record, &first)?)
            .message_id(format!("{}.{after}", job.name));
        let subject = format!("fhe-nn.jobs.{}.{}", shard(&job.key), token(&job.tenant));
        let sent = self.context.send_publish(subject, publish).await;
        let stored = sent.map_err(|error| failed("a job", error))?.await;
        stored.map_err(|error| failed("a job", error))
    }

    /// Stores what became of a job, and tells whoever waits.
    pub(super) async fn conclude(
        &self,
        job: &Job,
        outcome: Outcome,
        until: SystemTime,
    ) -> Result<(), StoreError> {
        if matches!(outcome, Outcome::Problem(_)) {
            // replies that another worker stored are not replaced by what went wrong here
            if let Some((
                Finished {
                    outcome: Outcome::Replies(_),
                    ..
                },
                _,
            )) = self.kept(&job.name).await?
            {
                self.drop_pending(&job.name).await?;
                self.news.tell_done(&job.name).await;
                return Ok(());
            }
        }
        // a worker may have begun before a service said how long
        let now = SystemTime::now();
        let until = until.min(now + self.ask_lifetime().await?);
        let finished = Finished::new(job, outcome, now, until);
        let (record, replies) = OutcomeRecord::split(&finished);
        let first = self.replies.put(&job.name, &replies).await?;
        let value = message::write(&record, &first)?;
        let put = self.outcomes.put(job.name.to_string(), value).await;
        put.map_err(|error| failed("an outcome", error))?;
        self.drop_pending(&job.name).await?;
        self.news.tell_done(&job.name).await;
        Ok(())
    }
}
