use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args as ClapArgs;
use fhe_nn_service::protocol::ModelName;
use fhe_nn_service::server::{
    Models, Page, Service, Settings, Stores, Tls, Version, Work, signing_keys,
};
use fhe_nn_service::store::embedded::Folder;
use fhe_nn_service::store::nats::{NatsOptions, NatsStore};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::nats::Nats;
use crate::failure::Failure;
use crate::outcome::{self, Outcome};
use crate::plan_options::Options;

/// Serve models: clients send encrypted inputs over HTTP, and this machine computes on them without seeing them.
///
/// Everything is kept in one folder, and whatever was promised there outlives a crash. With `--nats`, everything is kept
/// on a NATS server, which any number of services and workers share.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The quantized models; of several with one name, the last is the newest version. A description beside a model
    /// (`MODEL.description`) says its plan and the names of its classes.
    #[arg(value_name = "[NAME=]MODEL", required = true)]
    models: Vec<String>,
    /// A model that is served no longer: calls for it are told so.
    #[arg(long, value_name = "[NAME=]MODEL")]
    retired: Vec<String>,
    /// Where to listen. Anything but the loopback interface needs tokens (`fhe-nn token new`).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    nats: Nats,
    /// The folder of keys, jobs, replies and tokens; with `--nats`, of the key for receipts alone.
    #[arg(long, value_name = "DIR", default_value = super::token::DATA)]
    data: PathBuf,
    /// A chain of certificates in PEM; without one, HTTP is not encrypted.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The key of the certificate in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// The folder of the page that is shown at `/` [default: the one that was built beside this program].
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// Make a new key for receipts. Receipts of before can still be checked.
    #[arg(long)]
    rotate_receipt_key: bool,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    options: Options,
}

/// How inferences are run.
#[derive(Debug, ClapArgs)]
pub(super) struct WorkArgs {
    /// Batches that run at the same time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: u16,
    /// Threads of one batch [default: one for each core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    /// The most inferences under one key that run together.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Megabytes of memory for expanded keys.
    #[arg(long, value_name = "MB", default_value_t = 2048)]
    cache: u64,
}

/// How much is taken, and how long it is kept.
#[derive(Debug, ClapArgs)]
struct LimitArgs {
    /// The most inferences that wait or run.
    #[arg(long, value_name = "N", default_value_t = Settings::default().queue.jobs)]
    queue: usize,
    /// The most inferences of one tenant that wait or run.
    #[arg(long, value_name = "N", default_value_t = Settings::default().queue.tenant_jobs)]
    tenant_queue: usize,
    /// Megabytes of evaluation keys of one tenant.
    #[arg(long, value_name = "MB", default_value_t = Settings::default().key_bytes >> 20)]
    tenant_keys: u64,
    /// How long an evaluation key is kept after its last use.
    #[arg(long, value_name = "TIME", default_value = "30days", value_parser = humantime::parse_duration)]
    key_lifetime: Duration,
    /// How long replies are kept.
    #[arg(long, value_name = "TIME", default_value = "1day", value_parser = humantime::parse_duration)]
    reply_lifetime: Duration,
    /// How long an inference waits for a worker before it is given up.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    deadline: Duration,
    /// How long callers who wait are answered after the service was told to end.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    grace: Duration,
    /// How long the next piece of a call may take.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    pause: Duration,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        log();
        let models = self.models()?;
        let tls = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(Tls::load(certificate, key).map_err(call)?),
            (None, _) | (_, None) => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let settings = Settings {
            page: self.page()?,
            ..self.limits.settings()
        };
        let shows_page = settings.page.is_some();
        let mut work = self.work.work();
        let runtime = Runtime::new().map_err(call)?;
        runtime.block_on(async {
            let (stores, kept) = match self.nats.options() {
                None => (
                    Stores::from(Folder::open(&self.data).map_err(call)?),
                    "in the folder",
                ),
                Some(options) => {
                    work.workers = 0; // programs of their own
                    fs::create_dir_all(&self.data).map_err(call)?;
                    let reply_lifetime = Some(settings.reply_lifetime);
                    let options = NatsOptions {
                        reply_lifetime,
                        ..options
                    };
                    let store = NatsStore::connect(&options).await.map_err(call)?;
                    (Stores::from(store), "on the NATS server")
                }
            };
            let signing = signing_keys(&self.data, self.rotate_receipt_key).map_err(call)?;
            let service =
                Service::start(models, stores, signing, settings, work, self.listen, tls).await;
            let service = service.map_err(call)?;
            outcome::print(&format!("listening on {scheme}://{}", service.address()))?;
            if !shows_page {
                outcome::tell("there is no page: `fhe-nn-core/browser/build` builds it");
            }
            service.run(ended()).await;
            let text = format!("ended: what was promised is {kept}");
            Ok(Outcome::new(text, json!({ "ended": true })))
        })
    }

    /// Returns the page that was asked for, or else the one that was built beside this program, if there is one.
    fn page(&self) -> Result<Option<Page>, Failure> {
        match &self.page {
            Some(folder) => Page::new(folder).map(Some).map_err(call),
            None => Ok(Page::find()),
        }
    }

    /// Loads all models.
    fn models(&self) -> Result<Models, Failure> {
        let options = self.options.options()?;
        let mut models = Models::default();
        let retired = self.retired.iter().map(|text| (text, true));
        for (text, retired) in retired.chain(self.models.iter().map(|text| (text, false))) {
            let (name, path) = named(text)?;
            let version = models.add(name, path, &options, retired).map_err(call)?;
            let Version { name, plan, .. } = &*version;
            tracing::info!(model = %name, %plan, retired, "loaded");
        }
        Ok(models)
    }
}

impl WorkArgs {
    pub(super) fn work(&self) -> Work {
        Work {
            workers: self.workers.into(),
            threads: self.threads,
            batch: self.batch.into(),
            cache: self.cache << 20,
        }
    }
}

impl LimitArgs {
    fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.queue.jobs = self.queue;
        settings.queue.tenant_jobs = self.tenant_queue;
        settings.key_bytes = self.tenant_keys << 20;
        settings.key_lifetime = self.key_lifetime;
        settings.reply_lifetime = self.reply_lifetime;
        settings.deadline = self.deadline;
        settings.grace = self.grace;
        settings.pause = self.pause;
        settings
    }
}

/// Splits `NAME=MODEL`. A path with `=` needs a name before it.
fn named(text: &str) -> Result<(Option<ModelName>, &Path), Failure> {
    match text.split_once('=') {
        None => Ok((None, Path::new(text))),
        Some((name, path)) => match name.parse() {
            Ok(name) => Ok((Some(name), Path::new(path))),
            Err(error) => Err(Failure::Call(format!("`{text}`: {error}"))),
        },
    }
}

/// Waits until somebody ends the program.
pub(super) async fn ended() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("signals cannot be heard, so that only a kill ends the service");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Logs lines of JSON to standard error. The environment variable `FHE_NN_LOG` says which.
pub(super) fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("FHE_NN_LOG");
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt() // another logger is as good
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}

pub(super) fn call(error: impl std::fmt::Display) -> Failure {
    Failure::Call(error.to_string())
}
