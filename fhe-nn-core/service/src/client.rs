//! The client of a service: it fetches descriptions, sends evaluation keys, asks for inferences, and checks receipts.
//!
//! ```no_run
//! use fhe_nn_core::ClientKey;
//! use fhe_nn_service::{Client, Upload};
//!
//! # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:8080").build()?;
//! let model = "digits".parse()?;
//! let description = client.description(&model).await?;
//!
//! let key = ClientKey::generate(description.plan())?; // stays here
//! let upload = Upload::of(&key.evaluation_key()?); // goes to the server, once
//! let session = client.session(&model, key, upload).await?;
//! let scores = session.infer(&[0.0; 784]).await?;
//! println!("{}", scores.argmax());
//! # Ok(())
//! # }
//! ```
//!
//! The secret key, the inputs and the scores stay with the client. What is safe to repeat, which is everything but
//! `DELETE`, is repeated for a time if the server does not answer or asks to come back.

pub mod blocking;

mod again;
mod builder;
mod calls;
mod error;
mod event;
mod session;
mod transport;
mod upload;

pub use builder::ClientBuilder;
pub use calls::{Asked, Client, KeyStatus};
pub use error::ClientError;
pub use event::Event;
pub use session::{Answer, Session};
pub use upload::Upload;
