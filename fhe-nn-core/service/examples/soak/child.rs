//! The processes that serve and work, and are killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fhe_nn_core::PlanOptions;
use fhe_nn_service::server::{Models, Service, Settings, Stores, Work, signing_keys};
use fhe_nn_service::store::Tokens;
use fhe_nn_service::store::embedded::{Folder, FolderTokens};
use fhe_nn_service::store::nats::{NatsOptions, NatsStore, NatsTokens};
use rand_chacha::rand_core::Rng;

use super::{Error, work};

/// Workers, if they are processes of their own.
const WORKERS: usize = 3;

/// What is served, and on what.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The quantized model.
    pub(crate) model: PathBuf,
    /// The folder of the service.
    pub(crate) folder: PathBuf,
    /// The most inferences that wait or run.
    pub(crate) queue: usize,
    /// The NATS server, if everything but the signing key is there.
    pub(crate) nats: Option<String>,
}

/// The process that serves, and those that work for it.
pub(crate) struct Child {
    setup: Setup,
    service: std::process::Child,
    workers: Vec<std::process::Child>,
    place: Place,
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

impl Setup {
    fn nats(&self) -> Option<NatsOptions> {
        self.nats.as_deref().map(NatsOptions::new)
    }

    /// Who may call.
    pub(crate) async fn tokens(&self) -> Result<Box<dyn Tokens>, Error> {
        Ok(match self.nats() {
            None => Box::new(FolderTokens::open(&self.folder)),
            Some(options) => Box::new(NatsTokens::connect(&options).await?),
        })
    }

    async fn stores(&self) -> Result<Stores, Error> {
        Ok(match self.nats() {
            None => Stores::from(Folder::open(&self.folder)?),
            Some(options) => Stores::from(NatsStore::connect(&options).await?),
        })
    }

    fn models(&self) -> Result<Models, Error> {
        let mut models = Models::default();
        models.add(None, &self.model, &PlanOptions::default(), false)?;
        Ok(models)
    }

    /// Starts a process of this program in a role, and returns it with the line that it prints when it is ready.
    fn begin(&self, role: &str) -> Result<(std::process::Child, String), Error> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--role", role])
            .arg("--folder")
            .arg(&self.folder)
            .arg("--model")
            .arg(&self.model)
            .args(["--queue", &self.queue.to_string()])
            .args(self.nats.iter().flat_map(|url| ["--nats", url]))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().ok_or("the output is not piped")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok((process, line.trim().to_owned()))
    }
}

impl Child {
    /// Starts the processes, and waits until they are ready.
    pub(crate) fn start(setup: &Setup) -> Result<Self, Error> {
        let (service, address) = setup.begin("serve")?;
        let place = Place(Arc::new(Mutex::new(address.parse()?)));
        let count = if setup.nats.is_some() { WORKERS } else { 0 };
        let workers = (0..count).map(|_| Ok(setup.begin("work")?.0));
        Ok(Child {
            setup: setup.clone(),
            service,
            workers: workers.collect::<Result<_, Error>>()?,
            place,
            peak: 0,
        })
    }

    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.place.address()
    }

    /// Kills one of the processes at random moments until a time, starts it again, and returns how often.
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
            let which = random.next_u64() as usize % (1 + self.workers.len());
            match self.workers.get_mut(which) {
                Some(worker) => {
                    kill(worker)?;
                    *worker = self.setup.begin("work")?.0;
                }
                None => {
                    kill(&mut self.service)?;
                    let (service, address) = self.setup.begin("serve")?;
                    self.service = service;
                    *self.place.0.lock().unwrap_or_else(PoisonError::into_inner) =
                        address.parse()?;
                }
            }
            kills += 1;
        }
    }

    /// The most memory that a process of this service had, in bytes, as Linux counts it.
    pub(crate) fn peak_memory(&self) -> u64 {
        let all = self.workers.iter().chain([&self.service]);
        all.map(peak).fold(self.peak, u64::max)
    }

    pub(crate) fn end(mut self) -> Result<(), Error> {
        self.workers
            .iter_mut()
            .chain([&mut self.service])
            .try_for_each(kill)
    }
}

fn kill(process: &mut std::process::Child) -> Result<(), Error> {
    process.kill()?; // SIGKILL
    process.wait()?;
    Ok(())
}

fn peak(process: &std::process::Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Serves until it is killed, and prints where it listens. On NATS, others work.
pub(crate) fn serve(setup: &Setup) -> Result<(), Error> {
    let mut settings = Settings::default();
    settings.queue.jobs = setup.queue;
    settings.queue.tenant_jobs = setup.queue;
    let mut work = Work::default();
    if setup.nats.is_some() {
        work.workers = 0;
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let service = Service::start(
            setup.models()?,
            setup.stores().await?,
            signing_keys(&setup.folder, false)?,
            settings,
            work,
            SocketAddr::from(([127, 0, 0, 1], 0)),
            None,
        );
        let service = service.await?;
        println!("{}", service.address());
        service.run(std::future::pending()).await;
        Ok(())
    })
}

/// Works until it is killed, and prints a line when it begins.
pub(crate) fn work_on(setup: &Setup) -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let stores = setup.stores().await?;
        let workers = Work::default().start(
            setup.models()?,
            &stores,
            &Settings::default(),
            &Arc::default(),
        )?;
        println!("working");
        std::future::pending::<()>().await;
        workers.end();
        Ok(())
    })
}
