//! A server that answers as it should, but for the mistakes that a test asks for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use fhe_nn_core::Description;
use fhe_nn_service::protocol::{
    Accepted, Claims, Hash, JobName, JobState, Problem, ProblemKind, SigningKeys, Tenant, headers,
};
use fhe_nn_service::{Client, client::ClientBuilder};
use tokio::net::TcpListener;

use crate::world::World;

/// A mistake, or something out of the ordinary.
#[derive(Debug, Clone)]
pub(crate) enum Mistake {
    /// A problem, with a number of seconds to wait.
    Problem(ProblemKind, Option<u64>),
    /// The connection breaks off within the answer.
    Broken,
    /// The inference is accepted, and has its replies later.
    Later,
    /// The server has forgotten inferences.
    Lost,
    /// There is no receipt.
    NoReceipt,
    /// The replies are those of another input, and the receipt says so.
    OtherReplies,
    /// The replies have a bit that was changed on the way.
    Changed,
    /// An answer without an end.
    Endless,
    /// The server has a new signing key, and publishes it.
    Rotated,
}

/// A server.
pub(crate) struct Fake {
    url: String,
    inner: Arc<Inner>,
}

struct Inner {
    signing: Mutex<SigningKeys>,
    keys: Mutex<HashSet<Hash>>,
    jobs: Mutex<HashMap<String, (Bytes, Hash)>>,
    mistakes: Mutex<VecDeque<(Method, Mistake)>>,
    calls: Mutex<Vec<String>>,
}

impl Fake {
    /// Starts a server that makes these mistakes, each with the first call of its method that comes when its turn is.
    pub(crate) async fn start(mistakes: &[(Method, Mistake)]) -> Self {
        let inner = Arc::new(Inner {
            signing: Mutex::new(SigningKeys::generate().expect("there is randomness")),
            keys: Mutex::default(),
            jobs: Mutex::default(),
            mistakes: Mutex::new(mistakes.iter().cloned().collect()),
            calls: Mutex::default(),
        });
        let routes = Router::new().fallback(answer).with_state(inner.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it has an address");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Fake {
            url: format!("http://{address}"),
            inner,
        }
    }

    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder(&self.url)
    }

    /// Returns the methods of all calls so far.
    pub(crate) fn calls(&self) -> String {
        self.inner.calls.lock().expect("no panic").join(" ")
    }

    /// Makes one more mistake.
    pub(crate) fn then(&self, method: Method, mistake: Mistake) {
        let mut mistakes = self.inner.mistakes.lock().expect("no panic");
        mistakes.push_back((method, mistake));
    }

    pub(crate) fn forget_keys(&self) {
        self.inner.keys.lock().expect("no panic").clear();
    }

    pub(crate) fn identity(&self) -> [u8; 32] {
        self.inner.signing.lock().expect("no panic").identity()
    }
}

async fn answer(State(fake): State<Arc<Inner>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    fake.calls
        .lock()
        .expect("no panic")
        .push(parts.method.to_string());
    let body = axum::body::to_bytes(body, 1 << 30).await.expect("a body");
    let mistake = {
        let mut mistakes = fake.mistakes.lock().expect("no panic");
        match mistakes.front() {
            Some((method, _)) if *method == parts.method => mistakes.pop_front(),
            Some(_) | None => None,
        }
    };
    let mistake = mistake.map(|(_, mistake)| mistake);
    match &mistake {
        Some(Mistake::Problem(kind, wait)) => return problem(*kind, *wait),
        Some(Mistake::Broken) => {
            let cut = futures_util::stream::iter([
                Ok(Bytes::from_static(b"half")),
                Err(std::io::Error::other("cut")),
            ]);
            return Body::from_stream(cut).into_response();
        }
        Some(Mistake::Endless) => {
            let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]));
            return Body::from_stream(futures_util::stream::repeat_with(piece)).into_response();
        }
        Some(Mistake::Rotated) => {
            let mut signing = fake.signing.lock().expect("no panic");
            signing.rotate().expect("there is randomness");
        }
        _ => {}
    }
    fake.route(&parts.method, &parts.uri, &parts.headers, body, mistake)
}

impl Inner {
    fn route(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
        mistake: Option<Mistake>,
    ) -> Response {
        let segments: Vec<&str> = uri.path().split('/').skip(1).collect();
        let mut keys = self.keys.lock().expect("no panic");
        match (method.as_str(), segments.as_slice()) {
            ("GET", ["v1", "models", "majority"]) => {
                let description = Description::new(World::get().plan.clone()).expect("a plan");
                let identity = self.signing.lock().expect("no panic").identity();
                description
                    .with_server_identity(identity)
                    .to_bytes()
                    .into_response()
            }
            ("HEAD", ["v1", "keys", hash]) => {
                let known = keys.contains(&hash.parse().expect("a hash"));
                if known {
                    StatusCode::OK
                } else {
                    StatusCode::NOT_FOUND
                }
                .into_response()
            }
            ("PUT", ["v1", "keys", hash]) => {
                let hash: Hash = hash.parse().expect("a hash");
                assert_eq!(headers["content-length"], body.len().to_string());
                assert_eq!(Hash::of(&body), hash);
                let new = keys.insert(hash);
                if new {
                    StatusCode::CREATED
                } else {
                    StatusCode::OK
                }
                .into_response()
            }
            ("DELETE", ["v1", "keys", hash]) => {
                keys.remove(&hash.parse().expect("a hash"));
                StatusCode::NO_CONTENT.into_response()
            }
            ("POST", ["v1", "models", "majority", "inferences"]) => {
                let key = headers[headers::KEY].to_str().expect("text");
                let key: Hash = key.parse().expect("a hash");
                assert_eq!(headers[headers::PREFER], "wait=20");
                if !keys.contains(&key) {
                    return problem(ProblemKind::UnknownKey, None);
                }
                if let Some(Mistake::Later) = mistake {
                    let plan = &World::get().plan;
                    let name = JobName::new(&Tenant::local(), plan, &key, &Hash::of(&body));
                    let mut jobs = self.jobs.lock().expect("no panic");
                    jobs.insert(name.to_string(), (body, key));
                    return accepted(&name.to_string());
                }
                self.replies(&body, key, mistake)
            }
            ("GET", ["v1", "inferences", name]) => {
                let mut jobs = self.jobs.lock().expect("no panic");
                match (&mistake, jobs.get(*name)) {
                    (Some(Mistake::Lost), _) | (_, None) => {
                        jobs.clear();
                        problem(ProblemKind::UnknownInference, None)
                    }
                    (Some(Mistake::Later), _) => accepted(name),
                    (_, Some((body, key))) => self.replies(body, *key, mistake),
                }
            }
            _ => problem(ProblemKind::UnknownPath, None),
        }
    }

    fn replies(&self, body: &Bytes, key: Hash, mistake: Option<Mistake>) -> Response {
        let world = World::get();
        let mut replies = match mistake {
            Some(Mistake::OtherReplies) => {
                let other = world.key().encrypt(&[1.0, 1.0, 0.0]).expect("an input");
                world.replies(&other.to_bytes())
            }
            _ => world.replies(body),
        };
        let claims = Claims {
            model: world.plan.model.into(),
            plan: world.plan.fingerprint().into(),
            evaluation_key: key,
            requests: Hash::of(body),
            replies: Hash::of(&replies),
        };
        let signing = self.signing.lock().expect("no panic");
        let receipt = signing.sign(claims, SystemTime::now()).to_string();
        if let Some(Mistake::Changed) = mistake {
            let last = replies.len() - 1;
            replies[last] ^= 1;
        }
        match mistake {
            Some(Mistake::NoReceipt) => replies.into_response(),
            _ => ([(headers::RECEIPT, receipt)], replies).into_response(),
        }
    }
}

fn accepted(name: &str) -> Response {
    let accepted = Accepted {
        inference: name.parse().expect("a name"),
        state: JobState::Queued,
    };
    let body = serde_json::to_string(&accepted).expect("it is text");
    (StatusCode::ACCEPTED, [("retry-after", "0")], body).into_response()
}

fn problem(kind: ProblemKind, wait: Option<u64>) -> Response {
    let status = StatusCode::from_u16(kind.status()).expect("a status");
    let body = Problem::new(kind, "this is what is wrong").to_json();
    let mut response =
        (status, [("content-type", headers::content::PROBLEM)], body).into_response();
    if let Some(wait) = wait {
        response.headers_mut().insert("retry-after", wait.into());
    }
    response
}
