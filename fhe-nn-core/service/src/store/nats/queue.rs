//! Jobs in a work queue, and their outcomes in a bucket.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Context, kv, stream};
use async_trait::async_trait;
use tokio::time::Instant;

use self::news::News;
use self::records::After;
use self::shards::{SHARDS, Shards};
use self::taking::Held;
use super::NatsOptions;
use super::connection::{bucket, bucket_of_age, failed};
use super::lately::Lately;
use super::pieces::Pieces;
use crate::protocol::{JobName, JobState, Tenant};
use crate::store::{
    Accepting, Depth, Job, Lease, Limits, Outcome, Promise, Queue, State, StoreError,
};

mod news;
mod records;
mod shards;
mod taking;

/// The name of the stream of jobs.
const JOBS: &str = "fhe-nn-jobs";
/// The buckets of outcomes, and of what of requests and of replies is too large for one message.
const OUTCOMES: &str = "fhe-nn-outcomes";
const REQUESTS: &str = "fhe-nn-requests";
const REPLIES: &str = "fhe-nn-replies";
/// How long replies are kept, if nobody says it.
const REPLY_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// The subject of jobs that were begun too often.
const DEAD: &str = "fhe-nn.dead";
/// How long a dead job is kept for whoever looks into it.
const DEAD_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it is known that a job waits. None waits so long.
const PENDING_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// For so long, how much there is to do is not asked again: every consumer has to be asked for it.
const ASKED: Duration = Duration::from_millis(500);
/// For so long, how long replies are kept is not asked again: a service that starts may say something else.
const LIFETIME_ASKED: Duration = Duration::from_secs(10);
/// How often those who wait look for themselves, in case that news are lost.
const LOOK: Duration = Duration::from_secs(1);

/// The queue on NATS. It does not cancel: callers of other services may wait for the same job, and what is computed is
/// kept for whoever asks again.
pub struct NatsQueue {
    context: Context,
    jobs: stream::Stream,
    outcomes: kv::Store,
    pending: kv::Store,
    requests: Pieces,
    replies: Pieces,
    consumers: Vec<Consumer<pull::Config>>,
    shards: Mutex<Shards>,
    accepting: tokio::sync::Mutex<()>,
    /// What this process has been given, by the numbers of its leases.
    held: Mutex<HashMap<u64, Held>>,
    next: AtomicU64,
    news: News,
    /// How long replies were kept when this process began.
    reply_lifetime: Duration,
    /// How long they are kept.
    lifetime: Lately<Duration>,
    /// How much there is to do.
    depth: Lately<Depth>,
}

impl NatsQueue {
    pub(super) async fn open(context: &Context, options: &NatsOptions) -> Result<Self, StoreError> {
        let of_replies = async |name| match options.reply_lifetime {
            Some(age) => bucket_of_age(context, name, age).await,
            None => bucket(context, name, REPLY_AGE).await,
        };
        let outcomes = of_replies(OUTCOMES).await?;
        let replies = of_replies(REPLIES).await?;
        let requests = bucket(context, REQUESTS, PENDING_AGE).await?;
        let reply_lifetime = outcomes.stream.cached_info().config.max_age;
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
            requests: Pieces::new(requests),
            replies: Pieces::new(replies),
            context: context.clone(),
            jobs,
            consumers,
            shards: Mutex::default(),
            accepting: tokio::sync::Mutex::default(),
            held: Mutex::default(),
            next: AtomicU64::new(1),
            reply_lifetime,
            lifetime: Lately::new(LIFETIME_ASKED),
            depth: Lately::new(ASKED),
        })
    }

    /// Returns how long replies are kept, as a service said before this process began.
    pub fn reply_lifetime(&self) -> Duration {
        self.reply_lifetime
    }

    /// Asks how long replies are kept, unless that was asked lately.
    async fn ask_lifetime(&self) -> Result<Duration, StoreError> {
        if let Some(lifetime) = self.lifetime.get() {
            return Ok(lifetime);
        }
        let info = self.outcomes.stream.get_info().await;
        let lifetime = info
            .map_err(|error| failed("the outcomes", error))?
            .config
            .max_age;
        Ok(self.lifetime.put(lifetime))
    }

    /// Asks how much there is to do.
    async fn ask_depth(&self) -> Result<Depth, StoreError> {
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

    fn shards(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for NatsQueue {
    async fn accept(
        &self,
        job: Job,
        _promise: Promise, // every job that is accepted is stored
        limits: &Limits,
    ) -> Result<Accepting, StoreError> {
        // callers of one service come in one after the other, so that none finds the room of another, or what another
        // has just begun
        let _one = self.accepting.lock().await;
        let kept = self.kept(&job.name).await?;
        let after = match kept {
            Some((finished, _)) if matches!(finished.outcome, Outcome::Replies(_)) => {
                let state = State::Finished(Box::new(finished));
                return Ok(Accepting { state, new: false });
            }
            Some((_, revision)) => After::Outcome(revision),
            None => match self.pending(&job.name).await? {
                Some(record) if self.waits(record.sequence).await? => {
                    let state = State::Pending(record.state);
                    return Ok(Accepting { state, new: false });
                }
                Some(record) => After::Job(record.sequence),
                None => After::Nothing,
            },
        };
        self.check(&job, limits).await?;
        // whoever waits must not be told of an attempt before
        let purged = self.outcomes.purge(job.name.to_string()).await;
        purged.map_err(|error| failed("an outcome", error))?;
        let mut published = self.publish(&job, after).await?;
        if published.duplicate && !self.waits(published.sequence).await? {
            // the server took it for one of before, which has ended meanwhile
            if let Some((finished, _)) = self.kept(&job.name).await? {
                let state = State::Finished(Box::new(finished));
                return Ok(Accepting { state, new: false });
            }
            let after = After::Job(published.sequence);
            published = self.publish(&job, after).await?;
        }
        let sequence = published.sequence;
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
            // a delivery that is given back would count as an attempt, so the job goes into the stream anew
            let after = After::GivenBack(held.sequence);
            let published = self.publish(&lease.job, after).await?;
            self.put_pending(&lease.job, JobState::Queued, published.sequence)
                .await?;
        }
        self.answer(lease, AckKind::Ack).await?;
        self.news.tell_work().await;
        Ok(())
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        match self.depth.get() {
            Some(depth) => Ok(depth),
            None => Ok(self.depth.put(self.ask_depth().await?)),
        }
    }

    async fn expire(&self, _now: SystemTime) -> Result<usize, StoreError> {
        // the buckets have an age, after which the server removes what is in them
        Ok(0)
    }
}
