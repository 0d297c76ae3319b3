use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fhe_nn_core::ndarray::{self, Array2};
use fhe_nn_core::prelude::*;
use fhe_nn_service::{Client, Upload};

use crate::server::Nats;

// the network of the guide's examples, with its floats and samples
include!("../../../src/guide/majority.rs");

/// A program that ends with this value.
struct Program(Child);

impl Program {
    /// Starts the program, and returns it with what it prints first.
    fn start(folder: &Path, line: &str) -> (Self, String) {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fhe-nn"))
            .current_dir(folder)
            .env("FHE_NN_LOG", "error")
            .args(line.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let output = process.stdout.take().expect("it is piped");
        let mut told = String::new();
        BufReader::new(output)
            .read_line(&mut told)
            .expect("it says that it is ready");
        (Program(process), told.trim().to_owned())
    }

    /// Ends it without a chance to clean up.
    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn network() -> Result<Majority, fhe_nn_core::Error> {
    Ok(Majority::quantize(&floats()?, samples().view())?.network)
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_workers_are_killed_and_every_request_is_answered_right() {
    let nats = Nats::start().await;
    let folder = tempfile::tempdir().expect("a folder for files can be made");
    let folder = folder.path();
    let network = network().expect("it can be quantized");
    std::fs::create_dir(folder.join("models")).expect("a folder can be made");
    network
        .save(folder.join("models/net"))
        .expect("there is room");
    let worker = format!("worker --nats {} --models models --threads 1", nats.url());
    let serve = format!(
        "serve net=models/net --nats {} --listen 127.0.0.1:",
        nats.url()
    );
    let (service, told) = Program::start(folder, &format!("{serve}0"));
    let url = told
        .strip_prefix("listening on ")
        .expect("an address")
        .to_owned();
    let port = url.rsplit(':').next().expect("a port").to_owned();
    let workers = [(); 2].map(|()| Program::start(folder, &worker).0);

    let client = Client::builder(&url).build().expect("an address");
    let model = "net".parse().expect("a name");
    let description = client.description(&model).await.expect("it is served");
    let key = ClientKey::generate(description.plan()).expect("there is randomness");
    let upload = Upload::of(&key.evaluation_key().expect("there is randomness"));
    let session = client
        .session(&model, key, upload)
        .await
        .expect("it begins");
    // ten times all inputs, in calls of eight rows, of which two are on their way at once
    let rows = Array2::from_shape_fn((80, 3), |(row, bit)| f32::from(row >> bit & 1 == 1));
    let asked = session.infer_all(rows.view());
    let kills = async {
        let [first, second] = workers;
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.kill();
        let third = Program::start(folder, &worker).0;
        tokio::time::sleep(Duration::from_millis(300)).await;
        service.kill();
        let again = Program::start(folder, &format!("{serve}{port}")).0;
        second.kill();
        (third, again)
    };
    let (answers, _alive) = tokio::join!(asked, kills);
    let answers = answers.expect("everything is answered");
    let scores: Vec<_> = answers
        .into_iter()
        .flat_map(|answer| answer.scores)
        .collect();
    assert_eq!(
        scores,
        network.run_batch(rows.view()).expect("they are inputs")
    );
}

/// Calls a path of an address, and returns the whole answer.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let call = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(call.as_bytes()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_tells_that_it_lives_and_what_it_counts() {
    let nats = Nats::start().await;
    let folder = tempfile::tempdir().expect("a folder for files can be made");
    let network = network().expect("it can be quantized");
    network
        .save(folder.path().join("net"))
        .expect("there is room");
    let worker = format!(
        "worker --nats {} --models . --metrics 127.0.0.1:0",
        nats.url()
    );
    let (_worker, told) = Program::start(folder.path(), &worker);
    let address = told.rsplit('/').next().expect("it says where").to_owned();
    let answers = ["/healthz", "/metrics", "/v1/models"].map(|path| get(&address, path));
    assert!(answers[0].starts_with("HTTP/1.1 200 ") && answers[0].ends_with("lives\n"));
    assert!(answers[1].starts_with("HTTP/1.1 200 ") && answers[1].contains("fhe_nn_cache_hits"));
    assert!(answers[2].starts_with("HTTP/1.1 404 "));
}
