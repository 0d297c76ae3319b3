//! One field of a declaration.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::layers::Op;

/// One field of the declared struct.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Name of the field.
    pub name: Cow<'static, str>,
    /// The tensors that it reads: 0 is the input, `i + 1` the result of layer i. Empty if it reads the one
    /// before it.
    #[serde(default, skip_serializing_if = "<[usize]>::is_empty")]
    pub sources: Cow<'static, [usize]>,
    /// The operation of the layer.
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
