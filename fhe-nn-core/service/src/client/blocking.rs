//! The client for programs without an asynchronous runtime.
//!
//! ```no_run
//! use fhe_nn_core::ClientKey;
//! use fhe_nn_service::{Client, Upload, blocking};
//!
//! # fn ask() -> Result<(), Box<dyn std::error::Error>> {
//! let client = blocking::Client::new(Client::builder("http://127.0.0.1:8080").build()?)?;
//! let model = "digits".parse()?;
//! let key = ClientKey::generate(client.description(&model)?.plan())?;
//! let upload = Upload::of(&key.evaluation_key()?);
//! let session = client.session(&model, key, upload)?;
//! println!("{}", session.infer(&[0.0; 784])?.argmax());
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use fhe_nn_core::ndarray::ArrayView2;
use fhe_nn_core::{ClientKey, Description, Scores};
use tokio::runtime::{Builder, Runtime};

use super::{Answer, ClientError, KeyStatus, Upload};
use crate::protocol::{Hash, ModelList, ModelName, PublishedKeys};

/// A client whose calls return when they are done. Everything is sent and received on the thread that calls. It must not
/// be used within an asynchronous runtime.
#[derive(Clone)]
pub struct Client {
    client: super::Client,
    runtime: Arc<Runtime>,
}

/// Inferences of one model under one key.
pub struct Session {
    session: super::Session,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Makes a blocking client of one that was built.
    ///
    /// # Errors
    /// [`ClientError::Runtime`].
    pub fn new(client: super::Client) -> Result<Self, ClientError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = Arc::new(runtime.map_err(ClientError::Runtime)?);
        Ok(Client { client, runtime })
    }

    /// Returns the models of the server.
    ///
    /// # Errors
    /// Those of [`super::Client::models`].
    pub fn models(&self) -> Result<ModelList, ClientError> {
        self.runtime.block_on(self.client.models())
    }

    /// Returns the description of the newest version of a model.
    ///
    /// # Errors
    /// Those of [`super::Client::description`].
    pub fn description(&self, model: &ModelName) -> Result<Description, ClientError> {
        self.runtime.block_on(self.client.description(model))
    }

    /// Returns the public keys that the server signs and signed receipts with.
    ///
    /// # Errors
    /// Those of [`super::Client::receipt_keys`].
    pub fn receipt_keys(&self) -> Result<PublishedKeys, ClientError> {
        self.runtime.block_on(self.client.receipt_keys())
    }

    /// Returns what the server says about an evaluation key, or nothing if it does not have it from this tenant.
    ///
    /// # Errors
    /// Those of [`super::Client::key_status`].
    pub fn key_status(&self, key: &Hash) -> Result<Option<KeyStatus>, ClientError> {
        self.runtime.block_on(self.client.key_status(key))
    }

    /// Makes the server forget an evaluation key.
    ///
    /// # Errors
    /// Those of [`super::Client::forget_key`].
    pub fn forget_key(&self, key: &Hash) -> Result<(), ClientError> {
        self.runtime.block_on(self.client.forget_key(key))
    }

    /// Begins inferences of a model; see [`super::Client::session`].
    ///
    /// # Errors
    /// Those of [`super::Client::session`].
    pub fn session(
        &self,
        model: &ModelName,
        key: ClientKey,
        upload: Upload,
    ) -> Result<Session, ClientError> {
        let session = self.client.session(model, key, upload);
        self.with(self.runtime.block_on(session))
    }

    /// Begins inferences of a model whose description is at hand; see [`super::Client::session_of`].
    ///
    /// # Errors
    /// Those of [`super::Client::session_of`].
    pub fn session_of(
        &self,
        model: &ModelName,
        description: &Description,
        key: ClientKey,
        upload: Upload,
    ) -> Result<Session, ClientError> {
        let session = self.client.session_of(model, description, key, upload);
        self.with(self.runtime.block_on(session))
    }

    fn with(&self, session: Result<super::Session, ClientError>) -> Result<Session, ClientError> {
        Ok(Session {
            session: session?,
            runtime: self.runtime.clone(),
        })
    }
}

impl Session {
    /// Returns the scores of one row; see [`super::Session::infer`].
    ///
    /// # Errors
    /// Those of [`super::Session::infer`].
    pub fn infer(&self, row: &[f32]) -> Result<Scores, ClientError> {
        self.runtime.block_on(self.session.infer(row))
    }

    /// Asks for many rows; see [`super::Session::infer_all`].
    ///
    /// # Errors
    /// Those of [`super::Session::infer_all`].
    pub fn infer_all(&self, rows: ArrayView2<'_, f32>) -> Result<Vec<Answer>, ClientError> {
        self.runtime.block_on(self.session.infer_all(rows))
    }

    /// Asks for rows in one call; see [`super::Session::ask`].
    ///
    /// # Errors
    /// Those of [`super::Session::ask`].
    pub fn ask(&self, rows: ArrayView2<'_, f32>) -> Result<Answer, ClientError> {
        self.runtime.block_on(self.session.ask(rows))
    }

    /// Returns the SHA-256 of the evaluation key.
    pub fn key(&self) -> Hash {
        self.session.key()
    }

    /// Makes the server forget the evaluation key.
    ///
    /// # Errors
    /// Those of [`super::Session::forget_key`].
    pub fn forget_key(self) -> Result<(), ClientError> {
        self.runtime.block_on(self.session.forget_key())
    }
}
