//! What a tenant has does not exist for another: random sequences of calls, against a model of the store.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use fhe_nn_core::Request;
use fhe_nn_service::protocol::{ProblemKind, Tenant, Token};
use fhe_nn_service::server::Settings;
use fhe_nn_service::store::embedded::FolderTokens;
use fhe_nn_service::store::{TokenRecord, Tokens};
use proptest::prelude::*;

use crate::fixture::{Running, Setup, assert_problem, majority};

/// What is called, by one of three tenants.
#[derive(Debug, Clone, Copy)]
enum Call {
    Put,
    Head,
    Delete,
    /// Asks for one of four requests.
    Infer(usize),
    /// Looks at what some tenant was told when it asked for one of them.
    Look {
        of: usize,
        request: usize,
    },
}

fn call() -> impl Strategy<Value = (usize, Call)> {
    let call = prop_oneof![
        2 => Just(Call::Put),
        2 => Just(Call::Head),
        1 => Just(Call::Delete),
        3 => (0..4usize).prop_map(Call::Infer),
        3 => (0..3usize, 0..4usize).prop_map(|(of, request)| Call::Look { of, request }),
    ];
    (0..3usize, call)
}

fn token(tenant: &str) -> (Tenant, Token) {
    let token = Token::generate().expect("there is randomness");
    (tenant.parse().expect("it is a name"), token)
}

/// Gives new tenants tokens while the service runs, as the command does.
fn admit_new(service: &Running) -> [String; 3] {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let numbers = [0, 1, 2].map(|_| COUNT.fetch_add(1, Ordering::Relaxed));
    admit(service, &numbers.map(|number| format!("t{number}")))
}

/// Gives tenants tokens, and returns the headers of their calls.
fn admit<const N: usize>(service: &Running, tenants: &[String; N]) -> [String; N] {
    let tokens = FolderTokens::open(service.folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("it can be made");
    let admitted = tenants.each_ref().map(|tenant| {
        let (tenant, token) = token(tenant);
        let record = TokenRecord {
            hash: token.hash(),
            tenant,
            since: SystemTime::now(),
        };
        let added = runtime.block_on(tokens.add(record));
        added.expect("it can be written");
        format!("Bearer {}", token.reveal())
    });
    // the service reads the file twice a second
    std::thread::sleep(Duration::from_millis(600));
    admitted
}

#[test]
fn a_tenant_never_sees_what_another_has() {
    let setup = Setup {
        tenants: vec![token("first")],
        ..Setup::default()
    };
    let service = setup.start();
    let network = majority();
    static REQUESTS: OnceLock<Vec<Request>> = OnceLock::new();
    let requests = REQUESTS.get_or_init(|| (0..4).map(|input| network.request(input)).collect());
    let path = format!("/v1/keys/{}", network.hash);
    let key = network.hash.to_string();
    let config = ProptestConfig {
        cases: 12,
        ..ProptestConfig::default()
    };
    proptest!(config, |(calls in prop::collection::vec(call(), 1..16))| {
        let tenants = admit_new(&service);
        let mut keys: HashSet<usize> = HashSet::new();
        let mut places: HashMap<(usize, usize), String> = HashMap::new();
        for (tenant, call) in calls {
            let own = [("authorization", tenants[tenant].as_str())];
            match call {
                Call::Put => {
                    let expected = if keys.insert(tenant) { 201 } else { 200 };
                    prop_assert_eq!(service.put_key(network, &own).status, expected);
                }
                Call::Head => {
                    let expected = if keys.contains(&tenant) { 200 } else { 404 };
                    prop_assert_eq!(service.call("HEAD", &path, &own, b"").status, expected);
                }
                Call::Delete => {
                    keys.remove(&tenant);
                    prop_assert_eq!(service.call("DELETE", &path, &own, b"").status, 204);
                }
                Call::Infer(number) => {
                    let headers = [own[0], ("fhe-nn-key", &key), ("prefer", "wait=60")];
                    let bytes = requests[number].to_bytes();
                    let to = "/v1/models/Majority/inferences";
                    let answer = service.call("POST", to, &headers, &bytes);
                    if !keys.contains(&tenant) {
                        assert_problem(&answer, ProblemKind::UnknownKey);
                        continue;
                    }
                    prop_assert_eq!(answer.status, 200, "{:?}", answer);
                    prop_assert!(network.is_right(number as u8, &requests[number], &answer.body));
                    let place = answer.header("location").expect("it has one").to_owned();
                    places.insert((tenant, number), place);
                }
                Call::Look { of, request } => {
                    let Some(place) = places.get(&(of, request)) else {
                        continue;
                    };
                    let answer = service.call("GET", place, &own, b"");
                    if of == tenant {
                        prop_assert_eq!(answer.status, 200, "{:?}", answer);
                    } else {
                        assert_problem(&answer, ProblemKind::UnknownInference);
                    }
                }
            }
        }
        // the same request has another name for every tenant
        let distinct: HashSet<&String> = places.values().collect();
        prop_assert_eq!(distinct.len(), places.len());
    });
}

#[test]
fn nobody_calls_without_a_token_once_there_is_one() {
    let (tenant, token) = token("me");
    let bearer = format!("Bearer {}", token.reveal());
    let setup = Setup {
        tenants: vec![(tenant, token)],
        ..Setup::default()
    };
    let service = setup.start();
    let path = format!("/v1/keys/{}", majority().hash);
    let wrong = format!(
        "Bearer {}",
        Token::generate().expect("there is randomness").reveal()
    );
    for headers in [
        &[][..],
        &[("authorization", wrong.as_str())],
        &[("authorization", "Basic bWU6bWU=")],
        &[("authorization", "Bearer x")],
    ] {
        for (method, path) in [
            ("GET", "/v1/models"),
            ("GET", "/v1/models/Majority"),
            ("PUT", path.as_str()),
            ("DELETE", path.as_str()),
            ("POST", "/v1/models/Majority/inferences"),
        ] {
            let answer = service.call(method, path, headers, b"");
            assert_problem(&answer, ProblemKind::Unauthorized);
            assert!(answer.header("www-authenticate").is_some());
        }
    }
    let own = [("authorization", bearer.as_str())];
    assert_eq!(service.call("GET", "/v1/models", &own, b"").status, 200);
    // what others do shows in the metrics, which are for operators
    assert_problem(
        &service.call("GET", "/metrics", &own, b""),
        ProblemKind::Unauthorized,
    );
    let [operator] = admit(&service, &["metrics".to_owned()]);
    let operator = [("authorization", operator.as_str())];
    assert_eq!(service.call("GET", "/metrics", &operator, b"").status, 200);
}

#[test]
fn a_tenant_has_as_many_keys_as_it_may() {
    let defaults = Setup::default();
    let setup = Setup {
        settings: Settings {
            key_bytes: majority().key.len() as u64,
            ..defaults.settings
        },
        ..defaults
    };
    let service = setup.start();
    assert_eq!(service.put_key(majority(), &[]).status, 201);
    let client = fhe_nn_core::ClientKey::generate(&majority().plan).expect("keys are made");
    let second = client.evaluation_key().expect("keys are made").to_bytes();
    let path = format!("/v1/keys/{}", fhe_nn_service::protocol::Hash::of(&second));
    assert_problem(
        &service.call("PUT", &path, &[], &second),
        ProblemKind::KeyQuotaExceeded,
    );
    assert_eq!(service.put_key(majority(), &[]).status, 200);
}
