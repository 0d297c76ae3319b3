use std::path::PathBuf;

use fhe_nn_core::run::Watch;
use fhe_nn_core::{Description, Execution, Model, Reply, Request, ServerKey};

use super::describe::load_description;
use super::run::load;
use crate::bytes;
use crate::failure::{Failure, Of};
use crate::messages;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::progress::Bar;

/// Run a model on encrypted inputs: the server's half, which needs no secret.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The quantized model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The description that the client's keys were made from.
    #[arg(long, value_name = "FILE")]
    description: PathBuf,
    /// The client's evaluation key.
    #[arg(long, value_name = "FILE")]
    evaluation_key: PathBuf,
    /// The requests; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,
    /// Number of threads [default: one for each core].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    threads: usize,
    #[command(flatten)]
    output: Output,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        self.output.check()?;
        let model = load(&self.model)?;
        let description = load_description(&self.description)?;
        check(&model, &description)?;
        let plan = description.plan();
        // opened before long work, so that a missing file is told at once
        let key = bytes::open(&self.evaluation_key)?;
        let mut from = bytes::open(&self.requests)?;
        let mut requests = Vec::new();
        while let Some(request) = Request::read(&mut from, plan).of(&self.requests)? {
            requests.push(request);
        }
        let bar = Bar::new("expanding the evaluation key");
        let show = |progress| bar.show(progress);
        let watch = Watch::new().with_progress(&show);
        let key = ServerKey::read_watched(key, plan, watch).of(&self.evaluation_key)?;
        drop(bar);

        let bar = Bar::new("bootstraps");
        let show = |progress| bar.show(progress);
        let execution = Execution::new()
            .with_threads(self.threads)
            .with_progress(&show);
        let replies = model.run_encrypted_batch(&key, &requests, &execution)?;
        drop(bar);
        let replies: Vec<Vec<u8>> = replies.iter().map(Reply::to_bytes).collect();
        messages::write(&self.output, "replies", &replies)
    }
}

/// # Errors
/// [`Failure::Call`] if the description is of another model.
fn check(model: &Model, description: &Description) -> Result<(), Failure> {
    let (own, described) = (model.fingerprint(), description.plan().model);
    if own == described {
        return Ok(());
    }
    Err(Failure::Call(format!(
        "the description was made for `{}` (model {}), but this is `{}` (model {})\n  = help: `fhe-nn describe` \
         makes a description of this model, which needs keys of its own",
        description.name(),
        hex::encode(&described[..8]),
        model.spec().name,
        hex::encode(&own[..8]),
    )))
}
