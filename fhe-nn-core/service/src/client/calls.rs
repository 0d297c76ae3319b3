//! The calls of the protocol.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fhe_nn_core::Description;
use reqwest::Method;
use reqwest::header::{EXPIRES, HeaderName, LAST_MODIFIED};
use serde::de::DeserializeOwned;

use super::transport::{Answered, Call, Content, Transport};
use super::{ClientBuilder, ClientError, Event, Upload, again};
use crate::protocol::headers::{self, content};
use crate::protocol::{
    Accepted, Hash, JobName, ModelList, ModelName, ProblemKind, PublishedKeys, Receipt, paths,
};

/// The most bytes of an answer in JSON that are read.
const JSON_LIMIT: u64 = 4 << 20;
/// How often an inference is asked for anew that the server accepted and lost.
const LOST: u32 = 3;

/// A client of one service. Clones are cheap, and share connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: Transport,
    wait: Duration,
    trusted: Option<PublishedKeys>,
}

/// What a server says about an evaluation key that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyStatus {
    /// Since when it has the key.
    pub since: Option<SystemTime>,
    /// Until when it keeps the key if nobody uses it.
    pub until: Option<SystemTime>,
}

/// The answer to an inference, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The replies, one after the other.
    pub replies: Bytes,
    /// The receipt, which was not checked yet.
    pub receipt: Option<Receipt>,
}

impl Client {
    /// Begins to make a client of the server at this address.
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    pub(super) fn new(
        transport: Transport,
        wait: Duration,
        trusted: Option<PublishedKeys>,
    ) -> Self {
        Client(Arc::new(Inner {
            transport,
            wait,
            trusted,
        }))
    }

    /// Returns the models of the server.
    ///
    /// # Errors
    /// [`ClientError::Untrusted`], [`ClientError::NoAnswer`], [`ClientError::Problem`] and [`ClientError::Answer`].
    pub async fn models(&self) -> Result<ModelList, ClientError> {
        self.json(paths::MODELS).await
    }

    /// Returns the description of the newest version of a model.
    ///
    /// # Errors
    /// Those of [`Client::models`].
    pub async fn description(&self, model: &ModelName) -> Result<Description, ClientError> {
        let limit = Description::MAX_BYTES;
        let call = Call::new(Method::GET, paths::model(model, None), limit);
        let answered = self.expect(&call, &[200]).await?;
        Description::from_bytes(&answered.body).map_err(|reason| call.unusable(reason))
    }

    /// Returns the public keys that the server signs and signed receipts with.
    ///
    /// # Errors
    /// Those of [`Client::models`].
    pub async fn receipt_keys(&self) -> Result<PublishedKeys, ClientError> {
        self.json(paths::RECEIPT_KEYS).await
    }

    /// Returns what the server says about an evaluation key, or nothing if it does not have it from this tenant.
    ///
    /// # Errors
    /// Those of [`Client::models`].
    pub async fn key_status(&self, key: &Hash) -> Result<Option<KeyStatus>, ClientError> {
        let call = Call::new(Method::HEAD, paths::key(key), 0);
        match self.expect(&call, &[200]).await {
            Ok(answered) => Ok(Some(KeyStatus {
                since: date(&answered, LAST_MODIFIED),
                until: date(&answered, EXPIRES),
            })),
            // the answer to `HEAD` has no body that would tell a type
            Err(ClientError::Problem { problem, .. }) if problem.status() == 404 => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Sends an evaluation key, piece by piece. Returns whether the server did not have it from this tenant before.
    ///
    /// # Errors
    /// Those of [`Client::models`], and [`ClientError::KeyFile`].
    pub async fn send_key(&self, upload: &Upload) -> Result<bool, ClientError> {
        let mut call = Call::new(Method::PUT, paths::key(&upload.hash()), JSON_LIMIT);
        call.content = Content::Key(content::EVALUATION_KEY, upload);
        let answered = self.expect(&call, &[200, 201]).await?;
        self.tell(Event::KeyStored);
        Ok(answered.status == 201)
    }

    /// Makes sure that the server has an evaluation key, and sends it only if not.
    ///
    /// # Errors
    /// Those of [`Client::send_key`].
    pub async fn enroll(&self, upload: &Upload) -> Result<(), ClientError> {
        if self.key_status(&upload.hash()).await?.is_some() {
            self.tell(Event::KeyKnown);
        } else {
            self.send_key(upload).await?;
        }
        Ok(())
    }

    /// Makes the server forget an evaluation key. This call is not repeated if it fails.
    ///
    /// # Errors
    /// Those of [`Client::models`].
    pub async fn forget_key(&self, key: &Hash) -> Result<(), ClientError> {
        let call = Call::new(Method::DELETE, paths::key(key), JSON_LIMIT);
        let answered = self.0.transport.once(&call).await?;
        expected(&call, answered, &[204]).map(drop)
    }

    /// Asks for the inference of requests as they travel, one after the other, and waits for the replies, which may
    /// have `limit` bytes. Replies and receipt are not looked at: [`Session`](super::Session) does that.
    ///
    /// # Errors
    /// Those of [`Client::models`].
    pub async fn ask(
        &self,
        model: &ModelName,
        key: &Hash,
        requests: Bytes,
        limit: u64,
    ) -> Result<Asked, ClientError> {
        let limit = limit.max(JSON_LIMIT);
        let mut call = Call::new(Method::POST, paths::inferences(model), limit);
        call.headers = vec![
            (headers::KEY, key.to_string()),
            (headers::PREFER, headers::wait(self.0.wait)),
        ];
        call.content = Content::Bytes(content::REQUESTS, requests);
        call.wait = self.0.wait;
        let mut lost = 0;
        loop {
            let answered = self.expect(&call, &[200, 202]).await?;
            if answered.status == 200 {
                return asked(&call, answered);
            }
            let accepted: Accepted = read_json(&call, &answered)?;
            match self.poll(accepted, limit).await {
                Err(ClientError::Problem { problem, .. })
                    if problem.kind() == Some(ProblemKind::UnknownInference) && lost < LOST =>
                {
                    // it expired before it was fetched, or the server lost it: asking again does no harm
                    lost += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Asks for the replies of an accepted inference until they are there.
    async fn poll(&self, accepted: Accepted, limit: u64) -> Result<Asked, ClientError> {
        let name: JobName = accepted.inference;
        let mut call = Call::new(Method::GET, paths::inference(&name), limit);
        call.headers = vec![(headers::PREFER, headers::wait(self.0.wait))];
        call.wait = self.0.wait;
        let mut state = accepted.state;
        let mut next = 1;
        loop {
            self.tell(Event::Waiting {
                inference: name,
                state,
            });
            let began = tokio::time::Instant::now();
            let answered = self.expect(&call, &[200, 202]).await?;
            if answered.status == 200 {
                return asked(&call, answered);
            }
            state = read_json::<Accepted>(&call, &answered)?.state;
            // a server that holds its answers is asked again at once
            let pause = again::asked(&answered.headers).unwrap_or(again::pause(None, next));
            let held = began.elapsed();
            tokio::time::sleep(pause.saturating_sub(held)).await;
            next = next.saturating_add(1);
        }
    }

    /// Returns the keys that receipts must be signed with, if the caller of the builder chose some.
    pub(super) fn trusted(&self) -> Option<&PublishedKeys> {
        self.0.trusted.as_ref()
    }

    pub(super) fn tell(&self, event: Event) {
        (self.0.transport.listener)(event);
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let call = Call::new(Method::GET, path.to_owned(), JSON_LIMIT);
        let answered = self.expect(&call, &[200]).await?;
        read_json(&call, &answered)
    }

    /// Makes a call that may be repeated, whose answer must have one of these statuses.
    async fn expect(&self, call: &Call<'_>, statuses: &[u16]) -> Result<Answered, ClientError> {
        expected(call, self.0.transport.call(call).await?, statuses)
    }
}

fn expected(
    call: &Call<'_>,
    answered: Answered,
    statuses: &[u16],
) -> Result<Answered, ClientError> {
    if statuses.contains(&answered.status) {
        return Ok(answered);
    }
    Err(call.unusable(format!(
        "its status {} is none of {statuses:?}",
        answered.status
    )))
}

fn asked(call: &Call<'_>, answered: Answered) -> Result<Asked, ClientError> {
    let receipt = match answered.headers.get(headers::RECEIPT) {
        Some(value) => {
            let text = value.to_str().map_err(|reason| call.unusable(reason))?;
            Some(text.parse()?)
        }
        None => None,
    };
    Ok(Asked {
        replies: answered.body,
        receipt,
    })
}

fn read_json<T: DeserializeOwned>(call: &Call<'_>, answered: &Answered) -> Result<T, ClientError> {
    serde_json::from_slice(&answered.body).map_err(|reason| call.unusable(reason))
}

fn date(answered: &Answered, name: HeaderName) -> Option<SystemTime> {
    let value = answered.headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(value).ok()
}
