//! The process that serves, and is killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fhe_nn_core::PlanOptions;
use fhe_nn_service::server::{Models, Service, Settings, Stores, Work, signing_keys};
use fhe_nn_service::store::embedded::Folder;
use rand_chacha::rand_core::Rng;

use super::{Error, work};

/// The process that serves.
pub(crate) struct Child {
    process: std::process::Child,
    place: Place,
    model: PathBuf,
    folder: PathBuf,
    queue: usize,
    /// The most memory of any that was killed.
    peak: u64,
}

/// Where the process listens at the moment.
#[derive(Clone)]
pub(crate) struct Place(Arc<Mutex<SocketAddr>>);

impl Place {
    pub(crate) fn address(&self) -> SocketAddr {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Child {
    /// Starts the process, and waits until it listens.
    pub(crate) fn start(model: &Path, folder: &Path, queue: usize) -> Result<Self, Error> {
        let (process, address) = begin(model, folder, queue)?;
        Ok(Child {
            process,
            place: Place(Arc::new(Mutex::new(address))),
            model: model.to_owned(),
            folder: folder.to_owned(),
            queue,
            peak: 0,
        })
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.place.address()
    }

    /// Kills the process at random moments until a time, starts it again, and returns how often.
    pub(crate) fn kill_until(&mut self, end: Instant, every: u64) -> Result<u64, Error> {
        let mut random = work::random(0xdead);
        let mut kills = 0;
        loop {
            // from half to one and a half of the mean
            let milliseconds = match every {
                0 => u64::MAX,
                every => every * 500 + random.next_u64() % (every * 1000),
            };
            let next = Duration::from_millis(milliseconds);
            let left = end.saturating_duration_since(Instant::now());
            if left < next {
                std::thread::sleep(left);
                return Ok(kills);
            }
            std::thread::sleep(next);
            self.peak = self.peak_memory();
            self.process.kill()?; // SIGKILL
            self.process.wait()?;
            kills += 1;
            let (process, address) = begin(&self.model, &self.folder, self.queue)?;
            self.process = process;
            *self.place.0.lock().unwrap_or_else(PoisonError::into_inner) = address;
        }
    }

    /// The most memory that a process of this service had, in bytes, as Linux counts it.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        self.peak.max(kilobytes.unwrap_or(0) * 1024)
    }

    pub(crate) fn end(mut self) -> Result<(), Error> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

fn begin(
    model: &Path,
    folder: &Path,
    queue: usize,
) -> Result<(std::process::Child, SocketAddr), Error> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg("--serve")
        .arg(folder)
        .arg("--model")
        .arg(model)
        .args(["--queue", &queue.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let output = process.stdout.take().ok_or("the output is not piped")?;
    BufReader::new(output).read_line(&mut line)?;
    Ok((process, line.trim().parse()?))
}

/// Serves until it is killed, and prints where it listens.
pub(crate) fn serve(model: &Path, folder: &Path, queue: usize) -> Result<(), Error> {
    let mut models = Models::default();
    models.add(None, model, &PlanOptions::default(), false)?;
    let mut settings = Settings::default();
    settings.queue.jobs = queue;
    settings.queue.tenant_jobs = queue;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let service = Service::start(
            models,
            Stores::from(Folder::open(folder)?),
            signing_keys(folder, false)?,
            settings,
            Work::default(),
            SocketAddr::from(([127, 0, 0, 1], 0)),
            None,
        );
        let service = service.await?;
        println!("{}", service.address());
        service.run(std::future::pending()).await;
        Ok(())
    })
}
