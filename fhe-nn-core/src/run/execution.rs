//! Options of an encrypted run: threads, progress, cancellation, profiling.

use core::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Error;
use crate::watch::{Count, Progress, Watch};

/// Options of an encrypted run: threads, progress, cancellation, profiling.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fhe_nn_core::Execution;
/// use fhe_nn_core::run::Progress;
///
/// let stop = AtomicBool::new(false);
/// let print = |progress: Progress| {
///     eprintln!("{} of {} bootstraps", progress.done, progress.total);
/// };
/// let execution = Execution::new().with_threads(2).with_progress(&print).with_cancel(&stop);
/// ```
#[derive(Clone, Copy, Default)]
pub struct Execution<'a> {
    threads: Option<usize>,
    watch: Watch<'a>,
    profile: Option<&'a Profile>,
}

/// The time that encrypted runs spent on each kind of work.
#[derive(Debug, Default)]
pub struct Profile {
    nanoseconds: [AtomicU64; 3],
}

/// A kind of work in an encrypted run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Linear layers.
    Linear,
    /// Keyswitches.
    Keyswitch,
    /// Blind rotations, with the modulus switch before and the extraction after them.
    Rotation,
}

impl Profile {
    /// Returns the elapsed time of all work of a kind, whatever the number of threads.
    pub fn time(&self, work: Work) -> Duration {
        Duration::from_nanos(self.nanoseconds[work as usize].load(Ordering::Relaxed))
    }
}

impl<'a> Execution<'a> {
    /// Returns the default options: the run uses all cores and reports nothing.
    pub fn new() -> Self {
        Execution::default()
    }

    /// Runs on this many threads of its own. By default, and for 0, the run uses rayon's current threads,
    /// of which there is one for each core.
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Calls a function after every batch of bootstraps, from the thread that ran the batch. Several
    /// threads may call it at the same time.
    pub fn with_progress(mut self, callback: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.watch = self.watch.with_progress(callback);
        self
    }

    /// Stops the run within milliseconds once the flag is set, between two steps of a batch of rotations or
    /// between layers. The run then returns [`Error::Cancelled`].
    pub fn with_cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.watch = self.watch.with_cancel(flag);
        self
    }

    /// Adds the time of each kind of work to a profile.
    pub fn with_profile(mut self, profile: &'a Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Runs a job on the requested threads.
    pub(crate) fn on_threads<R: Send>(
        &self,
        job: impl FnOnce() -> Result<R, Error> + Send,
    ) -> Result<R, Error> {
        let Some(threads) = self.threads.filter(|&threads| threads > 0) else {
            return job();
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|source| Error::Threads {
            threads,
            source: source.into(),
        })?
        .install(job)
    }

    /// Begins a run of this many bootstraps.
    pub(crate) fn begin(&self, bootstraps: usize) -> Running<'a> {
        Running {
            count: self.watch.count(bootstraps),
            profile: self.profile,
        }
    }
}

impl fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("threads", &self.threads)
            .field("watch", &self.watch)
            .field("profile", &self.profile)
            .finish()
    }
}

/// An encrypted run: its progress, its cancellation, and the time that its work takes.
pub(crate) struct Running<'a> {
    count: Count<'a>,
    profile: Option<&'a Profile>,
}

impl Running<'_> {
    /// Returns an error if the run is cancelled, which ends it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the flag is set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.count.check()
    }

    /// Returns whether the run is cancelled.
    pub(crate) fn stopped(&self) -> bool {
        self.count.stopped()
    }

    /// Does some work, and adds its time to the profile.
    pub(crate) fn timed<R>(&self, work: Work, job: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = job();
        if let Some(profile) = self.profile {
            let time = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            profile.nanoseconds[work as usize].fetch_add(time, Ordering::Relaxed);
        }
        result
    }

    /// Counts finished bootstraps, and reports them.
    pub(crate) fn done(&self, bootstraps: usize) {
        self.count.done(bootstraps);
    }
}
