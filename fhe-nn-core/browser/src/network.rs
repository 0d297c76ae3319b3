//! A network as a server describes it.

use fhe_nn_core::{ClientKey, Description};
use js_sys::Uint8Array;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, UnwrapThrowExt};
use zeroize::Zeroizing;

use crate::facts::{self, Facts};
use crate::key::Key;

/// The largest evaluation key that is made in a browser, in bytes as it travels: a module has 4 GB of memory, and the key
/// is in it twice while it is handed over.
const MAX_KEY_BYTES: u64 = 1_000_000_000;

/// A network as a server describes it: all that is needed to make keys, and no weights.
#[wasm_bindgen]
pub struct Network {
    description: Description,
}

#[wasm_bindgen]
impl Network {
    /// Reads a description. Everything in it is checked, so it may come from anywhere.
    ///
    /// # Errors
    /// Those of [`Description::from_bytes`].
    #[wasm_bindgen(constructor)]
    pub fn new(description: &[u8]) -> Result<Network, JsError> {
        let description = Description::from_bytes(description)?;
        Ok(Network { description })
    }

    /// Returns what a page shows of the network, as a JSON object.
    pub fn facts(&self) -> String {
        let facts = Facts::of(&self.description);
        serde_json::to_string(&facts).expect_throw("facts are numbers and strings")
    }

    /// Returns the lowest and the highest value that each value of an input can stand for, one pair after the other in
    /// the order of a client's row. Values beyond are clamped.
    pub fn ranges(&self) -> Vec<f64> {
        facts::ranges(self.description.client_spec())
    }

    /// Generates new secret keys.
    ///
    /// # Errors
    /// Those of [`ClientKey::generate_within`].
    pub fn generate(&self) -> Result<Key, JsError> {
        let plan = self.description.plan();
        Ok(Key::new(ClientKey::generate_within(plan, MAX_KEY_BYTES)?))
    }

    /// Reads secret keys that [`Key::to_bytes`] returned.
    ///
    /// # Errors
    /// Those of [`ClientKey::from_unprotected_bytes`], and
    /// [`KeyOfAnotherPlan`](fhe_nn_core::Error::KeyOfAnotherPlan) if they were made for another
    /// network, or for another version of this one.
    pub fn open(&self, bytes: &Uint8Array) -> Result<Key, JsError> {
        let bytes = Zeroizing::new(bytes.to_vec());
        let client = ClientKey::from_unprotected_bytes(&bytes)?;
        client.check(self.description.plan())?;
        Ok(Key::new(client))
    }
}
