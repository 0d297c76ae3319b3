//! The queue of jobs, and the replies that it keeps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::{Job, Outcome, State, StoreError};
use crate::protocol::{JobName, Tenant};

/// What a caller is told when a job is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// That it will be answered, whatever ends the process: the job is safe against a crash when it is accepted.
    Now,
    /// Nothing yet: the caller waits, and says later what it wants by [`Queue::promise`] or [`Queue::withdraw`].
    Later,
}

/// How often a job may be begun: one that ended its process so often is not begun again. A process that is killed for
/// another reason counts as well, so this is more often than somebody would kill it during one inference.
pub(crate) const MOST_ATTEMPTS: u32 = 10;

/// How much a queue takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most jobs that wait or run.
    pub jobs: usize,
    /// The most jobs of one tenant that wait or run.
    pub tenant_jobs: usize,
    /// The most bytes of requests that wait or run.
    pub bytes: usize,
}

/// A job that is accepted, or was before.
#[derive(Clone, PartialEq, Eq)]
pub struct Accepting {
    /// How far it is.
    pub state: State,
    /// Whether this call put it into the queue.
    pub new: bool,
}

/// How much a queue has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Jobs that wait.
    pub queued: usize,
    /// Jobs that run.
    pub running: usize,
}

/// A job that a worker has for a time. If it does not come back, another worker gets it.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The job.
    pub job: Job,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// Set when nobody waits for the job any more and nothing was promised.
    pub cancelled: Arc<AtomicBool>,
    /// How the queue knows the delivery; it means something to the queue alone.
    pub delivery: u64,
}

/// The queue of jobs, and the replies that it keeps.
///
/// The same job may be accepted by several processes and run by several workers. Its name stands for equal replies.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Accepts a job, or finds it by its name. A job that is finished with replies is not run again; one that is
    /// finished with a problem is. With [`Promise::Later`], the caller counts as one who waits.
    ///
    /// # Errors
    /// [`StoreError::QueueFull`], [`StoreError::TenantQueueFull`], [`StoreError::Full`],
    /// [`StoreError::Unavailable`].
    async fn accept(
        &self,
        job: Job,
        promise: Promise,
        limits: &Limits,
    ) -> Result<Accepting, StoreError>;

    /// Promises a job that was accepted by [`Promise::Later`]: it is safe against a crash when this returns. The
    /// caller waits no longer. Returns whether there is such a job.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn promise(&self, name: &JobName) -> Result<bool, StoreError>;

    /// Says that a caller who accepted a job by [`Promise::Later`] waits no longer. The queue drops the job, and
    /// cancels it if it runs, if nobody else waits and nothing was promised.
    async fn withdraw(&self, name: &JobName);

    /// Returns how far a job of this tenant is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn find(&self, tenant: &Tenant, name: &JobName) -> Result<Option<State>, StoreError>;

    /// Waits at most so long until a job of this tenant is finished, and returns how far it is then. It returns at
    /// once if there is no such job, also while it waits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn wait(
        &self,
        tenant: &Tenant,
        name: &JobName,
        time: Duration,
    ) -> Result<Option<State>, StoreError>;

    /// Waits for work, and takes 1 to `most` jobs of one tenant and plan under one key. Tenants take turns.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn lease(&self, most: usize) -> Result<Vec<Lease>, StoreError>;

    /// Says that a worker is still at a job.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn extend(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Finishes a job: whoever waits is told, and the outcome is kept until this time.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`]. Whoever waits is told in these cases, too.
    async fn finish(
        &self,
        lease: &Lease,
        outcome: Outcome,
        until: SystemTime,
    ) -> Result<(), StoreError>;

    /// Gives a job back that was not finished, as when a worker ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Returns how much there is to do.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn depth(&self) -> Result<Depth, StoreError>;

    /// Removes replies that have expired by this time, and returns how many.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn expire(&self, now: SystemTime) -> Result<usize, StoreError>;
}
