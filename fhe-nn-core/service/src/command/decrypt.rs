use std::path::PathBuf;

use fhe_nn_core::{Reply, Request};
use serde_json::json;

use super::encrypt::Key;
use crate::bytes;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::scores;

/// Decrypt the replies of a server.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    key: Key,
    /// The requests that were sent.
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,
    /// The replies, in the order of the requests; `-` is standard input.
    #[arg(value_name = "REPLIES")]
    replies: PathBuf,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        // opened before a passphrase is asked for, so that a missing file is told at once
        let mut requests = bytes::open(&self.requests)?;
        let mut replies = bytes::open(&self.replies)?;
        let (client, classes) = self.key.load()?;
        let mut all = Vec::new();
        loop {
            let request = Request::read(&mut requests, client.plan()).of(&self.requests)?;
            let reply = Reply::read(&mut replies, client.plan()).of(&self.replies)?;
            match (request, reply) {
                (Some(request), Some(reply)) => {
                    all.push(client.decrypt(&request, &reply).of(&self.replies)?);
                }
                (None, None) => break,
                (Some(_), None) => return Err(uneven(all.len(), "replies")),
                (None, Some(_)) => return Err(uneven(all.len(), "requests")),
            }
        }
        let json = json!({
            "inputs": all.len(),
            "scores": scores::json(&all, &classes),
        });
        Ok(Outcome::new(scores::text(&all, &classes), json))
    }
}

fn uneven(count: usize, what: &str) -> Failure {
    Failure::Call(format!(
        "there are {count} {what} only, but every reply needs its request"
    ))
}
