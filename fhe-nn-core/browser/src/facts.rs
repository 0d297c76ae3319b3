//! What a page shows of a network.

use fhe_nn_core::Description;
use fhe_nn_core::proof::client::ClientSpec;
use fhe_nn_core::proof::widths::Range;
use serde::Serialize;

/// What a page shows of a network. JavaScript's numbers are exact up to 2^53, so bytes are.
#[derive(Debug, Serialize)]
pub(crate) struct Facts<'a> {
    /// Name of the network.
    name: &'a str,
    /// The plan's fingerprint in hexadecimal digits: keys belong to it.
    fingerprint: String,
    /// The model's fingerprint in hexadecimal digits.
    model: String,
    /// Number of values of one input; for a text, its number of tokens.
    inputs: usize,
    /// Number of tokens that there are, if inputs are tokens.
    vocabulary: Option<usize>,
    /// Number of outputs.
    outputs: usize,
    /// The name of each output's class, or nothing if the classes have no names.
    classes: &'a [String],
    /// Size of the evaluation key's parts, in bytes.
    evaluation_key_bytes: u64,
    /// Number of table lookups under encryption in one inference.
    bootstraps: u32,
    /// Logarithm to base 2 of a bound on the probability that anything in one inference is wrong.
    log2_failure: f64,
    /// The Ed25519 public key that the server signs receipts with, in hexadecimal digits.
    server_identity: Option<String>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(description: &'a Description) -> Self {
        let (plan, client) = (description.plan(), description.client_spec());
        Facts {
            name: description.name(),
            fingerprint: hex::encode(plan.fingerprint()),
            model: hex::encode(plan.model),
            inputs: client.inputs,
            vocabulary: client.tokens.map(|tokens| tokens.vocabulary),
            outputs: client.output_len(),
            classes: description.classes(),
            evaluation_key_bytes: plan.evaluation_key_bytes(),
            bootstraps: plan.bootstraps(),
            log2_failure: plan.log2_failure(),
            server_identity: description.server_identity().map(hex::encode),
        }
    }
}

/// Returns the lowest and the highest value that each value of an input can stand for, one pair after the other in
/// the order of a client's row.
pub(crate) fn ranges(client: &ClientSpec) -> Vec<f64> {
    let count = client.inputs;
    let levels = match client.tokens {
        Some(tokens) => Range {
            lo: 0,
            hi: tokens.vocabulary as i64 - 1,
        },
        None => Range::unsigned(client.input_bits),
    };
    let mut ranges = vec![0.0; 2 * count];
    for index in 0..count {
        let place = 2 * client.interface.place(index);
        ranges[place] = client.encoder.real((index, count), levels.lo);
        ranges[place + 1] = client.encoder.real((index, count), levels.hi);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use fhe_nn_core::prelude::{Model, PlanOptions};
    use fhe_nn_core::proof::client::{Affine, Interface};
    use fhe_nn_core::proof::spec::{Encoding, Tokens};
    use serde_json::{Value, json};

    use super::*;

    fn digits() -> Description {
        let path = "../../examples/data/digits.quantized.safetensors";
        let model = Model::load(path).expect("the example's model is in the repository");
        let plan = model.plan(&PlanOptions::default());
        Description::new(plan.expect("the example has a plan")).expect("it is a plan of ours")
    }

    #[test]
    fn facts_are_those_of_the_plan() {
        let description = digits();
        let facts = serde_json::to_value(Facts::of(&description)).expect("facts are data");
        let plan = description.plan();
        assert_eq!(facts["name"], "Digits");
        assert_eq!(facts["fingerprint"], hex::encode(plan.fingerprint()));
        assert_eq!(
            (&facts["inputs"], &facts["outputs"]),
            (&json!(784), &json!(10))
        );
        assert_eq!(facts["evaluation_key_bytes"], plan.evaluation_key_bytes());
        assert_eq!(facts["bootstraps"], 60);
        let absent = [&facts["vocabulary"], &facts["server_identity"]];
        assert_eq!(absent, [&Value::Null, &Value::Null]);
        let signed = description.with_server_identity([7; 32]);
        let facts = serde_json::to_value(Facts::of(&signed)).expect("facts are data");
        assert_eq!(facts["server_identity"], "07".repeat(32));
    }

    #[test]
    fn ranges_are_in_the_order_of_a_row() {
        let mut client = digits().client_spec().clone();
        assert_eq!(ranges(&client), [0.0, 1.0].repeat(784));
        let affine = |scale, zero_point| Affine { scale, zero_point };
        client.inputs = 3;
        client.input_bits = 2;
        client.encoder.affines = vec![affine(1.0, 0), affine(0.5, 1), affine(2.0, 3)].into();
        client.interface = Interface {
            order: Some(Cow::Borrowed(&[2, 0, 1])),
            outputs: None,
        };
        assert_eq!(ranges(&client), [-0.5, 1.0, -6.0, 0.0, 0.0, 3.0]);
    }

    #[test]
    fn tokens_range_over_the_vocabulary() {
        let mut client = digits().client_spec().clone();
        client.inputs = 2;
        client.tokens = Some(Tokens {
            vocabulary: 9,
            encoding: Encoding::Number,
        });
        client.encoder = fhe_nn_core::proof::encoder::Encoder::TOKENS;
        assert_eq!(ranges(&client), [0.0, 8.0, 0.0, 8.0]);
    }
}
