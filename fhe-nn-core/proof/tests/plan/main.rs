//! The laws of plans: whatever the requirements, what is found keeps every constraint, and nothing near
//! it is better.

mod chain;
mod deep;
mod exhaustive;
mod golden;
mod graphs;
mod laws;
mod memory;
mod neighbours;
mod price;
mod published;
mod recompute;
mod refusals;
