use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use fhe_nn_service::{Client, blocking};

use crate::shell::Shell;

/// A service of `net`, which ends with this value.
pub(crate) struct Service {
    process: Child,
    pub(crate) url: String,
}

impl Service {
    /// Starts `fhe-nn serve` with these arguments, at a port that is free.
    pub(crate) fn start(shell: &Shell, arguments: &str) -> Self {
        let mut process = shell
            .command(&format!("serve {arguments} --listen 127.0.0.1:0"))
            .env("FHE_NN_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it says where it listens");
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .expect("an address")
            .to_owned();
        Service { process, url }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_answers_as_the_clear_run_and_its_receipts_are_checked_offline() {
    let shell = Shell::with_network();
    let service = Service::start(&shell, "net=net --data data");
    let call = format!(
        "infer {} --model net --inputs rows.csv --first 3 --key me.key --receipts proofs",
        service.url
    );
    let found = shell.json(&call);
    let clear = shell.json("run net --inputs rows.csv --first 3");
    assert_eq!(found["scores"], clear["scores"]);
    assert_eq!(
        (&found["inputs"], &found["receipts_checked"]),
        (&3.into(), &1.into())
    );
    // the keys are there now, and nothing is sent twice
    let again = shell.call(&call);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(told.contains("the server has the evaluation key"), "{told}");
    assert!(!told.contains("sending"), "{told}");

    let receipt = found["receipts"][0].as_str().expect("a path");
    let place = receipt.strip_suffix(".receipt").expect("its kind");
    let client = Client::builder(&service.url).build().expect("an address");
    let client = blocking::Client::new(client).expect("a runtime");
    let keys = client.receipt_keys().expect("they are published");
    shell.write(
        "keys.json",
        serde_json::to_string(&keys).expect("they are text"),
    );
    let checked = shell.json(&format!(
        "verify {receipt} --requests {place}.requests --replies {place}.replies --server-key keys.json \
         --evaluation-key me.key.eval --description net.description"
    ));
    assert_eq!(checked["right"], true);
    assert_eq!(checked["evaluation_key_compared"], true);
    // what was saved is what `decrypt` takes
    let decrypted = shell.json(&format!(
        "decrypt --key me.key --requests {place}.requests {place}.replies"
    ));
    assert_eq!(decrypted["scores"], clear["scores"]);

    // keys for one call
    let found = shell.json(&format!(
        "infer {} --model net --inputs rows.csv --first 1",
        service.url
    ));
    assert_eq!(found["scores"][0], clear["scores"][0]);
    let told = shell.refuses(&format!(
        "infer {} --model other --inputs rows.csv",
        service.url
    ));
    assert!(told.contains("there is no model `other`"), "{told}");
    let other = "00".repeat(32);
    let told = shell.refuses(&format!(
        "infer {} --model net --inputs rows.csv --first 1 --key me.key --server-key {other}",
        service.url
    ));
    assert!(told.contains("the replies cannot be trusted"), "{told}");
}

#[test]
fn a_service_with_tokens_wants_one() {
    let shell = Shell::with_network();
    let token = shell.works("token new someone --data data");
    shell.write("token", &token);
    let service = Service::start(&shell, "net=net --data data");
    let call = format!(
        "infer {} --model net --inputs rows.csv --first 1",
        service.url
    );
    let told = shell.refuses(&call);
    assert!(told.contains("--token-file FILE"), "{told}");
    let found = shell.json(&format!("{call} --token-file token"));
    let clear = shell.json("run net --inputs rows.csv --first 1");
    assert_eq!(found["scores"], clear["scores"]);
}
