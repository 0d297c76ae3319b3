//! A disk that has no room left: the service says so, and what it has stays whole.

use std::path::Path;
use std::process::Command;

use fhe_nn_core::ClientKey;
use fhe_nn_service::protocol::{Hash, ProblemKind};

use crate::crash::Program;
use crate::fixture::{assert_problem, majority};
use crate::http::{Answer, call};

/// The program, whose files may have so many bytes, as on a disk that is full.
fn limited(folder: &Path, bytes: usize) -> Program {
    let mut shell = Command::new("bash");
    // a write beyond the limit is an error, as one on a full disk is, and not a signal
    let limit = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"",
        bytes >> 10
    );
    shell.args(["-c", &limit, env!("CARGO_BIN_EXE_fhe-nn")]);
    Program::start_by(shell, folder)
}

/// Sends a key.
fn put(program: &Program, key: &[u8]) -> Answer {
    let path = format!("/v1/keys/{}", Hash::of(key));
    call(program.address, "PUT", &path, &[], key).expect("it answers")
}

/// Asks under the key of the network, and checks the reply.
#[track_caller]
fn assert_works(program: &Program) {
    let network = majority();
    let request = network.request(3);
    let key = network.hash.to_string();
    let headers = [("fhe-nn-key", key.as_str()), ("prefer", "wait=30")];
    let path = "/v1/models/Majority/inferences";
    let answer = call(program.address, "POST", path, &headers, &request.to_bytes());
    let answer = answer.expect("it answers");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(network.is_right(3, &request, &answer.body));
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    let network = majority();
    let saved = network.model.save(folder.join("model"));
    saved.expect("it can be written");
    let room = network.key.len() / 2;

    let program = limited(folder, room);
    assert_problem(&put(&program, &network.key), ProblemKind::StorageFull);
    drop(program);
    // there is room again, and nothing of the half key
    let program = Program::start(folder);
    let path = format!("/v1/keys/{}", network.hash);
    let found = call(program.address, "HEAD", &path, &[], b"");
    assert_eq!(found.expect("it answers").status, 404);
    assert_eq!(put(&program, &network.key).status, 201);
    assert_works(&program);
    drop(program);
    // no room for another key, and the one that is there still serves
    let program = limited(folder, room);
    let another = ClientKey::generate(&network.plan).expect("there is randomness");
    let another = another.evaluation_key().expect("there is randomness");
    let refused = put(&program, &another.to_bytes());
    assert_problem(&refused, ProblemKind::StorageFull);
    assert_works(&program);
}
