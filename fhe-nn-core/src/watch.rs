//! Who hears of a long job, and what stops it.

use core::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::Error;

/// Hears of the progress of a long job, and stops it: an encrypted run, or the generation, reading and
/// expansion of an evaluation key.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use fhe_nn_core::run::{Progress, Watch};
///
/// let stop = AtomicBool::new(false);
/// let print = |progress: Progress| eprintln!("{} of {}", progress.done, progress.total);
/// let watch = Watch::new().with_progress(&print).with_cancel(&stop);
/// ```
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    cancel: Option<&'a AtomicBool>,
}

/// The progress of a long job: in bootstraps of an encrypted run, in bytes of an evaluation key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How much is done.
    pub done: usize,
    /// How much the whole job is.
    pub total: usize,
}

impl<'a> Watch<'a> {
    /// Returns a watch that reports nothing and never stops the job.
    pub fn new() -> Self {
        Watch::default()
    }

    /// Calls a function after every piece of work, from the thread that did it. Several threads may call it at
    /// the same time.
    pub fn with_progress(mut self, callback: &'a (dyn Fn(Progress) + Sync)) -> Self {
        self.progress = Some(callback);
        self
    }

    /// Stops the job once the flag is set: an encrypted run within milliseconds, work on keys after the piece
    /// at hand, at most a tenth of it. The job then returns [`Error::Cancelled`].
    pub fn with_cancel(mut self, flag: &'a AtomicBool) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// Returns whether the flag is set.
    pub(crate) fn stopped(&self) -> bool {
        self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Starts to count the work of a job.
    pub(crate) fn count(&self, total: usize) -> Count<'a> {
        Count {
            watch: *self,
            done: AtomicUsize::new(0),
            total,
        }
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("progress", &self.progress.is_some())
            .field("cancel", &self.cancel)
            .finish()
    }
}

/// Counts the work of a job that is watched.
pub(crate) struct Count<'a> {
    watch: Watch<'a>,
    done: AtomicUsize,
    total: usize,
}

impl Count<'_> {
    /// Returns an error if the job is cancelled, which ends it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the flag is set.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.stopped() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Returns whether the flag is set.
    pub(crate) fn stopped(&self) -> bool {
        self.watch.stopped()
    }

    /// Counts finished work, and reports it.
    pub(crate) fn done(&self, work: usize) {
        let done = self.done.fetch_add(work, Ordering::Relaxed) + work;
        if let Some(callback) = self.watch.progress {
            callback(Progress {
                done,
                total: self.total,
            });
        }
    }
}
