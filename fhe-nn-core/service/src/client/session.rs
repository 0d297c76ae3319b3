//! Inferences of one model under one key.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use fhe_nn_core::ndarray::{ArrayView2, Axis};
use fhe_nn_core::{ClientKey, Description, Reply, Request, Scores};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{Asked, Client, ClientError, Event, Upload};
use crate::protocol::{
    Claims, Hash, MAX_BATCH, ModelName, ProblemKind, PublishedKeys, Receipt, ReceiptError,
};

/// Rows that one call has, if there are many.
const ROWS: usize = 8;
/// Calls that are on their way at once, so that the server has the next one when it has finished one.
const CALLS: usize = 2;
/// More bytes than a header of a reply has.
const HEADER: u64 = 128;

/// Inferences of one model under one key. The secret key stays here.
pub struct Session {
    client: Client,
    model: ModelName,
    key: ClientKey,
    upload: Upload,
    /// The keys of the server that receipts are checked by. There is none if the server does not sign.
    keys: Mutex<Option<PublishedKeys>>,
}

/// The answer to one call: the scores of its rows, and what proves them.
pub struct Answer {
    /// The scores of each row.
    pub scores: Vec<Scores>,
    /// For each row the number of values beyond the calibrated range, which were clamped.
    pub clamped: Vec<usize>,
    /// The requests as they were sent, one after the other.
    pub requests: Bytes,
    /// The replies as they came, one after the other.
    pub replies: Bytes,
    /// The receipt for both, whose signature was checked. There is none if the server does not sign.
    pub receipt: Option<Receipt>,
}

impl Client {
    /// Begins inferences of a model: fetches its description, checks that the key belongs to it, and makes sure that the
    /// server has the evaluation key.
    ///
    /// # Errors
    /// Those of [`Client::description`] and [`Client::enroll`], and [`ClientError::Core`] if the key is of another model.
    pub async fn session(
        &self,
        model: &ModelName,
        key: ClientKey,
        upload: Upload,
    ) -> Result<Session, ClientError> {
        let description = self.description(model).await?;
        self.session_of(model, &description, key, upload).await
    }

    /// Begins inferences of a model whose description is at hand.
    ///
    /// # Errors
    /// Those of [`Client::session`].
    pub async fn session_of(
        &self,
        model: &ModelName,
        description: &Description,
        key: ClientKey,
        upload: Upload,
    ) -> Result<Session, ClientError> {
        key.check(description.plan())?;
        self.enroll(&upload).await?;
        Ok(Session {
            client: self.clone(),
            model: model.clone(),
            key,
            upload,
            keys: Mutex::new(self.keys_of(description)),
        })
    }

    /// Returns the keys that receipts are checked by.
    fn keys_of(&self, description: &Description) -> Option<PublishedKeys> {
        let published = description.server_identity().copied();
        let published = published.map(PublishedKeys::single);
        self.trusted().cloned().or(published)
    }
}

impl Session {
    /// Returns the scores of one row, whose receipt was checked.
    ///
    /// # Shapes
    /// `row`: the real values of one input in row-major order.
    ///
    /// # Errors
    /// Those of [`Session::ask`].
    pub async fn infer(&self, row: &[f32]) -> Result<Scores, ClientError> {
        let row = ArrayView2::from_shape((1, row.len()), row).expect("one row has all values");
        let answer = self.ask(row).await?;
        Ok(answer
            .scores
            .into_iter()
            .next()
            .expect("one row has scores"))
    }

    /// Asks for many rows, some of them with each call, and gives the answers in their order.
    ///
    /// # Shapes
    /// `rows`: `[rows, values of one row]`.
    ///
    /// # Errors
    /// Those of [`Session::ask`]. Answers that came before an error are lost.
    pub async fn infer_all(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Answer>, ClientError> {
        let calls: Vec<_> = rows.axis_chunks_iter(Axis(0), ROWS).collect();
        let answers = stream::iter(calls.into_iter().map(|rows| self.ask(rows)));
        answers.buffered(CALLS).try_collect().await
    }

    /// Encrypts rows, asks for their inference in one call, checks the receipt, and decrypts the replies.
    ///
    /// # Shapes
    /// `rows`: `[rows, values of one row]`, at most [`MAX_BATCH`] rows.
    ///
    /// # Errors
    /// [`ClientError::Rows`]; those of the calls; [`ClientError::Receipt`] and [`ClientError::NoReceipt`];
    /// [`ClientError::Core`] for rows that are not inputs, and for replies that are not the ones to these requests.
    pub async fn ask(&self, rows: ArrayView2<'_, f32>) -> Result<Answer, ClientError> {
        let count = rows.nrows();
        if count == 0 || count > MAX_BATCH {
            let most = MAX_BATCH;
            return Err(ClientError::Rows { rows: count, most });
        }
        let encrypted = rows
            .rows()
            .into_iter()
            .map(|row| self.key.encrypt(&row.to_vec()));
        let encrypted: Vec<Request> = encrypted.collect::<Result<_, _>>()?;
        let requests: Vec<Vec<u8>> = encrypted.iter().map(Request::to_bytes).collect();
        let requests = Bytes::from(requests.concat());
        let Asked { replies, receipt } = self.asked(requests.clone(), count as u64).await?;
        self.check(&requests, &replies, receipt.as_ref()).await?;
        let scores = self.decrypt(&encrypted, &replies)?;
        self.client.tell(Event::Answered { requests: count });
        Ok(Answer {
            scores,
            // a new request has its count
            clamped: encrypted
                .iter()
                .map(|one| one.clamped().unwrap_or(0))
                .collect(),
            requests,
            replies,
            receipt,
        })
    }

    /// Returns the SHA-256 of the evaluation key.
    pub fn key(&self) -> Hash {
        self.upload.hash()
    }

    /// Makes the server forget the evaluation key, after which this session is of no use.
    ///
    /// # Errors
    /// Those of [`Client::forget_key`].
    pub async fn forget_key(self) -> Result<(), ClientError> {
        self.client.forget_key(&self.upload.hash()).await
    }

    /// Asks, and sends the evaluation key once more if it has expired meanwhile.
    async fn asked(&self, requests: Bytes, count: u64) -> Result<Asked, ClientError> {
        let key = self.upload.hash();
        let limit = count.saturating_mul(self.key.plan().reply_bytes().saturating_add(HEADER));
        let ask = || self.client.ask(&self.model, &key, requests.clone(), limit);
        match ask().await {
            Err(ClientError::Problem { problem, .. })
                if problem.kind() == Some(ProblemKind::UnknownKey) =>
            {
                self.client.send_key(&self.upload).await?;
                ask().await
            }
            answer => answer,
        }
    }

    /// Checks that the receipt is about these requests and replies, and that the server signed it.
    async fn check(
        &self,
        requests: &[u8],
        replies: &[u8],
        receipt: Option<&Receipt>,
    ) -> Result<(), ClientError> {
        let Some(keys) = self.keys() else {
            return Ok(());
        };
        let receipt = receipt.ok_or(ClientError::NoReceipt)?;
        let plan = self.key.plan();
        receipt.compare(&Claims {
            model: plan.model.into(),
            plan: plan.fingerprint().into(),
            evaluation_key: self.upload.hash(),
            requests: Hash::of(requests),
            replies: Hash::of(replies),
        })?;
        match receipt.verify(&keys) {
            // a server may have a new key since the session began, which it publishes as it published the first
            Err(ReceiptError::UnknownKey(_)) if self.client.trusted().is_none() => {
                let description = self.client.description(&self.model).await?;
                self.key.check(description.plan())?;
                let keys = self
                    .client
                    .keys_of(&description)
                    .ok_or(ClientError::NoReceipt)?;
                receipt.verify(&keys)?;
                *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
                Ok(())
            }
            verified => Ok(verified?),
        }
    }

    fn keys(&self) -> Option<PublishedKeys> {
        let keys = self.keys.lock();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn decrypt(&self, requests: &[Request], replies: &[u8]) -> Result<Vec<Scores>, ClientError> {
        let mut rest = replies;
        let scores = requests.iter().map(|request| {
            let reply = Reply::read(&mut rest, self.key.plan())?;
            let reply = reply.ok_or_else(|| unpaired(requests.len(), "fewer"))?;
            Ok(self.key.decrypt(request, &reply)?)
        });
        let scores = scores.collect::<Result<_, ClientError>>()?;
        if rest.is_empty() {
            Ok(scores)
        } else {
            Err(unpaired(requests.len(), "more"))
        }
    }
}

fn unpaired(requests: usize, which: &str) -> ClientError {
    ClientError::Answer {
        call: "POST inferences".to_owned(),
        reason: format!("it has {which} replies than the {requests} requests that were sent"),
    }
}
