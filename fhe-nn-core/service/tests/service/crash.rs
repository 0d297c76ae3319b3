//! The program, killed under load.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fhe_nn_core::Request;

use crate::fixture::{Network, majority};
use crate::http::call;

/// The program, which is killed in the end.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Serves `model` of a folder.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_fhe-nn")), folder)
    }

    /// The same, by a command that takes the arguments of the program.
    pub(crate) fn start_by(mut command: Command, folder: &Path) -> Self {
        let mut child = command
            .current_dir(folder)
            .args([
                "serve",
                "model",
                "--listen",
                "127.0.0.1:0",
                "--data",
                "data",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be started");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line.trim().rsplit('/').next().unwrap_or_default();
        let address = address.parse().unwrap_or_else(|_| panic!("{line:?}"));
        Program { child, address }
    }

    fn kill(&mut self) {
        // SIGKILL
        self.child.kill().expect("it lives");
        self.child.wait().expect("it was killed");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request that was promised its reply.
struct Promised {
    input: u8,
    request: Request,
    place: String,
}

/// Asks until the program does not answer any more.
fn ask(address: SocketAddr, network: &Network, first: u8) -> Vec<Promised> {
    let key = network.hash.to_string();
    let headers = [("fhe-nn-key", key.as_str()), ("prefer", "wait=0")];
    let mut promised = Vec::new();
    for input in (0..8).cycle().skip(first.into()).take(100) {
        let request = network.request(input);
        let to = "/v1/models/Majority/inferences";
        let Ok(answer) = call(address, "POST", to, &headers, &request.to_bytes()) else {
            break;
        };
        assert!([202, 429].contains(&answer.status), "{answer:?}");
        if answer.status == 202 {
            let place = answer.header("location").expect("it has one").to_owned();
            promised.push(Promised {
                input,
                request,
                place,
            });
        }
    }
    promised
}

#[test]
fn a_kill_loses_nothing_that_was_promised() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let network = majority();
    network
        .model
        .save(folder.path().join("model"))
        .expect("it can be written");
    let path = format!("/v1/keys/{}", network.hash);
    let mut promised = Vec::new();
    for round in 0..4u8 {
        let mut program = Program::start(folder.path());
        let address = program.address;
        let found = call(address, "HEAD", &path, &[], b"").expect("it answers");
        // whole or absent: what is there is used below
        let put = call(address, "PUT", &path, &[], &network.key).expect("it answers");
        let before = found.status == 200;
        assert_eq!(put.status, if before { 200 } else { 201 });
        assert!(before || round == 0, "a stored key is not lost");
        let callers: Vec<_> = (0..4)
            .map(|first| std::thread::spawn(move || ask(address, network, first)))
            .collect();
        std::thread::sleep(Duration::from_millis(150 + 130 * u64::from(round)));
        program.kill();
        for caller in callers {
            promised.extend(caller.join().expect("it ends"));
        }
    }
    assert!(promised.len() > 4);
    let program = Program::start(folder.path());
    for Promised {
        input,
        request,
        place,
    } in promised
    {
        let wait = [("prefer", "wait=60")];
        let answer = call(program.address, "GET", &place, &wait, b"").expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(network.is_right(input, &request, &answer.body));
        let again = call(program.address, "GET", &place, &[], b"").expect("it answers");
        assert_eq!(answer.body, again.body);
    }
}
