//! The store on NATS: what several processes share, and what is left when one of them ends.

mod keys;
mod program;
mod queue;
mod server;
