//! Workers: inference on threads of its own, never on those of the runtime that answers calls.
//!
//! A worker takes jobs of one tenant under one key from a [`Queue`], expands the key or finds it in its [`Cache`], runs
//! the requests together, and finishes the jobs. Whatever goes wrong with a job becomes a problem for its client, and
//! never ends the process.

mod cache;
mod pace;
mod run;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::watch;

pub use self::cache::Cache;
pub use self::pace::Pace;
use crate::server::{Metrics, Models};
use crate::store::{Keys, Queue};

/// What workers work with.
pub struct Worker {
    /// The models.
    pub models: Arc<Models>,
    /// Where keys are.
    pub keys: Arc<dyn Keys>,
    /// Where jobs come from.
    pub queue: Arc<dyn Queue>,
    /// Expanded keys.
    pub cache: Arc<Cache>,
    /// How long an inference takes.
    pub pace: Arc<Pace>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How long replies are kept.
    pub reply_lifetime: Duration,
    /// The most jobs that run together.
    pub batch: usize,
    /// Threads of one inference; 0 is one for each core.
    pub threads: usize,
}

/// Threads that work until they are told to end.
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
    end: watch::Sender<bool>,
}

impl Workers {
    /// Starts `count` threads (none, if other processes work), each of which runs one batch at a time.
    ///
    /// # Errors
    /// What the system reports if threads cannot be started.
    pub fn start(worker: &Arc<Worker>, count: usize, runtime: &Handle) -> io::Result<Self> {
        let end = watch::Sender::new(false);
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let (worker, runtime, ends) = (Arc::clone(worker), runtime.clone(), end.subscribe());
            let thread = std::thread::Builder::new().name(format!("worker-{number}"));
            threads.push(thread.spawn(move || worker.work(&runtime, ends))?);
        }
        Ok(Workers { threads, end })
    }

    /// Tells the threads to end, and waits until they have finished what they are at.
    pub fn end(self) {
        self.end.send_replace(true);
        for thread in self.threads {
            // a panic of a job is caught where it runs
            let _ = thread.join();
        }
    }
}

impl Worker {
    /// Works until it is told to end.
    fn work(&self, runtime: &Handle, mut ends: watch::Receiver<bool>) {
        loop {
            let next = runtime.block_on(async {
                tokio::select! {
                    biased;
                    _ = ends.wait_for(|ends| *ends) => None,
                    leases = self.queue.lease(self.batch) => Some(leases),
                }
            });
            match next {
                None => return,
                Some(Ok(leases)) => self.run(leases, runtime),
                Some(Err(error)) => {
                    tracing::error!(%error, "no jobs can be taken");
                    runtime.block_on(tokio::time::sleep(Duration::from_secs(1)));
                }
            }
        }
    }

    /// Until when replies are kept that are finished now.
    fn kept_until(&self) -> SystemTime {
        SystemTime::now() + self.reply_lifetime
    }
}
