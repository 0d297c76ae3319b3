//! A service with its workers, in one process.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::{App, Metrics, Models, Parts, ServeError, Server, Settings, Tls};
use crate::protocol::{SigningError, SigningKeys};
use crate::store::embedded::Folder;
use crate::store::nats::NatsStore;
use crate::store::{Keys, Queue, StoreError, Tokens};
use crate::worker::{Cache, Pace, Worker, Workers};

/// Where a service keeps everything.
pub struct Stores {
    /// The evaluation keys.
    pub keys: Arc<dyn Keys>,
    /// The jobs and replies.
    pub queue: Arc<dyn Queue>,
    /// Who may call.
    pub tokens: Arc<dyn Tokens>,
}

/// How a service runs inferences itself.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Batches that run at the same time; 0 if other processes work.
    pub workers: usize,
    /// Threads of one batch; 0 is one for each core.
    pub threads: usize,
    /// The most jobs that run together.
    pub batch: usize,
    /// The most bytes of expanded keys.
    pub cache: u64,
}

/// A service that listens, with its workers.
pub struct Service {
    server: Server,
    app: Arc<App>,
    workers: Workers,
    address: SocketAddr,
}

/// Why a service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The network.
    #[error(transparent)]
    Listen(#[from] ServeError),
    /// The keys of receipts.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// Threads or sockets.
    #[error("the system does not let the service begin: {0}")]
    System(#[from] io::Error),
    /// Everybody could call.
    #[error(
        "there are no tokens, so everybody who reaches {0} could call\n  = help: `fhe-nn token new TENANT` makes one; `--data DIR` says for which folder"
    )]
    NoTokens(SocketAddr),
}

impl From<Folder> for Stores {
    fn from(folder: Folder) -> Self {
        Stores {
            keys: folder.keys,
            queue: folder.queue,
            tokens: folder.tokens,
        }
    }
}

impl From<NatsStore> for Stores {
    fn from(store: NatsStore) -> Self {
        Stores {
            keys: store.keys,
            queue: store.queue,
            tokens: store.tokens,
        }
    }
}

impl Default for Work {
    fn default() -> Self {
        Work {
            workers: 1,
            threads: 0,
            batch: 8,
            cache: 2 << 30,
        }
    }
}

impl Work {
    /// How long inferences are expected to take, before any was measured.
    fn pace(&self, models: &Models) -> Pace {
        let threads = match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let versions = models.all();
        let seconds = versions.map(|version| version.plan().predicted_seconds(threads));
        Pace::predicted(seconds.fold(0.0, f64::max))
    }

    /// Starts workers without a service, for jobs that come from elsewhere; `metrics` has what they count. It must be
    /// called within a runtime that lives as long as they do.
    ///
    /// # Errors
    /// What the system reports if threads cannot be started.
    pub fn start(
        &self,
        models: Models,
        stores: &Stores,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Workers> {
        let worker = self.worker(&Arc::new(models), stores, settings, metrics);
        Workers::start(&Arc::new(worker), self.workers, &Handle::current())
    }

    /// What workers work with.
    fn worker(
        &self,
        models: &Arc<Models>,
        stores: &Stores,
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Worker {
        Worker {
            models: Arc::clone(models),
            keys: Arc::clone(&stores.keys),
            queue: Arc::clone(&stores.queue),
            cache: Arc::new(Cache::new(self.cache)),
            pace: Arc::new(self.pace(models)),
            metrics: Arc::clone(metrics),
            reply_lifetime: settings.reply_lifetime,
            batch: self.batch,
            threads: self.threads,
        }
    }
}

impl Service {
    /// Listens, and starts the workers. Without tokens, it listens on the loopback interface only, for the tenant
    /// [`local`](crate::protocol::Tenant::local).
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        models: Models,
        stores: Stores,
        signing: SigningKeys,
        settings: Settings,
        work: Work,
        listen: SocketAddr,
        tls: Option<Tls>,
    ) -> Result<Self, StartError> {
        let without_tokens = stores.tokens.is_empty().await?;
        if without_tokens && !listen.ip().is_loopback() {
            return Err(StartError::NoTokens(listen));
        }
        let models = Arc::new(models);
        let metrics = Arc::new(Metrics::default());
        let worker = Arc::new(work.worker(&models, &stores, &settings, &metrics));
        let server = Server::listen(listen, tls).await?;
        let address = server.address()?;
        let workers = Workers::start(&worker, work.workers, &Handle::current())?;
        let app = App::new(Parts {
            models,
            keys: stores.keys,
            queue: stores.queue,
            tokens: stores.tokens,
            signing,
            pace: Arc::clone(&worker.pace),
            metrics,
            settings,
            open: without_tokens,
        });
        Ok(Service {
            server,
            app,
            workers,
            address,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers calls until `end`. Then nothing new is taken, whoever waits is answered or promised its replies, and
    /// the workers finish what they are at.
    pub async fn run(self, end: impl Future<Output = ()>) {
        self.server.run(self.app, end).await;
        // threads are waited for where waiting harms nobody
        let ended = tokio::task::spawn_blocking(|| self.workers.end());
        let _ = ended.await;
    }
}

/// Loads the keys that receipts are signed with from a folder, or makes them. With `rotate`, a new one is made, and
/// receipts of before can still be checked.
///
/// # Errors
/// [`SigningError`].
pub fn signing_keys(folder: &Path, rotate: bool) -> Result<SigningKeys, SigningError> {
    let path = folder.join("receipts.key");
    let mut keys = SigningKeys::load_or_create(&path)?;
    if rotate {
        keys.rotate()?;
        keys.save(&path)?;
    }
    Ok(keys)
}
