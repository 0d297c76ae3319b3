use std::path::PathBuf;
use std::time::SystemTime;

use clap::Subcommand;
use fhe_nn_service::protocol::{Tenant, Token, TokenHash};
use fhe_nn_service::store::embedded::FolderTokens;
use fhe_nn_service::store::nats::NatsTokens;
use fhe_nn_service::store::{TokenRecord, Tokens};
use serde_json::{Value, json};

use super::nats::Nats;
use crate::failure::Failure;
use crate::outcome::Outcome;

/// The folder of a service, unless another is given.
pub(super) const DATA: &str = "fhe-nn-data";

/// Make, list and revoke the bearer tokens of a service, also while it runs.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("url", |own| own.global(true)),
    mut_arg("nats_credentials", |own| own.global(true))
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    /// The folder of the service.
    #[arg(long, value_name = "DIR", default_value = DATA, global = true)]
    data: PathBuf,
    #[command(flatten)]
    nats: Nats,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token, which is printed once and stored hashed.
    New {
        /// For whom it stands. Keys, inferences and replies belong to a tenant; several tokens may stand for one.
        #[arg(value_name = "TENANT")]
        tenant: String,
    },
    /// List tokens by their hashes.
    List,
    /// Revoke a token: from the next second on it is refused.
    Revoke {
        /// The first digits of its hash, as listed.
        #[arg(value_name = "HASH")]
        hash: String,
    },
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(call)?;
        runtime.block_on(async {
            let tokens: Box<dyn Tokens> = match self.nats.options() {
                None => Box::new(FolderTokens::open(&self.data)),
                Some(options) => Box::new(NatsTokens::connect(&options).await.map_err(call)?),
            };
            match self.action {
                Action::New { tenant } => new(&*tokens, &tenant).await,
                Action::List => list(&*tokens).await,
                Action::Revoke { hash } => revoke(&*tokens, &hash).await,
            }
        })
    }
}

async fn new(tokens: &dyn Tokens, tenant: &str) -> Result<Outcome, Failure> {
    let tenant: Tenant = tenant.parse().map_err(call)?;
    let token = Token::generate().map_err(call)?;
    let record = TokenRecord {
        hash: token.hash(),
        tenant,
        since: SystemTime::now(),
    };
    tokens.add(record.clone()).await.map_err(call)?;
    let json = json!({
        "token": token.reveal(),
        "tenant": record.tenant,
        "hash": record.hash,
    });
    Ok(Outcome::new(token.reveal(), json))
}

async fn list(tokens: &dyn Tokens) -> Result<Outcome, Failure> {
    let records = tokens.list().await.map_err(call)?;
    let since = |record: &TokenRecord| humantime::format_rfc3339_seconds(record.since).to_string();
    let line = |record: &TokenRecord| {
        let hash = record.hash.to_string();
        format!("{}  {}  {}", &hash[..16], since(record), record.tenant)
    };
    let value = |record: &TokenRecord| -> Value {
        json!({
            "hash": record.hash,
            "tenant": record.tenant,
            "since": since(record),
        })
    };
    let lines: Vec<String> = records.iter().map(line).collect();
    let values: Vec<Value> = records.iter().map(value).collect();
    Ok(Outcome::new(lines.join("\n"), json!({ "tokens": values })))
}

async fn revoke(tokens: &dyn Tokens, start: &str) -> Result<Outcome, Failure> {
    let records = tokens.list().await.map_err(call)?;
    let mut found = records
        .iter()
        .filter(|record| !start.is_empty() && record.hash.to_string().starts_with(start));
    let hash: TokenHash = match (found.next(), found.next()) {
        (Some(record), None) => record.hash,
        (None, _) => {
            return Err(Failure::Call(format!(
                "no token has a hash that begins with `{start}`\n  = help: `fhe-nn token list` lists them"
            )));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::Call(format!(
                "several tokens have a hash that begins with `{start}`\n  = help: give more digits of one"
            )));
        }
    };
    tokens.revoke(&hash).await.map_err(call)?;
    let text = format!("revoked: {hash}");
    Ok(Outcome::new(text, json!({ "revoked": hash })))
}

fn call(error: impl std::fmt::Display) -> Failure {
    Failure::Call(error.to_string())
}
