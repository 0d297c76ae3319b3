use std::path::PathBuf;

use fhe_nn_core::Description;
use fhe_nn_service::Upload;
use fhe_nn_service::protocol::{Hash, Receipt};
use serde_json::json;

use super::describe::load_description;
use crate::bytes;
use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::server_key::ServerKey;

/// The most bytes of a receipt that are read.
const RECEIPT: u64 = 64 << 10;
/// The most bytes of requests and replies that are read.
const MESSAGES: u64 = Description::MAX_BYTES * 16;

/// Check a receipt without a server: who signed it, when, and whether it is about these requests and replies.
///
/// The exit code is 1 if the receipt is not right.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The receipt; `-` is standard input.
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// The requests as they were sent.
    #[arg(long, visible_alias = "request", value_name = "FILE")]
    requests: PathBuf,
    /// The replies as they came.
    #[arg(long, visible_alias = "reply", value_name = "FILE")]
    replies: PathBuf,
    /// The public key of the server: 64 hexadecimal digits, a description that the server gave, or the answer to
    /// `GET /v1/receipt-keys`, which has older keys as well.
    #[arg(long, value_name = "KEY")]
    server_key: ServerKey,
    /// Check that the receipt is about this evaluation key.
    #[arg(long, value_name = "FILE")]
    evaluation_key: Option<PathBuf>,
    /// Check that the receipt is about the model and plan of this description.
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let bytes = bytes::read(&self.receipt, RECEIPT)?;
        let receipt: Receipt = String::from_utf8_lossy(&bytes).trim().parse()?;
        let claims = receipt.claims();
        // what is not at hand is not compared
        let mut actual = claims;
        actual.requests = Hash::of(&bytes::read(&self.requests, MESSAGES)?);
        actual.replies = Hash::of(&bytes::read(&self.replies, MESSAGES)?);
        if let Some(path) = &self.evaluation_key {
            actual.evaluation_key = Upload::from_file(path)?.hash();
        }
        if let Some(path) = &self.description {
            let description = load_description(path)?;
            actual.model = description.plan().model.into();
            actual.plan = description.plan().fingerprint().into();
        }
        let verified = receipt.verify(&self.server_key.keys()?);
        let wrong = verified.and_then(|()| receipt.compare(&actual)).err();
        let time = humantime::format_rfc3339_seconds(receipt.time());
        let judged = match &wrong {
            None => {
                "right: the server signed that it gave these replies to these requests".to_owned()
            }
            Some(reason) => format!("wrong: {reason}"),
        };
        let compared = |is: bool| if is { "" } else { "  (not compared)" };
        let (with_key, with_plan) = (self.evaluation_key.is_some(), self.description.is_some());
        let text = format!(
            "{judged}\nsigned:          {time}, with the key {}\nmodel:           {}{plan}\nplan:            {}{plan}\nevaluation key:  {}{}\nrequests:        {}\nreplies:         {}",
            receipt.key(),
            claims.model,
            claims.plan,
            claims.evaluation_key,
            compared(with_key),
            claims.requests,
            claims.replies,
            plan = compared(with_plan),
        );
        let json = json!({
            "right": wrong.is_none(),
            "reason": wrong.as_ref().map(ToString::to_string),
            "key": receipt.key().to_string(),
            "time": time.to_string(),
            "model": claims.model,
            "plan": claims.plan,
            "evaluation_key": claims.evaluation_key,
            "requests": claims.requests,
            "replies": claims.replies,
            "plan_compared": with_plan,
            "evaluation_key_compared": with_key,
        });
        Ok(Outcome::new(text, json).with_right(wrong.is_none()))
    }
}
