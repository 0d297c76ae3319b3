//! A guide in nine pages: what you need to know to build, run and deploy an encrypted network.
//!
//! - [`quickstart`]: from an ONNX file, or from a struct of your own, to an encrypted answer.
//! - [`operators`]: every operator of ONNX, and what an import makes of it.
//! - [`widths`]: how to choose bit-widths, and what happens to a sum that leaves its accumulator.
//! - [`cost`]: what takes time and memory in an encrypted run, and what takes none.
//! - [`training`]: how to train a network for few bits.
//! - [`deploying`]: a client and a server on two machines, and what travels between them.
//! - [`formats`]: every byte that is stored or travels.
//! - [`security`]: what is promised, to whom, against whom, and what is not.
//! - [`glossary`]: every word of the field that this crate uses, in a sentence or two.
//!
//! The language of declarations has a reference of its own,
//! [`fhe_network`](macro@crate::fhe_network). Every example in the guide is compiled by the tests.

// Pages are always shown; their examples compile with the features that they use.

#[cfg_attr(
    any(
        not(doctest),
        all(feature = "import", feature = "client", feature = "engine")
    ),
    doc = include_str!("guide/quickstart.md")
)]
pub mod quickstart {}

#[doc = include_str!("guide/widths.md")]
pub mod widths {}

#[cfg_attr(any(not(doctest), feature = "engine"), doc = include_str!("guide/cost.md"))]
pub mod cost {}

#[cfg_attr(any(not(doctest), feature = "train"), doc = include_str!("guide/training.md"))]
pub mod training {}

#[cfg_attr(
    any(not(doctest), all(feature = "client", feature = "engine")),
    doc = include_str!("guide/deploying.md")
)]
pub mod deploying {}

#[cfg_attr(any(not(doctest), feature = "client"), doc = include_str!("guide/security.md"))]
pub mod security {}

#[doc = include_str!("guide/operators.md")]
pub mod operators {}

#[doc = include_str!("guide/formats.md")]
pub mod formats {}

#[doc = include_str!("guide/glossary.md")]
pub mod glossary {}
