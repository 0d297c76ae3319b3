//! What nobody should send: typed problems, and a service that goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use fhe_nn_service::protocol::{Hash, Problem, ProblemKind};
use fhe_nn_service::server::Settings;
use proptest::prelude::*;

use crate::fixture::{Running, Setup, assert_problem, majority};
use crate::http::exchange;

/// Whether the service still does what it is for.
#[track_caller]
fn assert_works(service: &Running) {
    let network = majority();
    let request = network.request(5);
    assert!(service.put_key(network, &[]).status < 300);
    let answer = service.infer(network, "wait=30", &request.to_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(network.is_right(5, &request, &answer.body));
}

#[test]
fn wrong_hashes_and_wrong_sizes() {
    let service = Setup::default().start();
    let network = majority();
    let put =
        |hash: &Hash, body: &[u8]| service.call("PUT", &format!("/v1/keys/{hash}"), &[], body);
    let mut key = network.key.clone();
    assert_problem(&put(&Hash::of(b"x"), &key), ProblemKind::KeyHashMismatch);
    let middle = key.len() / 2;
    key[middle] ^= 1;
    assert_problem(&put(&network.hash, &key), ProblemKind::KeyHashMismatch);
    // the hash of the path is right, and the checksum within is not
    assert_problem(&put(&Hash::of(&key), &key), ProblemKind::MalformedKey);
    let long = [&network.key[..], b"x"].concat();
    assert_problem(&put(&Hash::of(&long), &long), ProblemKind::TooLarge);
    // an answer that comes before the body was read is read all the same
    let huge = vec![0; 3 * network.key.len()];
    assert_problem(&put(&Hash::of(&huge), &huge), ProblemKind::TooLarge);
    let short = &network.key[1..];
    assert_problem(&put(&Hash::of(short), short), ProblemKind::MalformedKey);
    assert_problem(&put(&Hash::of(b""), b""), ProblemKind::MalformedKey);
    let path = "/v1/keys/ABC";
    assert_problem(
        &service.call("PUT", path, &[], &network.key),
        ProblemKind::MalformedCall,
    );
    let found = service.call("HEAD", &format!("/v1/keys/{}", network.hash), &[], b"");
    assert_eq!(found.status, 404, "nothing of it was stored");

    let request = network.request(1).to_bytes();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let many = request.repeat(65);
    assert_problem(
        &service.infer(network, "wait=1", &many),
        ProblemKind::TooLarge,
    );
    assert_problem(
        &service.infer(network, "wait=1", &request[1..]),
        ProblemKind::MalformedRequest,
    );
    assert_problem(
        &service.infer(network, "wait=1", &request[..request.len() - 1]),
        ProblemKind::MalformedRequest,
    );
    assert_works(&service);
}

#[test]
fn a_length_is_believed_before_anything_is_read() {
    let service = Setup::default().start();
    let head = |method: &str, path: &str, length: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nfhe-nn-key: {}\r\n{length}\r\n\r\n",
            Hash::of(b"")
        )
    };
    let key = format!("/v1/keys/{}", Hash::of(b""));
    let infer = "/v1/models/Majority/inferences";
    for (method, path) in [("PUT", key.as_str()), ("POST", infer)] {
        let vast = head(method, path, "content-length: 1000000000000");
        let answer = exchange(service.address, &[vast.as_bytes()]).expect("it answers");
        assert!(answer.starts_with(b"HTTP/1.1 413 "), "{method}");
        let none = head(method, path, "transfer-encoding: chunked");
        let answer = exchange(service.address, &[none.as_bytes()]).expect("it answers");
        assert!(answer.starts_with(b"HTTP/1.1 411 "), "{method}");
    }
    assert_works(&service);
}

#[test]
fn senders_that_are_slow_or_stop_are_ended() {
    let service = Setup::default().start();
    let network = majority();
    let path = format!("/v1/keys/{}", network.hash);
    let length = network.key.len();
    let half_call = format!("PUT {path} HTTP/1.1\r\nhost: lo");
    let half_body =
        format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    let idle = String::new();
    let begin = Instant::now();
    let mut streams = Vec::new();
    for text in [&half_call, &half_body, &idle] {
        let mut stream = TcpStream::connect(service.address).expect("it listens");
        stream.write_all(text.as_bytes()).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a time can be set");
        streams.push(stream);
    }
    let answers: Vec<Vec<u8>> = streams
        .into_iter()
        .map(|mut stream| {
            let mut answer = Vec::new();
            stream
                .read_to_end(&mut answer)
                .expect("it ends the connection");
            answer
        })
        .collect();
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(answers[1].starts_with(b"HTTP/1.1 408 "));
    // a sender who hangs up in the middle leaves nothing
    let mut stream = TcpStream::connect(service.address).expect("it listens");
    stream.write_all(half_body.as_bytes()).expect("it listens");
    stream
        .write_all(&network.key[..length / 2])
        .expect("it listens");
    drop(stream);
    assert_eq!(service.call("HEAD", &path, &[], b"").status, 404);
    assert_works(&service);
}

#[test]
fn paths_and_methods_that_are_none() {
    let service = Setup::default().start();
    for path in ["/nothing", "/v1", "/v1/keys", "/v1/models/Majority/", "//"] {
        assert_problem(
            &service.call("GET", path, &[], b""),
            ProblemKind::UnknownPath,
        );
    }
    let answer = service.call("PATCH", "/v1/models", &[], b"");
    assert_problem(&answer, ProblemKind::MethodNotAllowed);
    assert!(answer.header("allow").is_some());
    for path in ["/v1/models/%ff", "/v1/models/..%2f", "/v1/inferences/x"] {
        assert_problem(
            &service.call("GET", path, &[], b""),
            ProblemKind::MalformedCall,
        );
    }
    // a page of another site that calls itself this machine
    let rebound = b"GET /v1/models HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n";
    let answer = exchange(service.address, &[rebound]).expect("it answers");
    assert!(answer.starts_with(b"HTTP/1.1 401 "));
}

/// A change of a message.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Flip(at, mask) => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Repeat(at) => {
                let from = at.index(bytes.len());
                bytes.extend_from_within(from..);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>();
    prop_oneof![
        (index.clone(), 1u8..).prop_map(|(at, mask)| Change::Flip(at, mask)),
        index.clone().prop_map(Change::Cut),
        index.prop_map(Change::Repeat),
    ]
}

#[test]
fn mutated_messages_have_typed_problems() {
    let defaults = Setup::default();
    let setup = Setup {
        settings: Settings {
            pause: Duration::from_millis(300),
            ..defaults.settings
        },
        ..defaults
    };
    let service = setup.start();
    let network = majority();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let request = network.request(6).to_bytes();
    let key = network.hash.to_string();
    let call = format!(
        "POST /v1/models/Majority/inferences HTTP/1.1\r\nhost: localhost\r\nfhe-nn-key: {key}\r\n\
         connection: close\r\nprefer: wait=30\r\ncontent-length: {}\r\n\r\n",
        request.len()
    )
    .into_bytes();
    let defaults = ProptestConfig::default();
    let config = ProptestConfig {
        // more, if PROPTEST_CASES says so
        cases: defaults.cases.max(300),
        ..defaults
    };
    let changes = (any::<bool>(), prop::collection::vec(change(), 1..3));
    proptest!(config, |((in_head, changes) in changes)| {
        let (mut head, mut body) = (call.clone(), request.clone());
        let (at, limit) = if in_head { (&mut head, 60) } else { (&mut body, usize::MAX) };
        for change in &changes {
            if at.is_empty() {
                break;
            }
            let rest = at.split_off(at.len().min(limit));
            change.apply(at);
            at.extend(rest);
        }
        if !in_head {
            // a length that is right, so that the body is what is looked at
            let text = String::from_utf8_lossy(&call).replace(
                &format!("content-length: {}", request.len()),
                &format!("content-length: {}", body.len()),
            );
            head = text.into_bytes();
        }
        let answer = exchange(service.address, &[&head, &body]).unwrap_or_default();
        let text = String::from_utf8_lossy(&answer);
        let status: u16 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(400);
        // a change of the masks or bodies is another request, which nobody can tell
        prop_assert!(status == 200 || (400..500).contains(&status), "{text}");
        if !in_head && status != 200 {
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let problem = Problem::read(status, body.as_bytes());
            prop_assert!(problem.kind().is_some(), "{text}");
        }
    });
    assert_works(&service);
}
