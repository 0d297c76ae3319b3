//! The jobs of a folder that wait or run, in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::schedule::Schedule;
use crate::protocol::{JobName, JobState, Tenant};
use crate::store::{Finished, Job, Lease, Limits, Outcome, Promise, State, StoreError};

/// What waits and runs, and what is finished but not in the database yet.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) known: HashMap<JobName, Known>,
    pub(super) schedule: Schedule,
    /// Jobs of each tenant that wait or run.
    pub(super) tenants: HashMap<Tenant, usize>,
    pub(super) running: usize,
    /// Jobs that are finished and could not be written down.
    unwritten: usize,
    /// Bytes of requests that wait or run.
    pub(super) bytes: usize,
}

pub(super) struct Known {
    pub(super) job: Job,
    pub(super) promised: bool,
    /// Callers who wait and were promised nothing.
    pub(super) callers: usize,
    pub(super) attempts: u32,
    pub(super) stage: Stage,
    /// Whether it is finished and could not be written down, so that it counts still.
    pub(super) unwritten: bool,
    /// Sent to when the stage changes.
    pub(super) changed: watch::Sender<()>,
}

pub(super) enum Stage {
    /// Waits under this number.
    Queued(u64),
    /// Runs; the flag cancels it.
    Running {
        number: u64,
        cancel: Arc<AtomicBool>,
    },
    Finished(Box<Finished>),
}

impl Memory {
    /// Puts a job into the queue.
    pub(super) fn insert(&mut self, job: Job, promised: bool, callers: usize, attempts: u32) {
        self.drop_finished(&job.name);
        self.count(&job);
        let number = self.schedule.push(&job);
        let known = Known {
            job,
            promised,
            callers,
            attempts,
            stage: Stage::Queued(number),
            unwritten: false,
            changed: watch::Sender::new(()),
        };
        self.known.insert(known.job.name, known);
    }

    fn count(&mut self, job: &Job) {
        *self.tenants.entry(job.tenant.clone()).or_default() += 1;
        self.bytes += job.requests.len();
    }

    /// Counts a finished job again, since it could not be written down: a disk that is full must not fill the memory.
    pub(super) fn keep_unwritten(&mut self, name: &JobName) {
        let Some(known) = self.known.get_mut(name) else {
            return;
        };
        if matches!(known.stage, Stage::Finished(_)) && !known.unwritten {
            known.unwritten = true;
            self.unwritten += 1;
            let job = known.job.clone();
            self.count(&job);
        }
    }

    /// Forgets a finished job, which is written down or not wanted any more.
    pub(super) fn drop_finished(&mut self, name: &JobName) {
        let finished = |known: &&Known| matches!(known.stage, Stage::Finished(_));
        if self.known.get(name).filter(finished).is_none() {
            return;
        }
        if let Some(known) = self.known.remove(name)
            && known.unwritten
        {
            self.unwritten -= 1;
            self.release(&known.job);
        }
    }

    /// The finished jobs that could not be written down, and whether each was promised.
    pub(super) fn all_unwritten(&self) -> Vec<(Finished, JobName, bool)> {
        let all = self.known.iter().filter(|(_, known)| known.unwritten);
        let finished = all.filter_map(|(name, known)| match &known.stage {
            Stage::Finished(finished) => Some(((**finished).clone(), *name, known.promised)),
            Stage::Queued(_) | Stage::Running { .. } => None,
        });
        finished.collect()
    }

    /// Counts a job no longer, which waits or runs no longer.
    pub(super) fn release(&mut self, job: &Job) {
        self.bytes -= job.requests.len();
        if let Entry::Occupied(mut count) = self.tenants.entry(job.tenant.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Drops a job that nobody wants.
    pub(super) fn drop_unwanted(&mut self, name: &JobName) {
        let unwanted = |known: &Known| !known.promised && known.callers == 0;
        let Some(known) = self.known.get(name).filter(|known| unwanted(known)) else {
            return;
        };
        match &known.stage {
            Stage::Queued(number) => self.schedule.remove(&known.job, *number),
            Stage::Running { cancel, .. } => {
                cancel.store(true, Ordering::Relaxed);
                self.running -= 1;
            }
            Stage::Finished(_) => return,
        }
        if let Some(known) = self.known.remove(name) {
            self.release(&known.job);
        }
    }

    /// # Errors
    /// [`StoreError::QueueFull`] and [`StoreError::TenantQueueFull`] if there is no room for a job.
    pub(super) fn check(&self, job: &Job, limits: &Limits) -> Result<(), StoreError> {
        let own = self.tenants.get(&job.tenant).copied().unwrap_or_default();
        if own >= limits.tenant_jobs {
            return Err(StoreError::TenantQueueFull {
                waiting: own,
                limit: limits.tenant_jobs,
            });
        }
        let waiting = self.schedule.waiting() + self.running + self.unwritten;
        if waiting >= limits.jobs || self.bytes + job.requests.len() > limits.bytes {
            return Err(StoreError::QueueFull {
                waiting,
                limit: limits.jobs,
            });
        }
        Ok(())
    }

    /// Returns how far a job is that waits or runs, and counts one more caller; or how it was finished with replies.
    pub(super) fn join(&mut self, name: &JobName, promise: Promise) -> Option<State> {
        let known = self.known.get_mut(name)?;
        match &known.stage {
            Stage::Finished(finished) if matches!(finished.outcome, Outcome::Problem(_)) => {
                return None;
            }
            Stage::Finished(_) => {}
            Stage::Queued(_) | Stage::Running { .. } => match promise {
                Promise::Now => known.promised = true,
                Promise::Later => known.callers += 1,
            },
        }
        Some(known.state())
    }

    /// Takes the next jobs.
    pub(super) fn take(&mut self, most: usize) -> Vec<Lease> {
        let names = self.schedule.take(most);
        self.running += names.len();
        let mut leases = Vec::with_capacity(names.len());
        for name in names {
            let known = self
                .known
                .get_mut(&name)
                .expect("a job that is in the schedule is known");
            let Stage::Queued(number) = known.stage else {
                unreachable!("a job that is in the schedule waits");
            };
            let cancel = Arc::new(AtomicBool::new(false));
            known.attempts += 1;
            known.stage = Stage::Running {
                number,
                cancel: Arc::clone(&cancel),
            };
            leases.push(Lease {
                job: known.job.clone(),
                attempt: known.attempts,
                cancelled: cancel,
                delivery: number,
            });
        }
        leases
    }
}

impl Known {
    /// Whether a worker still has this job.
    pub(super) fn has(&self, lease: &Lease) -> bool {
        match &self.stage {
            Stage::Running { number, .. } => *number == lease.delivery,
            Stage::Queued(_) | Stage::Finished(_) => false,
        }
    }

    pub(super) fn state(&self) -> State {
        match &self.stage {
            Stage::Queued(_) => State::Pending(JobState::Queued),
            Stage::Running { .. } => State::Pending(JobState::Running),
            Stage::Finished(finished) => State::Finished(finished.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::schedule::tests::job;
    use super::*;

    const LIMITS: Limits = Limits {
        jobs: 1,
        tenant_jobs: 2,
        bytes: 1 << 20,
    };

    #[test]
    fn what_cannot_be_written_down_counts_until_it_is_forgotten() {
        let mut memory = Memory::default();
        let (one, other) = (job("a", 0, 0), job("a", 0, 1));
        for _ in 0..2 {
            memory.insert(one.clone(), false, 1, 0);
            assert_eq!(memory.take(1).len(), 1);
            let now = SystemTime::now();
            let outcome = Outcome::Replies("replies".into());
            let finished = Finished::new(&one, outcome, now, now);
            let known = memory.known.get_mut(&one.name).expect("it was taken");
            known.stage = Stage::Finished(Box::new(finished));
            memory.running -= 1;
            memory.release(&one);
            assert!(memory.check(&other, &LIMITS).is_ok(), "it is being written");
            memory.keep_unwritten(&one.name);
            memory.keep_unwritten(&one.name);
            assert!(memory.check(&other, &LIMITS).is_err());
            assert_eq!(memory.all_unwritten().len(), 1);
            // the second time, another attempt takes its place
        }
        memory.drop_finished(&one.name);
        assert!(memory.check(&other, &LIMITS).is_ok());
        assert!(memory.tenants.is_empty() && memory.bytes == 0);
    }
}
