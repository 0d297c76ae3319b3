//! A NATS server in a folder of its own, and jobs that need no network.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fhe_nn_service::protocol::{Hash, JobName, Tenant};
use fhe_nn_service::store::nats::{NatsOptions, NatsStore};
use fhe_nn_service::store::{Job, Limits};
use tempfile::TempDir;

/// A server, which ends with this value.
pub(crate) struct Nats {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Nats {
    /// Starts a server.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder for files can be made");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        let nats = Nats {
            process: run(&folder, port),
            port,
            folder,
        };
        nats.reached().await;
        nats
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Options with little patience, as jobs of tests are short.
    pub(crate) fn options(&self, patience: Duration) -> NatsOptions {
        NatsOptions {
            patience,
            ..NatsOptions::new(&self.url())
        }
    }

    /// Connects as a process of its own does.
    pub(crate) async fn store(&self) -> NatsStore {
        let connected = NatsStore::connect(&self.options(Duration::from_secs(1))).await;
        connected.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Kills the server, and starts it again on what it had stored.
    pub(crate) async fn kill_and_start(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
        self.process = run(&self.folder, self.port);
        self.reached().await;
    }

    async fn reached(&self) {
        let mut last = None;
        for _ in 0..200 {
            match NatsStore::connect(&self.options(Duration::from_secs(1))).await {
                Ok(_) => return,
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nats-server does not answer at {}: {last:?}", self.url());
    }
}

fn run(folder: &TempDir, port: u16) -> Child {
    let started = Command::new("nats-server")
        .args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.unwrap_or_else(|error| {
        panic!("the program `nats-server` is needed ({error}): apt-get install nats-server")
    })
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A job of a tenant whose requests are these bytes.
pub(crate) fn job(tenant: &str, requests: impl Into<Bytes>) -> Job {
    let requests = requests.into();
    let tenant: Tenant = tenant.parse().expect("a name");
    let requests_hash = Hash::of(&requests);
    let name = Hash::of(format!("{tenant} {requests_hash}").as_bytes());
    let now = SystemTime::now();
    Job {
        name: JobName::from(*name.as_bytes()),
        tenant,
        model_name: "digits".parse().expect("a name"),
        model: Hash::of(b"model"),
        plan: Hash::of(b"plan"),
        key: Hash::of(b"key"),
        requests_hash,
        accepted: now,
        deadline: now + Duration::from_secs(600),
        requests,
    }
}

/// More than any test needs.
pub(crate) const LIMITS: Limits = Limits {
    jobs: 1000,
    tenant_jobs: 1000,
    bytes: 1 << 30,
};
