//! How a client's rows and outputs differ from the inputs and the scores of the network.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::outputs::Outputs;
use crate::spec::law::{Law, law};

/// What a client does around an imported network: it takes rows in the order of the imported model's input, and
/// makes the model's outputs of the scores. A network that was declared by hand needs neither.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    /// For each value of the network's input, its place in the client's row; `None` if rows have the network's own
    /// order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Cow<'static, [usize]>>,
    /// What the client makes of the scores; `None` if the outputs are the scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Outputs>,
}

impl Interface {
    /// Rows in the network's own order, and outputs that are the scores.
    pub const OWN: Interface = Interface {
        order: None,
        outputs: None,
    };

    /// Whether rows and outputs are the network's own.
    pub fn is_own(&self) -> bool {
        self.order.is_none() && self.outputs.is_none()
    }

    /// The place in the client's row of a value of the network's input.
    pub fn place(&self, value: usize) -> usize {
        match &self.order {
            Some(order) => order.get(value).copied().unwrap_or(value),
            None => value,
        }
    }

    /// Number of outputs that a client makes of `scores` scores.
    pub fn output_len(&self, scores: usize) -> usize {
        let outputs = self.outputs.as_ref();
        outputs.map_or(scores, |outputs| outputs.combinations.len())
    }

    /// The outputs that the client makes of scores in reals.
    pub fn outputs(&self, scores: Vec<f64>) -> Vec<f64> {
        match &self.outputs {
            Some(outputs) => outputs.of(&scores),
            None => scores,
        }
    }

    /// The laws of an interface of a network with this many input values and scores, whose inputs may be tokens.
    pub(crate) fn laws(&self, inputs: usize, tokens: bool, scores: usize) -> Result<(), Law> {
        if let Some(order) = &self.order {
            law(!tokens, "tokens come in the network's own order")?;
            let mut sorted = order.to_vec();
            sorted.sort_unstable();
            law(
                sorted.into_iter().eq(0..inputs),
                "an order of inputs has the place of each value once",
            )?;
        }
        match &self.outputs {
            Some(outputs) => outputs.laws(scores),
            None => Ok(()),
        }
    }
}
