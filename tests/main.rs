//! What the crates promise together: encrypted equals clear, formulas equal tfhe's, nothing from outside is
//! believed. All of it is one program, which links what it needs once.

mod cases;
mod encoders;
mod execution;
mod formats;
mod formulas;
mod graphs;
mod imports;
mod parity;
mod random;
mod refusals;
mod roles;
mod ties;
mod training;
mod windows;
mod wire;
