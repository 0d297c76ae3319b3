//! Two small networks with their keys, and services in this process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use fhe_nn_core::prelude::*;
use fhe_nn_core::{Network as _, Scores};
use fhe_nn_service::protocol::{Hash, Problem, ProblemKind, Tenant, Token};
use fhe_nn_service::server::{Models, Service, Settings, Stores, Tls, Work, signing_keys};
use fhe_nn_service::store::embedded::Folder;
use fhe_nn_service::store::{Limits, TokenRecord, Tokens};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::http::{Answer, call};

// the network of the guide's examples, with its floats and samples
include!("../../../src/guide/majority.rs");

/// A network with a client that has keys for it.
pub(crate) struct Network {
    pub(crate) model: Model,
    pub(crate) client: ClientKey,
    pub(crate) plan: Plan,
    pub(crate) key: Vec<u8>,
    pub(crate) hash: Hash,
}

impl Network {
    fn new(bias: f32) -> Self {
        let made = (|| {
            let mut floats = floats()?;
            floats.insert("sum.bias", ndarray::arr1(&[bias]).into_dyn())?;
            // with one more row, whose sum is above any bias of these
            let last = ndarray::arr2(&[[1.0, 1.0, 1.0]]);
            let samples = ndarray::concatenate![ndarray::Axis(0), samples(), last];
            let network = Majority::quantize(&floats, samples.view())?.network;
            let model = Model::from_bytes(&network.to_bytes())?;
            let plan = model.plan(&PlanOptions::default())?;
            let client = ClientKey::generate(&plan)?;
            let key = client.evaluation_key()?.to_bytes();
            Ok::<_, fhe_nn_core::Error>((model, plan, client, key))
        })();
        let (model, plan, client, key) = made.expect("a small network has a plan and keys");
        let hash = Hash::of(&key);
        Network {
            model,
            client,
            plan,
            key,
            hash,
        }
    }

    /// Encrypts three bits anew.
    pub(crate) fn request(&self, input: u8) -> Request {
        let request = self.client.encrypt(&bits(input));
        request.expect("they are an input")
    }

    /// What comes out in the clear.
    pub(crate) fn clear(&self, input: u8) -> Scores {
        self.model.run(&bits(input)).expect("they are an input")
    }

    /// Whether replies are right.
    pub(crate) fn is_right(&self, input: u8, request: &Request, reply: &[u8]) -> bool {
        let reply = Reply::from_bytes(reply, &self.plan).expect("it is a reply");
        let scores = self.client.decrypt(request, &reply);
        scores.expect("it answers the request") == self.clear(input)
    }
}

fn bits(input: u8) -> [f32; 3] {
    [0, 1, 2].map(|bit| f32::from(input >> bit & 1))
}

/// The network that services of these tests have.
pub(crate) fn majority() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| Network::new(-1.0))
}

/// The same declaration with another weight: another model, and another plan.
pub(crate) fn other() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| Network::new(-2.0))
}

/// A service in this process.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) folder: TempDir,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a service has.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) work: Work,
    pub(crate) tls: Option<Tls>,
    /// Tenants with a token each; without any, everybody on this machine may call.
    pub(crate) tenants: Vec<(Tenant, Token)>,
    /// The models, and whether each is retired.
    pub(crate) models: Vec<(&'static Network, &'static str, bool)>,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            settings: Settings {
                pause: Duration::from_secs(2),
                grace: Duration::from_secs(2),
                ..Settings::default()
            },
            work: Work::default(),
            tls: None,
            tenants: Vec::new(),
            models: vec![(majority(), "Majority", false)],
        }
    }
}

impl Setup {
    /// Takes on this many jobs at once, of one tenant or of all.
    pub(crate) fn with_places(mut self, jobs: usize) -> Self {
        self.settings.queue = Limits {
            jobs,
            tenant_jobs: jobs,
            bytes: 1 << 20,
        };
        self
    }

    /// Starts a service in a new folder.
    pub(crate) fn start(self) -> Running {
        self.start_in(tempfile::tempdir().expect("a folder can be made"))
    }

    /// Starts a service in a folder.
    pub(crate) fn start_in(self, folder: TempDir) -> Running {
        let (end, ends) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let data = folder.path().to_owned();
        let thread = std::thread::spawn(move || {
            let mut models = Models::default();
            for (network, name, retired) in &self.models {
                let path = saved(network);
                let name = name.parse().expect("it is a name");
                let options = PlanOptions::default();
                let added = models.add(Some(name), &path, &options, *retired);
                added.expect("it can be served");
            }
            let runtime = Runtime::new().expect("threads can be started");
            runtime.block_on(async {
                let stores = Folder::open(&data).expect("it is free");
                for (tenant, token) in &self.tenants {
                    let record = TokenRecord {
                        hash: token.hash(),
                        tenant: tenant.clone(),
                        since: SystemTime::now(),
                    };
                    stores.tokens.add(record).await.expect("it can be written");
                }
                let service = Service::start(
                    models,
                    Stores::from(stores),
                    signing_keys(&data, false).expect("they can be made"),
                    self.settings,
                    self.work,
                    SocketAddr::from(([127, 0, 0, 1], 0)),
                    self.tls,
                );
                let service = service.await.expect("it can begin");
                tell.send(service.address()).expect("somebody waits");
                let end = async {
                    let _ = ends.await;
                };
                service.run(end).await;
            });
        });
        Running {
            address: told.recv().expect("it begins"),
            folder,
            end: Some(end),
            thread: Some(thread),
        }
    }
}

/// Saves a model for services.
fn saved(network: &Network) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder can be made"));
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = folder.path().join(number.to_string());
    network.model.save(&path).expect("it can be written");
    path
}

impl Running {
    /// Calls it.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        call(self.address, method, path, headers, body).expect("it answers")
    }

    /// Sends the key of a network.
    pub(crate) fn put_key(&self, network: &Network, headers: &[(&str, &str)]) -> Answer {
        let path = format!("/v1/keys/{}", network.hash);
        self.call("PUT", &path, headers, &network.key)
    }

    /// Asks for the replies to requests.
    pub(crate) fn infer(&self, network: &Network, wait: &str, requests: &[u8]) -> Answer {
        let key = network.hash.to_string();
        let headers = [("fhe-nn-key", key.as_str()), ("prefer", wait)];
        self.call("POST", "/v1/models/Majority/inferences", &headers, requests)
    }

    /// Ends it as a signal does, and returns its folder.
    pub(crate) fn end(mut self) -> TempDir {
        self.stop();
        std::mem::replace(
            &mut self.folder,
            tempfile::tempdir().expect("a folder can be made"),
        )
    }

    fn stop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends without a panic");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Checks that an answer is a problem of a kind.
#[track_caller]
pub(crate) fn assert_problem(answer: &Answer, kind: ProblemKind) {
    let problem = Problem::read(answer.status, &answer.body);
    assert_eq!(problem.kind(), Some(kind), "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
}
