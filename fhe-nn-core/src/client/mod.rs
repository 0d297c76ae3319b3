//! The client's half: secret keys, which encrypt inputs and decrypt scores and never leave this folder.

mod bootstrap;
mod key;
mod keyswitch;
mod random;
mod secret;

pub use key::ClientKey;
