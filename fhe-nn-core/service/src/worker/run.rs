//! A batch of jobs under one key.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use fhe_nn_core::run::{Progress, Watch};
use fhe_nn_core::{Error, Execution, Request, ServerKey};
use tokio::runtime::Handle;
use tokio_util::io::SyncIoBridge;

use super::Worker;
use crate::protocol::{Problem, ProblemKind};
use crate::server::Version;
use crate::store::{Job, Lease, Outcome, StoreError};

/// How often the queue hears that a worker is still at its jobs: a third of the shortest time after which a queue gives
/// them to another.
const HEARD: Duration = Duration::from_secs(10);

impl Worker {
    /// Runs jobs of one tenant under one key, and finishes them.
    pub(super) fn run(&self, leases: Vec<Lease>, runtime: &Handle) {
        let now = SystemTime::now();
        let (leases, late): (Vec<_>, Vec<_>) = leases
            .into_iter()
            .partition(|lease| lease.job.deadline > now);
        for lease in &late {
            let detail = "no worker came to the inference before its deadline";
            let problem = Problem::new(ProblemKind::DeadlineExceeded, detail);
            self.finish(lease, Err(problem), runtime);
        }
        let Some(first) = leases.first() else {
            return;
        };
        let prepared = self.prepare(&first.job, &leases, runtime);
        let (version, key) = match prepared {
            Ok(prepared) => prepared,
            Err(Unprepared::Problem(problem)) => {
                for lease in &leases {
                    self.finish(lease, Err(problem.clone()), runtime);
                }
                return;
            }
            Err(Unprepared::Store(error)) => {
                tracing::error!(%error, "a key cannot be read");
                runtime.block_on(async {
                    for lease in &leases {
                        if let Err(error) = self.queue.release(lease).await {
                            tracing::error!(%error, "a job cannot be given back");
                        }
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                });
                return;
            }
        };
        let results = self.infer_together(&version, &key, &leases, runtime);
        for (lease, result) in leases.iter().zip(results) {
            match result {
                Ok(replies) => self.finish(lease, Ok(replies), runtime),
                Err(Uninferred::Cancelled) => {
                    // the queue knows it no longer
                }
                Err(Uninferred::Problem(problem)) => self.finish(lease, Err(problem), runtime),
            }
        }
    }

    /// Finds the model and the expanded key of a job. While it expands a key, the queue hears that it is at these jobs.
    fn prepare(
        &self,
        job: &Job,
        leases: &[Lease],
        runtime: &Handle,
    ) -> Result<(Arc<Version>, Arc<ServerKey>), Unprepared> {
        let version = self.models.with_plan(&job.plan);
        let version = version.filter(|version| !version.retired).ok_or_else(|| {
            let detail = format!("the plan {} is no longer served", job.plan);
            Unprepared::Problem(Problem::new(ProblemKind::RetiredPlan, detail))
        })?;
        // also for a key in the cache: one that was removed is used no more
        let content = runtime.block_on(self.keys.open(&job.tenant, &job.key));
        let Some(content) = content.map_err(Unprepared::Store)? else {
            self.cache.forget(&job.tenant, &job.key);
            let detail = format!("there is no evaluation key {} any more", job.key);
            return Err(Unprepared::Problem(Problem::new(
                ProblemKind::UnknownKey,
                detail,
            )));
        };
        if let Some(key) = self.cache.get(&job.tenant, &job.key) {
            self.metrics.cache_hit();
            return Ok((Arc::clone(version), key));
        }
        let memory = version.plan().evaluation_memory_bytes();
        self.metrics.cache_has(self.cache.make_room(memory));
        let begin = Instant::now();
        let from = SyncIoBridge::new_with_handle(content, runtime.clone());
        let heard = Mutex::new(begin);
        let progress = |_: Progress| self.extend(leases, &heard, runtime);
        let watch = Watch::new().with_progress(&progress);
        let expanded = guarded(|| ServerKey::read_watched(from, version.plan(), watch));
        let key = match expanded {
            Ok(Ok(key)) => Arc::new(key),
            Ok(Err(Error::Stream { source, .. })) => {
                let error = StoreError::of("a key", source);
                return Err(Unprepared::Store(error));
            }
            Ok(Err(error)) => {
                let problem = Problem::new(ProblemKind::MalformedKey, error.to_string());
                return Err(Unprepared::Problem(problem));
            }
            Err(problem) => return Err(Unprepared::Problem(problem)),
        };
        self.metrics.cache_miss(begin.elapsed());
        let used = self
            .cache
            .put(&job.tenant, &job.key, Arc::clone(&key), memory);
        self.metrics.cache_has(used);
        Ok((Arc::clone(version), key))
    }

    /// Runs jobs together. If that fails, each runs alone, so that one does not fail for another.
    fn infer_together(
        &self,
        version: &Version,
        key: &ServerKey,
        leases: &[Lease],
        runtime: &Handle,
    ) -> Vec<Result<Bytes, Uninferred>> {
        match self.infer(version, key, leases, runtime) {
            Ok(replies) => replies.into_iter().map(Ok).collect(),
            Err(Uninferred::Cancelled) => {
                let cancelled = |_| Err(Uninferred::Cancelled);
                leases.iter().map(cancelled).collect()
            }
            Err(Uninferred::Problem(problem)) if leases.len() == 1 => {
                vec![Err(Uninferred::Problem(problem))]
            }
            Err(Uninferred::Problem(_)) => {
                let alone = |lease: &Lease| {
                    let own = std::slice::from_ref(lease);
                    let replies = self.infer(version, key, own, runtime)?;
                    Ok(replies.into_iter().next().unwrap_or_default())
                };
                leases.iter().map(alone).collect()
            }
        }
    }

    /// Runs jobs, and returns the replies of each as they travel.
    fn infer(
        &self,
        version: &Version,
        key: &ServerKey,
        leases: &[Lease],
        runtime: &Handle,
    ) -> Result<Vec<Bytes>, Uninferred> {
        let mut requests = Vec::new();
        let mut counts = Vec::with_capacity(leases.len());
        for lease in leases {
            let before = requests.len();
            let mut from = &lease.job.requests[..];
            while let Some(request) = Request::read(&mut from, version.plan())
                .map_err(|error| problem(ProblemKind::MalformedRequest, &error))?
            {
                requests.push(request);
            }
            counts.push(requests.len() - before);
        }
        let begin = Instant::now();
        let cancel = AtomicBool::new(false);
        let heard = Mutex::new(begin);
        let progress = |_: Progress| {
            let unwanted = |lease: &Lease| lease.cancelled.load(Ordering::Relaxed);
            if leases.iter().all(unwanted) {
                cancel.store(true, Ordering::Relaxed);
            }
            self.extend(leases, &heard, runtime);
        };
        let execution = Execution::new()
            .with_threads(self.threads)
            .with_progress(&progress)
            .with_cancel(&cancel);
        let replies = guarded(|| {
            let model = &version.model;
            model.run_encrypted_batch(key, &requests, &execution)
        });
        let replies = match replies {
            Ok(Ok(replies)) => replies,
            Ok(Err(Error::Cancelled)) => return Err(Uninferred::Cancelled),
            Ok(Err(error @ (Error::WrongKey { .. } | Error::WrongPlan { .. }))) => {
                return Err(problem(ProblemKind::KeyOfAnotherModel, &error));
            }
            Ok(Err(error)) => return Err(problem(ProblemKind::InferenceFailed, &error)),
            Err(problem) => return Err(Uninferred::Problem(problem)),
        };
        let time = begin.elapsed();
        self.pace.measured(requests.len(), time);
        let each = time / u32::try_from(requests.len().max(1)).unwrap_or(u32::MAX);
        self.metrics.inferred(requests.len(), each);
        let mut replies = replies.iter();
        let of_job = |count: &usize| {
            let own = replies.by_ref().take(*count);
            Bytes::from(own.flat_map(|reply| reply.to_bytes()).collect::<Vec<u8>>())
        };
        Ok(counts.iter().map(of_job).collect())
    }

    /// Tells the queue now and then that jobs are still at work.
    fn extend(&self, leases: &[Lease], heard: &Mutex<Instant>, runtime: &Handle) {
        let Ok(mut heard) = heard.try_lock() else {
            return; // another thread does
        };
        if heard.elapsed() < HEARD {
            return;
        }
        *heard = Instant::now();
        for lease in leases {
            let (queue, lease) = (Arc::clone(&self.queue), lease.clone());
            runtime.spawn(async move {
                if let Err(error) = queue.extend(&lease).await {
                    tracing::warn!(%error, "the queue does not hear that a job is at work");
                }
            });
        }
    }

    fn finish(&self, lease: &Lease, result: Result<Bytes, Problem>, runtime: &Handle) {
        let outcome = match result {
            Ok(replies) => Outcome::Replies(replies),
            Err(problem) => {
                self.metrics.failed();
                let status = problem.status();
                tracing::warn!(status, "an inference ended with a problem");
                Outcome::Problem(problem)
            }
        };
        let finished = self.queue.finish(lease, outcome, self.kept_until());
        if let Err(error) = runtime.block_on(finished) {
            tracing::error!(%error, "an outcome cannot be kept");
        }
    }
}

/// Why jobs cannot begin.
enum Unprepared {
    /// It is told to the client.
    Problem(Problem),
    /// The store does not answer, so the jobs are given back.
    Store(StoreError),
}

/// Why there are no replies.
enum Uninferred {
    /// Nobody waits any more.
    Cancelled,
    Problem(Problem),
}

fn problem(kind: ProblemKind, error: &Error) -> Uninferred {
    Uninferred::Problem(Problem::new(kind, error.to_string()))
}

/// Does work that must not end the process.
///
/// # Errors
/// [`ProblemKind::InferenceFailed`] if it panics.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Problem> {
    // what the work changes is its own
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        tracing::error!("an inference ended by a panic");
        let detail = "the inference ended by a mistake of the server, which its log has";
        Problem::new(ProblemKind::InferenceFailed, detail)
    })
}
