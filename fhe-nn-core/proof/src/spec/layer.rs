//! One field of a declaration.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::layers::Op;

/// One field of the declared struct.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the field.
    pub name: Cow<'static, str>,
    /// What the layer reads, if it is not the one before: 0 is the input, `i + 1` the result of layer i.
    #[serde(default, skip_serializing_if = "<[usize]>::is_empty")]
    pub sources: Cow<'static, [usize]>,
    /// What the layer computes.
    pub op: Op,
}

impl Layer {
    /// A layer from compile-time parts, which reads the one before.
    pub const fn new(name: &'static str, op: Op) -> Self {
        Layer {
            name: Cow::Borrowed(name),
            sources: Cow::Borrowed(&[]),
            op,
        }
    }

    /// A layer from compile-time parts, which reads these tensors: 0 is the input, `i + 1` the result of
    /// layer i.
    pub const fn reading(name: &'static str, sources: &'static [usize], op: Op) -> Self {
        Layer {
            name: Cow::Borrowed(name),
            sources: Cow::Borrowed(sources),
            op,
        }
    }
}
