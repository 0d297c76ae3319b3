//! How an encrypted run goes: on how many threads, who hears of it, and who may stop it.

use core::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::Error;

/// Options of an encrypted run: threads, a progress callback, cancellation.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fhe_nn_core::Execution;
///
/// let stop = AtomicBool::new(false);
/// let print = |progress: fhe_nn_core::Progress| {
///     eprintln!("{} of {} bootstraps", progress.done, progress.total);
/// };
/// let execution = Execution::default().threads(2).progress(&print).cancel(&stop);
/// ```
#[derive(Clone, Copy, Default)]
pub struct Execution<'a> {
    threads: Option<usize>,
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    cancel: Option<&'a AtomicBool>,
}

/// How far an encrypted run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bootstraps that are done.
    pub done: usize,
    /// Bootstraps of the whole run.
    pub total: usize,
}

impl<'a> Execution<'a> {
    /// Runs on this many threads of its own; by default on rayon's current ones, one a core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Calls back after every batch of bootstraps, from the thread that ran it.
    pub fn progress(mut self, callback: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.progress = Some(callback);
        self
    }

    /// Stops before the next batch of bootstraps once the flag is set: the run then returns
    /// [`Error::Cancelled`].
    pub fn cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// Runs a job on the threads asked for.
    pub(crate) fn on_threads<R: Send>(
        &self,
        job: impl FnOnce() -> Result<R, Error> + Send,
    ) -> Result<R, Error> {
        let Some(threads) = self.threads else {
            return job();
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|source| Error::Threads { threads, source })?
            .install(job)
    }

    /// Watches a run of this many bootstraps.
    pub(crate) fn watch(&self, total: usize) -> Watch<'a> {
        Watch {
            execution: *self,
            done: AtomicUsize::new(0),
            total,
        }
    }
}

impl fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("threads", &self.threads)
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

/// A run that is watched.
pub(crate) struct Watch<'a> {
    execution: Execution<'a>,
    done: AtomicUsize,
    total: usize,
}

impl Watch<'_> {
    /// # Errors
    /// [`Error::Cancelled`] once the flag is set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let stop = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if self.execution.cancel.is_some_and(stop) {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    /// Counts bootstraps that are done.
    pub(crate) fn done(&self, count: usize) {
        let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
        if let Some(callback) = self.execution.progress {
            callback(Progress {
                done,
                total: self.total,
            });
        }
    }
}
