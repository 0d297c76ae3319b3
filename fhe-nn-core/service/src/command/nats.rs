//! Where a NATS server is, for services and workers that share one.

use std::path::PathBuf;

use clap::Args;
use fhe_nn_service::store::nats::NatsOptions;

/// A NATS server, if there is one.
#[derive(Debug, Args)]
pub(super) struct Nats {
    /// Keep keys, jobs, replies and tokens on a NATS server with JetStream, as `nats://127.0.0.1:4222`; several addresses
    /// of one cluster have commas between them. `fhe-nn worker` runs the inferences.
    #[arg(long = "nats", value_name = "URL")]
    url: Option<String>,
    /// The credentials for the NATS server.
    #[arg(long, value_name = "FILE", requires = "url")]
    nats_credentials: Option<PathBuf>,
}

impl Nats {
    /// Returns how the server is reached, if there is one.
    pub(super) fn options(&self) -> Option<NatsOptions> {
        self.url.as_deref().map(|url| NatsOptions {
            credentials: self.nats_credentials.clone(),
            ..NatsOptions::new(url)
        })
    }
}
