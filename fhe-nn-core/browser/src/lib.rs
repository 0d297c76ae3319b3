//! The client of encrypted inference in a browser: a WebAssembly module that makes keys, encrypts inputs and decrypts
//! scores, so that a page can ask a server that never sees either.
//!
//! ```text
//! const network = new Network(description);            // what `GET /v1/models/{name}` returned
//! const key = network.generate();                      // secret
//! const evaluation = key.evaluation_key((done, total) => ..); // for `PUT /v1/keys/{sha256}`
//! const request = key.encrypt(input);                  // for `POST /v1/models/{name}/inferences`
//! const scores = key.decrypt(request.bytes, reply);    // scores.reals, scores.greatest
//! ```
//!
//! `build` beside this crate compiles it and puts the page together; `page` has the page's files.

mod facts;
mod key;
mod network;

pub use key::{Encrypted, Key, Outputs};
pub use network::Network;
