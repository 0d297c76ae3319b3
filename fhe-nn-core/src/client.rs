//! The client's half: secret keys, which encrypt inputs and decrypt scores and never leave this folder but under
//! a passphrase, or where a caller asks for it by name.

#[cfg(feature = "passphrase")]
mod at_rest;
mod bootstrap;
mod input;
mod key;
mod keyswitch;
mod noise;
mod product;
mod random;
mod secret;
mod secrets;
mod stored;

#[cfg(feature = "passphrase")]
pub use at_rest::Passphrase;
pub use key::ClientKey;
pub use stored::{Protection, StoredKey};
