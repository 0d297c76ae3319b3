use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use fhe_nn_core::Model;
use fhe_nn_service::server::{Metrics, Models, Server, Settings, Stores};
use fhe_nn_service::store::nats::NatsStore;
use serde_json::json;
use tokio::runtime::Runtime;

use super::nats::Nats;
use super::serve::{WorkArgs, call, ended, log};
use crate::bytes;
use crate::failure::Failure;
use crate::outcome::{self, Outcome};
use crate::plan_options::Options;

/// Run the inferences of services that share a NATS server (`fhe-nn serve --nats`).
///
/// A worker keeps nothing: it may be killed at any time, and another one does what it was at.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    nats: Nats,
    /// The folder of the quantized models. It has all that the services serve, with the same descriptions beside them.
    #[arg(long, value_name = "DIR")]
    models: PathBuf,
    /// Where to tell whoever reaches it that this process lives (`/healthz`) and what it counts (`/metrics`).
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        log();
        let Some(options) = self.nats.options() else {
            return Err(Failure::Call(
                "`--nats URL` must say where the jobs are".to_owned(),
            ));
        };
        let models = self.models()?;
        let runtime = Runtime::new().map_err(call)?;
        runtime.block_on(async {
            let store = NatsStore::connect(&options).await.map_err(call)?;
            let settings = Settings {
                reply_lifetime: store.queue.reply_lifetime(),
                ..Settings::default()
            };
            let stores = Stores::from(store);
            let metrics = Arc::new(Metrics::default());
            let told = match self.metrics {
                Some(address) => Some(Server::listen(address, None).await.map_err(call)?),
                None => None,
            };
            let workers = self.work.work();
            let workers = workers.start(models, &stores, &settings, &metrics);
            let workers = workers.map_err(call)?;
            match told {
                None => {
                    outcome::print("working")?;
                    ended().await;
                }
                Some(server) => {
                    let address = server.address().map_err(call)?;
                    outcome::print(&format!("working, and counting on http://{address}"))?;
                    tokio::select! {
                        () = server.tell(metrics, stores.queue) => {}
                        () = ended() => {}
                    }
                }
            }
            // threads are waited for where waiting harms nobody
            let _ = tokio::task::spawn_blocking(|| workers.end()).await;
            let text = "ended: what was begun is finished";
            Ok(Outcome::new(text, json!({ "ended": true })))
        })
    }

    /// Loads the models of the folder, in the order of their names.
    fn models(&self) -> Result<Models, Failure> {
        let unread = |source| Failure::Read {
            path: self.models.clone(),
            source,
        };
        let entries = fs::read_dir(&self.models).map_err(unread)?;
        let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths.map_err(unread)?;
        paths.sort();
        let options = self.options.options()?;
        let mut models = Models::default();
        for (number, path) in paths.iter().filter(|path| path.is_file()).enumerate() {
            if Model::recognizes(&bytes::read(path, Model::MAX_BYTES)?) {
                // jobs name plans, so that any name does
                let name = format!("model-{number}").parse().map_err(call)?;
                let version = models
                    .add(Some(name), path, &options, false)
                    .map_err(call)?;
                tracing::info!(model = %path.display(), plan = %version.plan, "loaded");
            }
        }
        if models.all().next().is_none() {
            let folder = self.models.display();
            let reason =
                format!("`{folder}` has 0 quantized models, but a worker needs at least 1");
            return Err(Failure::Call(reason));
        }
        Ok(models)
    }
}
