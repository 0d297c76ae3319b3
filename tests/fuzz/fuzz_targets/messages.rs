//! Any bytes are either a request, a reply or an evaluation key of a plan, or an error. A request or reply
//! that is read is written as the same bytes, and a server and a client survive it.
#![no_main]

use std::sync::OnceLock;

use fhe_nn_core::prelude::*;
use libfuzzer_sys::fuzz_target;

// the network of the guide's examples, with its floats and samples
include!("../../../fhe-nn-core/src/guide/majority.rs");

/// A client, what it sent, and what it received.
struct Exchange {
    client: ClientKey,
    plan: Plan,
    sent: Request,
    request: Vec<u8>,
    reply: Vec<u8>,
    /// The header of the evaluation key and some of what follows.
    key: Vec<u8>,
}

fn exchange() -> Result<Exchange, fhe_nn_core::Error> {
    let network = Majority::quantize(&floats()?, samples().view())?.network;
    let plan = network.plan(&PlanOptions::default())?;
    let client = ClientKey::generate(&plan)?;
    let evaluation = client.evaluation_key()?;
    let sent = client.encrypt(&[1.0, 0.0, 1.0])?;
    let reply = network.run_encrypted(&ServerKey::new(&evaluation), &sent)?;
    let mut key = evaluation.to_bytes();
    key.truncate(256);
    Ok(Exchange {
        client,
        request: sent.to_bytes(),
        reply: reply.to_bytes(),
        plan,
        sent,
        key,
    })
}

fuzz_target!(|bytes: &[u8]| {
    static EXCHANGE: OnceLock<Exchange> = OnceLock::new();
    let own = EXCHANGE.get_or_init(|| exchange().expect("a network with a plan"));
    let plan = &own.plan;
    for bytes in [bytes.to_vec(), changed(&own.request, bytes)] {
        if let Ok(request) = Request::from_bytes(&bytes, plan) {
            assert_eq!(request.to_bytes(), bytes);
        }
    }
    for bytes in [bytes.to_vec(), changed(&own.reply, bytes)] {
        if let Ok(reply) = Reply::from_bytes(&bytes, plan) {
            let again = Reply::from_bytes(&reply.to_bytes(), plan).expect("what was just written");
            assert_eq!(again, reply);
            let _ = own.client.decrypt(&own.sent, &reply);
        }
    }
    // a whole key takes too long for a fuzzer; these end too early
    for bytes in [bytes.to_vec(), changed(&own.key, bytes)] {
        assert!(EvaluationKey::from_bytes(&bytes, plan).is_err());
        assert!(EvaluationKey::read(bytes.as_slice(), plan).is_err());
    }
});

/// A message in which the bits of `bytes`, behind two for the place, are flipped from that place on. Bytes
/// beyond its end are appended.
fn changed(message: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut changed = message.to_vec();
    if let Some((place, flips)) = bytes.split_first_chunk() {
        let at = usize::from(u16::from_le_bytes(*place)) % (message.len() + 1);
        for (index, &flip) in flips.iter().enumerate() {
            match changed.get_mut(at + index) {
                Some(byte) => *byte ^= flip,
                None => changed.push(flip),
            }
        }
    }
    changed
}
