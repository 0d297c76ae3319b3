//! The queue of a folder: what waits is in memory, what was promised is in the database as well.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::database::Database;
use super::jobs;
use super::memory::{Known, Memory, Stage};
use crate::protocol::{JobName, JobState, Problem, ProblemKind, Tenant};
use crate::store::{
    Accepting, Depth, Finished, Job, Lease, Limits, MOST_ATTEMPTS, Outcome, Promise, Queue, State,
    StoreError,
};

/// How long the outcome of such a job is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// After this time, whoever waited for an outcome has it.
const TOLD: Duration = Duration::from_secs(60);

/// The queue of a folder.
pub struct FolderQueue {
    memory: Mutex<Memory>,
    database: Arc<Database>,
    /// Told when there is work.
    work: Notify,
}

impl FolderQueue {
    /// Opens the queue. What was promised waits again, and what ended the process too often is finished with a problem.
    pub(super) fn open(database: Arc<Database>) -> Result<Self, StoreError> {
        let promised = database.read_now(jobs::promised)?;
        let (again, given_up): (Vec<_>, Vec<_>) = promised
            .into_iter()
            .partition(|(_, attempts)| *attempts < MOST_ATTEMPTS);
        if !given_up.is_empty() {
            let now = SystemTime::now();
            database.write_now(|transaction| {
                for (job, attempts) in &given_up {
                    let detail = format!(
                        "the inference ended the server {attempts} times, and is not tried again"
                    );
                    let problem = Problem::new(ProblemKind::InferenceFailed, detail);
                    let outcome = Outcome::Problem(problem);
                    let finished = Finished::new(job, outcome, now, now + KEPT);
                    jobs::finish(transaction, &job.name, &finished)?;
                }
                Ok(())
            })?;
        }
        let mut memory = Memory::default();
        for (job, attempts) in again {
            memory.insert(job, true, 0, attempts);
        }
        let work = Notify::new();
        work.notify_one();
        Ok(FolderQueue {
            memory: Mutex::new(memory),
            database,
            work,
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a job down.
    async fn write_down(&self, job: Job) -> Result<(), StoreError> {
        self.database
            .write(move |transaction| jobs::promise(transaction, &job))
            .await
    }

    /// Writes down what became of a job, which memory then forgets.
    async fn write_outcome(&self, name: JobName, finished: Finished) -> Result<(), StoreError> {
        let written = self
            .database
            .write(move |transaction| jobs::finish(transaction, &name, &finished))
            .await;
        let mut memory = self.memory();
        match &written {
            Ok(()) => memory.drop_finished(&name),
            Err(_) => memory.keep_unwritten(&name),
        }
        written
    }

    async fn kept(&self, name: &JobName) -> Result<Option<Finished>, StoreError> {
        let name = *name;
        let now = SystemTime::now();
        self.database
            .read(move |transaction| jobs::finished(transaction, &name, now))
            .await
    }
}

#[async_trait]
impl Queue for FolderQueue {
    async fn accept(
        &self,
        job: Job,
        promise: Promise,
        limits: &Limits,
    ) -> Result<Accepting, StoreError> {
        let name = job.name;
        let joined = self.memory().join(&name, promise);
        let mut new = false;
        let state = match joined {
            Some(state) => state,
            None => {
                // replies that are kept; a problem that is kept does not stand in the way of another attempt
                if let Some(finished) = self.kept(&name).await?
                    && matches!(finished.outcome, Outcome::Replies(_))
                {
                    return Ok(Accepting {
                        state: State::Finished(Box::new(finished)),
                        new: false,
                    });
                }
                let mut memory = self.memory();
                match memory.join(&name, promise) {
                    Some(state) => state, // somebody else accepted it meanwhile
                    None => {
                        memory.check(&job, limits)?;
                        let callers = usize::from(promise == Promise::Later);
                        memory.insert(job.clone(), promise == Promise::Now, callers, 0);
                        new = true;
                        State::Pending(JobState::Queued)
                    }
                }
            }
        };
        if new {
            self.work.notify_one();
        }
        if promise == Promise::Now && matches!(state, State::Pending(_)) {
            let written = self.write_down(job).await;
            if written.is_err() && new {
                let mut memory = self.memory();
                if let Some(known) = memory.known.get_mut(&name) {
                    known.promised = false;
                }
                memory.drop_unwanted(&name);
            }
            written?;
        }
        Ok(Accepting { state, new })
    }

    async fn promise(&self, name: &JobName) -> Result<bool, StoreError> {
        let job = self.memory().known.get_mut(name).map(|known| {
            known.promised = true;
            known.callers = known.callers.saturating_sub(1);
            known.job.clone()
        });
        match job {
            Some(job) => self.write_down(job).await.map(|()| true),
            None => Ok(self.kept(name).await?.is_some()),
        }
    }

    async fn withdraw(&self, name: &JobName) {
        let mut memory = self.memory();
        if let Some(known) = memory.known.get_mut(name) {
            known.callers = known.callers.saturating_sub(1);
        }
        memory.drop_unwanted(name);
    }

    async fn find(&self, tenant: &Tenant, name: &JobName) -> Result<Option<State>, StoreError> {
        {
            let memory = self.memory();
            if let Some(known) = memory.known.get(name) {
                let own = known.job.tenant == *tenant;
                return Ok(own.then(|| known.state()));
            }
        }
        let kept = self.kept(name).await?;
        Ok(kept
            .filter(|finished| finished.tenant == *tenant)
            .map(|finished| State::Finished(Box::new(finished))))
    }

    async fn wait(
        &self,
        tenant: &Tenant,
        name: &JobName,
        time: Duration,
    ) -> Result<Option<State>, StoreError> {
        let wait = async {
            loop {
                let mut changed = {
                    let memory = self.memory();
                    let own = |known: &&Known| known.job.tenant == *tenant;
                    match memory.known.get(name).filter(own) {
                        Some(known) if !matches!(known.stage, Stage::Finished(_)) => {
                            known.changed.subscribe()
                        }
                        Some(_) | None => return,
                    }
                };
                // an error says that the job is gone, which the next look finds
                let _ = changed.changed().await;
            }
        };
        // how far it is after this time, is what was asked for
        let _ = tokio::time::timeout(time, wait).await;
        self.find(tenant, name).await
    }

    async fn lease(&self, most: usize) -> Result<Vec<Lease>, StoreError> {
        let leases = loop {
            let work = self.work.notified();
            let leases = self.memory().take(most);
            if !leases.is_empty() {
                break leases;
            }
            work.await;
        };
        if self.memory().schedule.waiting() > 0 {
            self.work.notify_one(); // for another worker
        }
        let promised: Vec<JobName> = {
            let memory = self.memory();
            let names = leases.iter().map(|lease| lease.job.name);
            names
                .filter(|name| memory.known.get(name).is_some_and(|known| known.promised))
                .collect()
        };
        if !promised.is_empty() {
            let counted = self
                .database
                .write(move |transaction| jobs::attempt(transaction, &promised))
                .await;
            if let Err(error) = counted {
                for lease in &leases {
                    self.release(lease).await?;
                }
                return Err(error);
            }
        }
        Ok(leases)
    }

    async fn extend(&self, _lease: &Lease) -> Result<(), StoreError> {
        // a lease ends with the process
        Ok(())
    }

    async fn finish(
        &self,
        lease: &Lease,
        outcome: Outcome,
        until: SystemTime,
    ) -> Result<(), StoreError> {
        let name = lease.job.name;
        let finished = Finished::new(&lease.job, outcome, SystemTime::now(), until);
        {
            let mut memory = self.memory();
            let Some(known) = memory.known.get_mut(&name).filter(|it| it.has(lease)) else {
                return Ok(()); // nobody waits for it any more
            };
            known.stage = Stage::Finished(Box::new(finished.clone()));
            known.changed.send_replace(());
            memory.running -= 1;
            memory.release(&lease.job);
        }
        // whoever waits need not wait for the disk: a crash before it is written runs promised jobs once more
        self.write_outcome(name, finished).await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut memory = self.memory();
        let memory = &mut *memory;
        if let Some(known) = memory.known.get_mut(&lease.job.name)
            && known.has(lease)
        {
            known.stage = Stage::Queued(lease.delivery);
            known.changed.send_replace(());
            memory.running -= 1;
            memory.schedule.insert(&lease.job, lease.delivery);
            self.work.notify_one();
        }
        Ok(())
    }

    async fn depth(&self) -> Result<Depth, StoreError> {
        let memory = self.memory();
        Ok(Depth {
            queued: memory.schedule.waiting(),
            running: memory.running,
        })
    }

    async fn expire(&self, now: SystemTime) -> Result<usize, StoreError> {
        let unwritten = self.memory().all_unwritten();
        for (finished, name, promised) in unwritten {
            // whoever waited without a promise was told when it was finished
            let told = finished.at + TOLD <= now;
            if finished.until <= now || (told && !promised) {
                self.memory().drop_finished(&name);
            } else if self.write_outcome(name, finished).await.is_err() {
                break; // the next attempt comes with the next call
            }
        }
        self.database
            .write(move |transaction| jobs::expire(transaction, now))
            .await
    }
}
