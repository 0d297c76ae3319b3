//! A client's secret keys, and what it makes with them.

use fhe_nn_core::run::{Progress, Watch};
use fhe_nn_core::{ClientKey, Reply, Request};
use js_sys::{Function, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};

/// A client's secret keys. They are wiped when the object is freed.
#[wasm_bindgen]
pub struct Key {
    client: ClientKey,
}

/// An encrypted input.
#[wasm_bindgen]
pub struct Encrypted {
    request: Request,
}

/// What an inference returned, decrypted.
#[wasm_bindgen]
pub struct Outputs {
    reals: Vec<f64>,
    greatest: usize,
}

impl Key {
    pub(crate) fn new(client: ClientKey) -> Self {
        Key { client }
    }
}

#[wasm_bindgen]
impl Key {
    /// Returns the secret keys as bytes that are **not protected**: the caller encrypts them before they are kept.
    pub fn to_bytes(&self) -> Uint8Array {
        Uint8Array::from(&**self.client.to_unprotected_bytes())
    }

    /// Generates the key for the server, and calls `progress(done, total)` with numbers of bytes as it is made. Each call
    /// makes another key, which does the same.
    ///
    /// # Errors
    /// Those of [`ClientKey::evaluation_key`].
    pub fn evaluation_key(&self, progress: &Function) -> Result<Uint8Array, JsError> {
        let report = |at: Progress| {
            let (done, total) = (at.done as f64, at.total as f64);
            // a page that fails to show progress still gets its key
            let _ = progress.call2(&JsValue::NULL, &done.into(), &total.into());
        };
        let watch = Watch::new().with_progress(&report);
        let key = self.client.evaluation_key_watched(watch)?;
        Ok(Uint8Array::from(&*key.to_bytes()))
    }

    /// Encodes and encrypts one input, the real values of a client's row.
    ///
    /// # Errors
    /// Those of [`ClientKey::encrypt`].
    pub fn encrypt(&self, input: &[f32]) -> Result<Encrypted, JsError> {
        let request = self.client.encrypt(input)?;
        Ok(Encrypted { request })
    }

    /// Decrypts the reply to a request of this key.
    ///
    /// # Errors
    /// Those of [`Reply::from_bytes`] and [`ClientKey::decrypt`].
    pub fn decrypt(&self, request: &Encrypted, reply: &[u8]) -> Result<Outputs, JsError> {
        let reply = Reply::from_bytes(reply, self.client.plan())?;
        let scores = self.client.decrypt(&request.request, &reply)?;
        Ok(Outputs {
            reals: scores.reals().to_vec(),
            greatest: scores.argmax(),
        })
    }
}

#[wasm_bindgen]
impl Encrypted {
    /// The request as it travels.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Vec<u8> {
        self.request.to_bytes()
    }

    /// Number of input values beyond the range that the network knows, which were clamped to its ends.
    #[wasm_bindgen(getter)]
    pub fn clamped(&self) -> usize {
        self.request.clamped().unwrap_or(0)
    }
}

#[wasm_bindgen]
impl Outputs {
    /// The outputs in reals.
    #[wasm_bindgen(getter)]
    pub fn reals(&self) -> Vec<f64> {
        self.reals.clone()
    }

    /// Position of the greatest output, the first of equals.
    #[wasm_bindgen(getter)]
    pub fn greatest(&self) -> usize {
        self.greatest
    }
}
