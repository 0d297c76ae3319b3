//! Jobs in a work queue, and their outcomes in a bucket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::message::Acker;
use async_nats::jetstream::{AckKind, Context, kv, message::PublishMessage, stream};
use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;

use self::news::News;
use self::shards::{SHARDS, Shards, shard};
use super::NatsOptions;
use super::connection::{bucket, bucket_of_age, failed};
use super::keys::token;
use super::message::{self, JobRecord, OutcomeRecord, PendingRecord};
use super::pieces::{Pieces, Whose};
use crate::protocol::{JobName, JobState, Problem, ProblemKind, Tenant};
use crate::store::{
    Accepting, Depth, Finished, Job, Lease, Limits, Outcome, Promise, Queue, State, StoreError,
};

mod news;
mod shards;

/// The name of the stream of jobs.
const JOBS: &str = "fhe-nn-jobs";
/// The buckets of outcomes, and of what is too large for them.
const OUTCOMES: &str = "fhe-nn-outcomes";
const PIECES: &str = "fhe-nn-pieces";
/// How long replies are kept, if nobody says it.
const REPLY_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// The subject of jobs that were begun too often.
const DEAD: &str = "fhe-nn.dead";
/// How often a job may be begun. One that ended its workers so often is not begun again.
const MOST_ATTEMPTS: i64 = 3;
/// How long a dead job is kept for whoever looks into it.
const DEAD_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it is known that a job waits. None waits so long.
const PENDING_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How often those who wait look for themselves, in case that news are lost.
const LOOK: Duration = Duration::from_secs(1);

/// The queue on NATS. It does not cancel: callers of other services may wait for the same job, and what is computed is
/// kept for whoever asks again.
pub struct NatsQueue {
    context: Context,
    jobs: stream::Stream,
    outcomes: kv::Store,
    pending: kv::Store,
    pieces: Pieces,
    consumers: Vec<Consumer<pull::Config>>,
    shards: Mutex<Shards>,
    /// What this process has been given, by the numbers of its leases.
    held: Mutex<HashMap<u64, Held>>,
    next: AtomicU64,
    news: News,
    reply_lifetime: Duration,
}

/// A delivery that this process has been given.
#[derive(Clone)]
struct Held {
    acker: Arc<Acker>,
    /// The number of the job in the stream.
    sequence: u64,
}

impl NatsQueue {
    pub(super) async fn open(context: &Context, options: &NatsOptions) -> Result<Self, StoreError> {
        let outcomes = match options.reply_lifetime {
            Some(age) => bucket_of_age(context, OUTCOMES, age).await?,
            None => bucket(context, OUTCOMES, REPLY_AGE).await?,
        };
        let reply_lifetime = outcomes.stream.cached_info().config.max_age;
        let pieces = match options.reply_lifetime {
            Some(age) => bucket_of_age(context, PIECES, age.max(PENDING_AGE)).await?,
            None => bucket(context, PIECES, REPLY_AGE.max(PENDING_AGE)).await?,
        };
        let jobs = context.get_or_create_stream(stream::Config {
            name: JOBS.to_owned(),
            subjects: vec!["fhe-nn.jobs.>".to_owned()],
            retention: stream::RetentionPolicy::WorkQueue,
            ..stream::Config::default()
        });
        let jobs = jobs.await.map_err(|error| failed("the jobs", error))?;
        let dead = context.get_or_create_stream(stream::Config {
            name: "fhe-nn-dead".to_owned(),
            subjects: vec![DEAD.to_owned()],
            max_age: DEAD_AGE,
            ..stream::Config::default()
        });
        dead.await.map_err(|error| failed("the dead jobs", error))?;
        let mut consumers = Vec::new();
        for number in 0..SHARDS {
            let name = format!("shard-{number}");
            let config = pull::Config {
                durable_name: Some(name.clone()),
                filter_subject: format!("fhe-nn.jobs.{number}.*"),
                ack_wait: options.patience,
                // a job that the server would deliver no more would stay in the stream without anybody being told, so
                // that attempts are counted where it is taken
                max_deliver: -1,
                ..pull::Config::default()
            };
            let made = jobs.create_consumer(config).await;
            consumers.push(made.map_err(|error| failed("the jobs", error))?);
        }
        Ok(NatsQueue {
            news: News::subscribe(&context.client()).await?,
            outcomes,
            pending: bucket(context, "fhe-nn-pending", PENDING_AGE).await?,
            pieces: Pieces::new(pieces),
            context: context.clone(),
            jobs,
            consumers,
            shards: Mutex::default(),
            held: Mutex::default(),
            next: AtomicU64::new(1),
            reply_lifetime,
        })
    }

    /// Returns how long replies are kept, which the services say.
    pub fn reply_lifetime(&self) -> Duration {
        self.reply_lifetime
    }

    /// Returns what became of a job, with the number of its entry.
    async fn kept(&self, name: &JobName) -> Result<Option<(Finished, u64)>, StoreError> {
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
        let replies = self.pieces.get(name, Whose::Replies, first, bytes).await?;
        let finished = replies.map(|replies| record.join(replies));
        let now = SystemTime::now();
        Ok(finished
            .filter(|one| one.until > now)
            .map(|one| (one, entry.revision)))
    }

    async fn pending(&self, name: &JobName) -> Result<Option<PendingRecord>, StoreError> {
        let found = self.pending.get(name.to_string()).await;
        let found = found.map_err(|error| failed("a job", error))?;
        let read = found.map(|bytes| message::read(&bytes).map(|(record, _)| record));
        read.transpose()
    }

    async fn put_pending(
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

    async fn drop_pending(&self, name: &JobName) -> Result<(), StoreError> {
        let purged = self.pending.purge(name.to_string()).await;
        purged.map_err(|error| failed("a job", error))
    }

    /// Returns whether the stream has a job under this number, so that it waits or runs.
    async fn waits(&self, sequence: u64) -> Result<bool, StoreError> {
        match self.jobs.get_raw_message(sequence).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == stream::RawMessageErrorKind::NoMessageFound => Ok(false),
            Err(error) => Err(failed("a job", error)),
        }
    }

    /// # Errors
    /// [`StoreError::QueueFull`] and [`StoreError::TenantQueueFull`] if there is no room for a job.
    async fn check(&self, job: &Job, limits: &Limits) -> Result<(), StoreError> {
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

    /// Puts a job into the stream, and returns its number there. The server drops a double of the same `attempt`.
    async fn publish(&self, job: &Job, attempt: u64) -> Result<u64, StoreError> {
        let first = self
            .pieces
            .put(&job.name, Whose::Requests, &job.requests)
            .await?;
        let record = JobRecord {
            job: job.clone(),
            bytes: job.requests.len(),
        };
        let publish = PublishMessage::build()
            .payload(message::write(&record, &first)?)
            .message_id(format!("{}.{attempt}", job.name));
        let subject = format!("fhe-nn.jobs.{}.{}", shard(&job.key), token(&job.tenant));
        let sent = self.context.send_publish(subject, publish).await;
        let stored = sent.map_err(|error| failed("a job", error))?.await;
        stored
            .map(|stored| stored.sequence)
            .map_err(|error| failed("a job", error))
    }

    /// Stores what became of a job, and tells whoever waits.
    async fn conclude(
        &self,
        job: &Job,
        outcome: Outcome,
        until: SystemTime,
    ) -> Result<(), StoreError> {
        let finished = Finished::new(job, outcome, SystemTime::now(), until);
        let (record, replies) = OutcomeRecord::split(&finished);
        let first = self.pieces.put(&job.name, Whose::Replies, &replies).await?;
        let value = message::write(&record, &first)?;
        let put = self.outcomes.put(job.name.to_string(), value).await;
        put.map_err(|error| failed("an outcome", error))?;
        self.drop_pending(&job.name).await?;
        self.news.tell_done(&job.name).await;
        Ok(())
    }

    /// Takes the next job of a shard, if there is one that is to be run.
    async fn take(&self, number: usize) -> Result<Option<Lease>, StoreError> {
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
            let requests = self
                .pieces
                .get(&job.name, Whose::Requests, first, record.bytes)
                .await?;
            let given_up = match requests {
                Some(requests) => {
                    job.requests = requests;
                    (attempt > MOST_ATTEMPTS).then(|| {
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
                let until = SystemTime::now() + self.reply_lifetime;
                self.conclude(&job, Outcome::Problem(problem), until)
                    .await?;
                answer(&acker, AckKind::Ack).await?;
                continue;
            }
            if let Some((
                Finished {
                    outcome: Outcome::Replies(_),
                    ..
                },
                _,
            )) = self.kept(&job.name).await?
            {
                // a worker stored the replies and ended before it said so
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

    fn held(&self) -> MutexGuard<'_, HashMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shards(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a delivery that this process has; one that it has no longer is somebody else's.
    async fn answer(&self, lease: &Lease, kind: AckKind) -> Result<(), StoreError> {
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

#[async_trait]
impl Queue for NatsQueue {
    async fn accept(
        &self,
        job: Job,
        _promise: Promise, // every job that is accepted is stored
        limits: &Limits,
    ) -> Result<Accepting, StoreError> {
        let kept = self.kept(&job.name).await?;
        let attempt = match kept {
            Some((finished, _)) if matches!(finished.outcome, Outcome::Replies(_)) => {
                let state = State::Finished(Box::new(finished));
                return Ok(Accepting { state, new: false });
            }
            Some((_, revision)) => revision,
            None => match self.pending(&job.name).await? {
                Some(record) if self.waits(record.sequence).await? => {
                    let state = State::Pending(record.state);
                    return Ok(Accepting { state, new: false });
                }
                Some(record) => record.sequence,
                None => 0,
            },
        };
        self.check(&job, limits).await?;
        // whoever waits must not be told of an attempt before
        let purged = self.outcomes.purge(job.name.to_string()).await;
        purged.map_err(|error| failed("an outcome", error))?;
        let sequence = self.publish(&job, attempt).await?;
        self.put_pending(&job, JobState::Queued, sequence).await?;
        self.news.tell_work().await;
        // a fast worker may have finished it before it was noted that it waits
        if let Some((finished, _)) = self.kept(&job.name).await? {
            self.drop_pending(&job.name).await?;
            let state = State::Finished(Box::new(finished));
            return Ok(Accepting { state, new: true });
        }
        let state = State::Pending(JobState::Queued);
        Ok(Accepting { state, new: true })
    }

    async fn promise(&self, name: &JobName) -> Result<bool, StoreError> {
        Ok(self.pending(name).await?.is_some() || self.kept(name).await?.is_some())
    }

    async fn withdraw(&self, _name: &JobName) {}

    async fn find(&self, tenant: &Tenant, name: &JobName) -> Result<Option<State>, StoreError> {
        // an outcome is stored before a job is pending no longer, so that one of the two is there
        let pending = self.pending(name).await?;
        if let Some((finished, _)) = self.kept(name).await? {
            let own = finished.tenant == *tenant;
            return Ok(own.then(|| State::Finished(Box::new(finished))));
        }
        let own = pending.filter(|record| record.tenant == *tenant);
        Ok(own.map(|record| State::Pending(record.state)))
    }

    async fn wait(
        &self,
        tenant: &Tenant,
        name: &JobName,
        time: Duration,
    ) -> Result<Option<State>, StoreError> {
        let end = Instant::now() + time;
        let mut done = self.news.done();
        loop {
            let state = self.find(tenant, name).await?;
            if !matches!(state, Some(State::Pending(_))) || Instant::now() >= end {
                return Ok(state);
            }
            let look = end.min(Instant::now() + LOOK);
            let told = News::told_of(&mut done, name);
            // whatever comes first, the next look finds how far it is
            let _ = tokio::time::timeout_at(look, told).await;
        }
    }

    async fn lease(&self, _most: usize) -> Result<Vec<Lease>, StoreError> {
        loop {
            let work = self.news.work();
            let order = self.shards().order();
            for (place, number) in order.into_iter().enumerate() {
                if place == Shards::OWN {
                    // so that whoever has the keys of the others expanded comes first
                    tokio::time::sleep(Shards::HEAD_START).await;
                }
                if let Some(lease) = self.take(number).await? {
                    self.shards().took(number);
                    return Ok(vec![lease]);
                }
            }
            let _ = tokio::time::timeout(LOOK, work).await;
        }
    }

    async fn extend(&self, lease: &Lease) -> Result<(), StoreError> {
        self.answer(lease, AckKind::Progress).await
    }

    async fn finish(
        &self,
        lease: &Lease,
        outcome: Outcome,
        until: SystemTime,
    ) -> Result<(), StoreError> {
        self.conclude(&lease.job, outcome, until).await?;
        self.answer(lease, AckKind::Ack).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let held = self.held().get(&lease.delivery).cloned();
        if let Some(held) = held {
            self.put_pending(&lease.job, JobState::Queued, held.sequence)
                .await?;
        }
        self.answer(lease, AckKind::Nak(None)).await?;
        self.news.tell_work().await;
        Ok(())
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        let all = self
            .jobs
            .get_info()
            .await
            .map_err(|error| failed("the jobs", error))?;
        let mut running = 0;
        for consumer in &self.consumers {
            let info = consumer
                .get_info()
                .await
                .map_err(|error| failed("the jobs", error))?;
            running += info.num_ack_pending;
        }
        let all = usize::try_from(all.state.messages).unwrap_or(usize::MAX);
        Ok(Depth {
            queued: all.saturating_sub(running),
            running,
        })
    }

    async fn expire(&self, _now: SystemTime) -> Result<usize, StoreError> {
        // the buckets have an age, after which the server removes what is in them
        Ok(0)
    }
}
