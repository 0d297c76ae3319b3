use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fhe_nn_core::{ClientKey, Description};
use fhe_nn_service::client::{Answer, Event};
use fhe_nn_service::protocol::{ModelName, PublishedKeys};
use fhe_nn_service::{Upload, blocking};
use serde_json::json;

use super::encrypt::load;
use super::keygen::{KeyFiles, evaluation_key};
use crate::clamped::Clamped;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::outcome::{self, Outcome};
use crate::output::{self, Secrecy};
use crate::passphrase::Source;
use crate::progress::Bar;
use crate::rows::Rows;
use crate::scores;
use crate::server_key::ServerKey;

/// Ask a server for inferences: encrypt rows, send them, check the receipts, and decrypt the replies.
///
/// Keys are made if there are none. The evaluation key is sent if the server does not have it.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("passphrase_file", |own| own.requires("key")),
    mut_arg("unprotected", |own| own.requires("key"))
)]
pub(crate) struct Args {
    #[command(flatten)]
    connection: Connection,
    /// The name of the model at the server.
    #[arg(long, value_name = "NAME")]
    model: ModelName,
    #[command(flatten)]
    rows: Rows,
    /// The secret key. If there is no such file, new keys are made and stored; without this option they are made for
    /// this call alone.
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// The evaluation key [default: the key's name with `.eval`].
    #[arg(long, value_name = "FILE", requires = "key")]
    evaluation_key: Option<PathBuf>,
    #[command(flatten)]
    passphrase: Source,
    /// The public key that receipts must be signed with: 64 hexadecimal digits, a description, or the answer to
    /// `GET /v1/receipt-keys` [default: the key in the description that the server gives].
    #[arg(long, value_name = "KEY")]
    server_key: Option<ServerKey>,
    /// Save receipts, with the requests and replies that they are about, in this folder.
    #[arg(long, value_name = "DIR")]
    receipts: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let rows = self.rows.read()?;
        if let Some(folder) = &self.receipts {
            fs::create_dir_all(folder).map_err(|source| Failure::Write {
                path: folder.clone(),
                source,
            })?;
        }
        let trusted = self.server_key.as_ref().map(ServerKey::keys).transpose()?;
        let client = self.client(trusted, rows.nrows())?;
        let description = client.description(&self.model)?;
        let (key, upload) = self.keys(&description)?;
        let session = client.session_of(&self.model, &description, key, upload)?;
        let answers = session.infer_all(rows.view());
        if self.key.is_none() {
            // nobody will ever use it again
            if let Err(refused) = session.forget_key() {
                outcome::tell(&format!(
                    "note: the server keeps the evaluation key: {refused}"
                ));
            }
        }
        let answers = answers?;
        let mut saved = Vec::new();
        if let Some(folder) = &self.receipts {
            for answer in &answers {
                saved.extend(save(answer, folder)?);
            }
        }
        let clamped: Vec<usize> = answers.iter().flat_map(|one| one.clamped.clone()).collect();
        let checked = answers.iter().filter(|one| one.receipt.is_some()).count();
        let all: Vec<_> = answers.into_iter().flat_map(|one| one.scores).collect();
        let classes = description.classes();
        let mut text = scores::text(&all, classes);
        for path in &saved {
            text.push_str(&format!("receipt: {path}\n"));
        }
        if checked == 0 {
            text.push_str("note: the server does not sign receipts\n");
        }
        let json = json!({
            "inputs": all.len(),
            "scores": scores::json(&all, classes),
            "receipts_checked": checked,
            "receipts": saved,
        });
        Ok(Clamped::of(&clamped).told(Outcome::new(text, json)))
    }

    /// Returns the client, which tells a person what it does.
    fn client(
        &self,
        trusted: Option<PublishedKeys>,
        rows: usize,
    ) -> Result<blocking::Client, Failure> {
        let teller = Arc::new(Mutex::new(Teller::new(rows)));
        let mut builder = self.connection.builder()?.on_event(move |event| {
            teller
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .hear(event);
        });
        if let Some(keys) = trusted {
            builder = builder.server_identities(keys);
        }
        Ok(blocking::Client::new(builder.build()?)?)
    }

    /// Loads the keys, or makes them.
    fn keys(&self, description: &Description) -> Result<(ClientKey, Upload), Failure> {
        let plan = description.plan();
        let Some(secret) = self.key.clone() else {
            let client = ClientKey::generate(plan)?;
            let upload = Upload::of(&evaluation_key(&client)?);
            return Ok((client, upload));
        };
        let evaluation = self.evaluation_key.clone();
        let evaluation = evaluation.unwrap_or_else(|| secret.with_added_extension("eval"));
        let files = KeyFiles {
            secret: &secret,
            evaluation: &evaluation,
            force: false,
        };
        let client = if secret.exists() {
            let client = load(&secret, &self.passphrase)?;
            client.check(plan)?;
            if !evaluation.exists() {
                files.draft(&evaluation_key(&client)?)?.put(false)?;
            }
            client
        } else {
            files.check()?;
            files.generate(plan, &self.passphrase)?.0
        };
        Ok((client, Upload::from_file(evaluation)?))
    }
}

/// Saves a receipt with what it is about. The name of the files follows from the requests.
fn save(answer: &Answer, folder: &Path) -> Result<Option<String>, Failure> {
    let Some(receipt) = &answer.receipt else {
        return Ok(None);
    };
    let name = receipt.claims().requests.to_string();
    let place = folder.join(&name[..16]);
    let path = place.with_added_extension("receipt");
    let text = format!("{receipt}\n");
    for (path, bytes) in [
        (place.with_added_extension("requests"), &answer.requests[..]),
        (place.with_added_extension("replies"), &answer.replies[..]),
        (path.clone(), text.as_bytes()),
    ] {
        output::write(&path, false, Secrecy::Public, bytes)?;
    }
    Ok(Some(path.display().to_string()))
}

/// Tells a person what the client does.
struct Teller {
    rows: usize,
    answered: usize,
    waits: bool,
    bar: Option<Bar>,
}

impl Teller {
    fn new(rows: usize) -> Self {
        Teller {
            rows,
            answered: 0,
            waits: false,
            bar: None,
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::KeyKnown => outcome::tell("the server has the evaluation key"),
            Event::KeySending { sent, total } => {
                let bar = self
                    .bar
                    .get_or_insert_with(|| Bar::new("sending the evaluation key"));
                bar.reach(sent as usize, total as usize);
            }
            Event::KeyStored => self.bar = None,
            Event::Waiting { state, .. } if !self.waits => {
                self.waits = true;
                outcome::tell(&format!("the server has accepted the requests ({state})"));
            }
            Event::Again {
                call,
                reason,
                after,
            } => {
                self.bar = None;
                let after = after.as_secs_f64();
                outcome::tell(&format!("{call}: {reason}; again in {after:.1} s"));
            }
            Event::Answered { requests } => {
                self.answered += requests;
                let bar = self.bar.get_or_insert_with(|| Bar::new("answered"));
                bar.reach(self.answered, self.rows);
            }
            _ => {}
        }
    }
}
