//! What a declaration says, as data: the constant `SPEC` that `#[fhe_network]` generates.
//!
//! A [`Spec`] is made of numbers and names only. It is built at compile time from borrowed
//! parts, and read back from a model file into owned ones.
//!
//! Layers read tensors: tensor 0 is the input, tensor `i + 1` the result of layer i.

mod declare;
pub(crate) mod flow;
pub(crate) mod flow_error;
pub(crate) mod function;
pub(crate) mod input;
pub(crate) mod law;
mod laws;
mod layer;
mod show;
pub(crate) mod tensor;
pub(crate) mod window;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use self::flow_error::FlowError;
pub use self::function::Function;
pub use self::input::{Encoding, Input, Scales, Tokens};
pub use self::layer::Layer;
pub use self::tensor::{Tensor, TensorKind};
pub use self::window::{Padding, Window, WindowError};
pub use crate::client::Interface;
pub use crate::layers::*;

/// A declared network: its input and its layers in execution order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Name of the declared struct.
    pub name: Cow<'static, str>,
    /// Shape and width of one input.
    pub input: Input,
    /// Layers in the order in which they run.
    pub layers: Cow<'static, [Layer]>,
    /// The order of a client's rows, and what it makes of the scores, for a network that was imported.
    #[serde(default, skip_serializing_if = "Interface::is_own")]
    pub interface: Interface,
}

impl Spec {
    /// An empty network, which stands in for one that did not compile.
    pub const EMPTY: Spec = Spec {
        name: Cow::Borrowed(""),
        input: Input::new(&[], 1),
        layers: Cow::Borrowed(&[]),
        interface: Interface::OWN,
    };

    /// A network from compile-time parts.
    pub const fn new(name: &'static str, input: Input, layers: &'static [Layer]) -> Self {
        Spec {
            name: Cow::Borrowed(name),
            input,
            layers: Cow::Borrowed(layers),
            interface: Interface::OWN,
        }
    }

    /// Number of values of one input, as the client passes them: a token counts as one value.
    pub fn input_len(&self) -> usize {
        self.input.shape.iter().product()
    }

    /// Number of scores; 0 for a network without layers, or one whose layers do not fit together.
    pub fn output_len(&self) -> usize {
        let tensors = self.flow().unwrap_or_default();
        if self.layers.is_empty() {
            return 0;
        }
        tensors.last().map_or(0, Tensor::len)
    }
}
