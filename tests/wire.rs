//! Keys and messages travel as bytes, and nothing from outside is trusted. Every mistake is an error
//! that says which things do not go together.

mod keys;
mod plans;
mod shared;

use std::io::Read;

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;

use self::shared::{HEADER, INPUT, Shared, Small, shared};

#[test]
fn a_server_made_from_bytes_alone_gives_the_right_result() {
    let Shared {
        network,
        plan,
        client,
        evaluation,
        ..
    } = shared();
    // everything that the server receives, and everything that it sends back
    let (network, plan) = (network.to_bytes(), serde_json::to_vec(plan).expect("data"));
    let server = evaluation.to_bytes();
    let asked = shared().request();
    let request = asked.to_bytes();
    let reply = {
        let network = Small::from_bytes(&network).expect("as saved");
        let plan = serde_json::from_slice(&plan).expect("as saved");
        let server = EvaluationKey::from_bytes(&server, &plan).expect("as sent");
        let server = ServerKey::new(&server);
        let request = Request::from_bytes(&request, &plan).expect("as sent");
        network
            .run_encrypted(&server, &request)
            .expect("they go together")
            .to_bytes()
    };
    let reply = Reply::from_bytes(&reply, &shared().plan).expect("as sent");
    let clear = shared().network.run(&INPUT).expect("finite");
    assert_eq!(
        client.decrypt(&asked, &reply).expect("the client's own"),
        clear
    );
}

#[test]
fn messages_are_of_the_size_that_the_plan_says() {
    let plan = &shared().plan;
    let keys = plan.new_keys();
    let keys = keys
        .iter()
        .map(|(.., is_new)| usize::from(is_new.bootstrapping) + usize::from(is_new.keyswitching));
    let seeds = 16 * (keys.sum::<usize>() + plan.output.keyswitch.iter().count());
    let key = HEADER + seeds + plan.evaluation_key_bytes() as usize + 32;
    assert_eq!(shared().evaluation.to_bytes().len(), key);
    let request = HEADER + 16 + plan.request_bytes() as usize;
    assert_eq!(shared().request().to_bytes().len(), request);
    assert_eq!(
        shared().reply().to_bytes().len(),
        HEADER + 16 + plan.reply_bytes() as usize
    );
}

#[test]
fn the_wrong_kind() {
    let plan = &shared().plan;
    let (request, reply) = (shared().request().to_bytes(), shared().reply().to_bytes());
    malformed(Reply::from_bytes(&request, plan), "of the kind `request`");
    malformed(Request::from_bytes(&reply, plan), "of the kind `reply`");
    malformed(
        EvaluationKey::from_bytes(&request, plan),
        "of the kind `request`",
    );
}

#[test]
fn bytes_missing_or_too_many() {
    let plan = &shared().plan;
    let mut bytes = shared().request().to_bytes();
    for length in 0..bytes.len() {
        malformed(Request::from_bytes(&bytes[..length], plan), "bytes");
    }
    bytes.push(0);
    malformed(Request::from_bytes(&bytes, plan), "bytes");

    let mut bytes = shared().reply().to_bytes();
    for length in cuts(&bytes) {
        malformed(Reply::from_bytes(&bytes[..length], plan), "bytes");
    }
    bytes.push(0);
    malformed(Reply::from_bytes(&bytes, plan), "bytes");

    let mut bytes = shared().evaluation.to_bytes();
    for length in cuts(&bytes) {
        malformed(EvaluationKey::from_bytes(&bytes[..length], plan), "bytes");
    }
    bytes.push(0);
    malformed(EvaluationKey::from_bytes(&bytes, plan), "bytes");
}

/// Lengths to cut a long message to: around its header, half-way, and just before its end.
fn cuts(bytes: &[u8]) -> [usize; 7] {
    let length = bytes.len();
    [0, 1, HEADER, HEADER + 1, length / 2, length - 8, length - 1]
}

#[test]
fn every_byte_of_a_header_counts() {
    let Shared {
        network,
        plan,
        server,
        ..
    } = shared();
    let bytes = shared().request().to_bytes();
    for index in 0..HEADER {
        let mut bytes = bytes.clone();
        bytes[index] ^= 1 << (index % 8);
        let request = Request::from_bytes(&bytes, plan);
        match index {
            // magic, kind
            0..6 => malformed(request, ""),
            // version
            6..8 => assert!(
                matches!(request, Err(Error::NewerVersion { .. })),
                "{index}"
            ),
            // fingerprint
            8..40 => assert!(matches!(request, Err(Error::WrongPlan { .. })), "{index}"),
            // the key's id
            _ => {
                let request = request.expect("any id is one");
                let reply = network.run_encrypted(server, &request);
                assert!(matches!(reply, Err(Error::WrongKey { .. })), "{index}");
            }
        }
    }
}

#[test]
fn another_version() {
    let mut bytes = shared().request().to_bytes();
    bytes[6] = 5;
    let newer = Request::from_bytes(&bytes, &shared().plan);
    assert!(matches!(
        newer,
        Err(Error::NewerVersion {
            what: "request",
            version: 5,
            known: 4
        })
    ));
    bytes[6] = 3;
    malformed(
        Request::from_bytes(&bytes, &shared().plan),
        "version 3, this program reads 4",
    );
}

/// Ciphertexts are not authenticated. Changed ones give other scores, and that is their only effect.
#[test]
fn a_flipped_payload_is_another_ciphertext() {
    let Shared {
        network,
        plan,
        client,
        server,
        ..
    } = shared();
    let mut bytes = shared().request().to_bytes();
    for index in (HEADER..bytes.len()).step_by(7) {
        bytes[index] ^= 0x5a;
    }
    let request = Request::from_bytes(&bytes, plan).expect("any payload is one");
    let reply = network
        .run_encrypted(server, &request)
        .expect("it is of the key");
    assert_eq!(
        client
            .decrypt(&request, &reply)
            .expect("of the key")
            .integers()
            .len(),
        2
    );
}

fn malformed<T>(result: Result<T, Error>, part: &str) {
    match result {
        Err(Error::Malformed { reason, .. }) => assert!(reason.contains(part), "{reason}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing malformed"),
    }
}

/// A connection that stays open: after its bytes, a reader that asks for more waits for ever.
struct Open<'a>(&'a [u8]);

impl Read for Open<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        assert!(!self.0.is_empty(), "asked for more than the plan says");
        self.0.read(to)
    }
}

#[test]
fn a_key_is_read_from_a_connection_that_stays_open() {
    let (bytes, plan) = (shared().evaluation.to_bytes(), &shared().plan);
    let server = ServerKey::read(Open(&bytes), plan).expect("as written");
    let reply = shared().network.run_encrypted(&server, &shared().request());
    assert!(reply.is_ok(), "{reply:?}");
    let kept = EvaluationKey::read(Open(&bytes), plan).expect("as written");
    assert_eq!(kept.to_bytes(), bytes, "it can be sent on");

    // the bytes after it belong to the next message
    let more = [&bytes[..], b"next"].concat();
    let mut connection = &more[..];
    assert!(ServerKey::read(&mut connection, plan).is_ok());
    assert_eq!(connection, b"next");

    malformed(
        ServerKey::read(&bytes[..bytes.len() - 1], plan),
        "fewer bytes",
    );
    malformed(ServerKey::read(&bytes[..20], plan), "fewer bytes");
    malformed(EvaluationKey::read(&bytes[..20], plan), "fewer bytes");
}

#[test]
fn a_key_that_changed_at_rest_is_an_error_and_not_a_wrong_score() {
    let (bytes, plan) = (shared().evaluation.to_bytes(), &shared().plan);
    for index in [
        56,
        HEADER + 3,
        bytes.len() / 2,
        bytes.len() - 33,
        bytes.len() - 1,
    ] {
        let mut bytes = bytes.clone();
        bytes[index] ^= 1;
        malformed(ServerKey::read(&bytes[..], plan), "SHA-256");
        malformed(EvaluationKey::from_bytes(&bytes, plan), "SHA-256");
    }
    // the id of the key is checked, too
    let mut bytes = bytes;
    bytes[HEADER - 1] ^= 1;
    malformed(ServerKey::read(&bytes[..], plan), "SHA-256");
}
