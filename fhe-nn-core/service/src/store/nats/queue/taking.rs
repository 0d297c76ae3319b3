//! How jobs are taken from the stream, and how their deliveries are answered.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use futures_util::StreamExt;

use super::super::connection::failed;
use super::super::message::{self, JobRecord};
use super::{DEAD, NatsQueue};
use crate::protocol::{JobState, Problem, ProblemKind};
use crate::store::{Finished, Lease, MOST_ATTEMPTS, Outcome, StoreError};

/// A delivery that this process has been given.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) acker: Arc<Acker>,
    /// The number of the job in the stream.
    pub(super) sequence: u64,
}

impl NatsQueue {
    /// Takes the next job of a shard, if there is one that is to be run.
    pub(super) async fn take(&self, number: usize) -> Result<Option<Lease>, StoreError> {
        loop {
            let fetch = self.consumers[number]
                .fetch()
                .max_messages(1)
                .messages()
                .await;
            let mut fetched = fetch.map_err(|error| failed("the jobs", error))?;
            let Some(delivered) = fetched.next().await else {
                return Ok(None);
            };
            let delivered =
                delivered.map_err(|error| StoreError::Unavailable(format!("the jobs: {error}")))?;
            let (attempt, sequence) = match delivered.info() {
                Ok(info) => (info.delivered, info.stream_sequence),
                Err(error) => return Err(StoreError::Unavailable(format!("the jobs: {error}"))),
            };
            let (content, acker) = delivered.split();
            let (record, first) = match message::read::<JobRecord>(&content.payload) {
                Ok(read) => read,
                Err(error) => {
                    // nobody can be told whose it is
                    tracing::error!(%error, "a job cannot be read, and is dropped");
                    answer(&acker, AckKind::Term).await?;
                    continue;
                }
            };
            let mut job = record.job;
            if let Some((
                Finished {
                    outcome: Outcome::Replies(_),
                    ..
                },
                _,
            )) = self.kept(&job.name).await?
            {
                // a worker stored the replies and ended before it said so
                self.drop_pending(&job.name).await?;
                answer(&acker, AckKind::Ack).await?;
                continue;
            }
            let requests = self.requests.get(&job.name, first, record.bytes).await?;
            let given_up = match requests {
                Some(requests) => {
                    job.requests = requests;
                    (attempt > i64::from(MOST_ATTEMPTS)).then(|| {
                        format!(
                            "the inference ended {MOST_ATTEMPTS} workers, and is not tried again"
                        )
                    })
                }
                None => Some("the requests are kept no longer".to_owned()),
            };
            if let Some(detail) = given_up {
                let buried = self.context.publish(DEAD, content.payload.clone()).await;
                buried
                    .map_err(|error| failed("a dead job", error))?
                    .await
                    .map_err(|error| failed("a dead job", error))?;
                let problem = Problem::new(ProblemKind::InferenceFailed, detail);
                let until = SystemTime::now() + self.ask_lifetime().await?;
                self.conclude(&job, Outcome::Problem(problem), until)
                    .await?;
                answer(&acker, AckKind::Ack).await?;
                continue;
            }
            self.put_pending(&job, JobState::Running, sequence).await?;
            let delivery = self.next.fetch_add(1, Ordering::Relaxed);
            let acker = Arc::new(acker);
            self.held().insert(delivery, Held { acker, sequence });
            return Ok(Some(Lease {
                job,
                attempt: u32::try_from(attempt).unwrap_or(1),
                cancelled: Arc::default(),
                delivery,
            }));
        }
    }

    pub(super) fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a delivery that this process has; one that it has no longer is somebody else's.
    pub(super) async fn answer(&self, lease: &Lease, kind: AckKind) -> Result<(), StoreError> {
        let held = match kind {
            AckKind::Progress => self.held().get(&lease.delivery).cloned(),
            _ => self.held().remove(&lease.delivery),
        };
        match held {
            Some(held) => answer(&held.acker, kind).await,
            None => Ok(()),
        }
    }
}

async fn answer(acker: &Acker, kind: AckKind) -> Result<(), StoreError> {
    let answered = acker.ack_with(kind).await;
    answered.map_err(|error| StoreError::Unavailable(format!("the jobs: {error}")))
}
