//! The calls of the protocol, one after the other.

use fhe_nn_core::Description;
use fhe_nn_service::protocol::{
    Accepted, Claims, Hash, ModelList, ProblemKind, PublishedKeys, Receipt,
};

use crate::fixture::{Setup, assert_problem, majority, other};

#[test]
fn from_a_description_to_a_right_reply_with_a_receipt() {
    let service = Setup::default().start();
    let network = majority();
    let list = service.call("GET", "/v1/models", &[], b"");
    let list: ModelList = serde_json::from_slice(&list.body).expect("it is a list");
    assert_eq!(list.models.len(), 1);

    let got = service.call("GET", "/v1/models/Majority", &[], b"");
    let description = Description::from_bytes(&got.body).expect("it is a description");
    assert_eq!(description.plan(), &network.plan);
    let tag = got.header("etag").expect("it has one").to_owned();
    let same = service.call(
        "GET",
        "/v1/models/Majority",
        &[("if-none-match", &tag)],
        b"",
    );
    assert_eq!((same.status, same.body.len()), (304, 0));

    let path = format!("/v1/keys/{}", network.hash);
    assert_eq!(service.call("HEAD", &path, &[], b"").status, 404);
    let request = network.request(3);
    let bytes = request.to_bytes();
    assert_problem(
        &service.infer(network, "wait=10", &bytes),
        ProblemKind::UnknownKey,
    );
    assert_eq!(service.put_key(network, &[]).status, 201);
    assert_eq!(service.put_key(network, &[]).status, 200);
    let head = service.call("HEAD", &path, &[], b"");
    assert_eq!(head.status, 200);
    assert!(head.header("expires").is_some() && head.header("last-modified").is_some());

    let answer = service.infer(network, "wait=30", &bytes);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(network.is_right(3, &request, &answer.body));
    let receipt: Receipt = answer
        .header("fhe-nn-receipt")
        .expect("it has one")
        .parse()
        .expect("it is one");
    let keys = service.call("GET", "/v1/receipt-keys", &[], b"");
    let keys: PublishedKeys = serde_json::from_slice(&keys.body).expect("they are keys");
    assert_eq!(keys.find(receipt.key()), description.server_identity());
    receipt.verify(&keys).expect("it is signed");
    let claims = Claims {
        model: network.plan.model.into(),
        plan: network.plan.fingerprint().into(),
        evaluation_key: network.hash,
        requests: Hash::of(&bytes),
        replies: Hash::of(&answer.body),
    };
    receipt.compare(&claims).expect("it is about these bytes");

    // a repetition is a look-up, with the same receipt
    let again = service.infer(network, "wait=0", &bytes);
    assert_eq!((again.status, &again.body), (200, &answer.body));
    assert_eq!(
        again.header("fhe-nn-receipt"),
        answer.header("fhe-nn-receipt")
    );

    assert_eq!(service.call("DELETE", &path, &[], b"").status, 204);
    assert_eq!(service.call("HEAD", &path, &[], b"").status, 404);
}

#[test]
fn a_batch_that_nobody_waits_for_is_answered_later() {
    let service = Setup::default().start();
    let network = majority();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let requests: Vec<_> = (0..5).map(|input| network.request(input)).collect();
    let bytes: Vec<u8> = requests.iter().flat_map(|one| one.to_bytes()).collect();
    let accepted = service.infer(network, "respond-async", &bytes);
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let place = accepted.header("location").expect("it has one").to_owned();
    let said: Accepted = serde_json::from_slice(&accepted.body).expect("it says more");
    assert!(place.ends_with(&said.inference.to_string()));
    let answer = service.call("GET", &place, &[("prefer", "wait=30")], b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    let each = answer.body.len() / 5;
    for (input, (request, reply)) in (0..).zip(requests.iter().zip(answer.body.chunks(each))) {
        assert!(network.is_right(input, request, reply));
    }
    let unknown = format!("/v1/inferences/{}", Hash::of(b"another"));
    let unknown = service.call("GET", &unknown, &[], b"");
    assert_problem(&unknown, ProblemKind::UnknownInference);
}

#[test]
fn versions_stand_side_by_side_and_a_retired_one_says_so() {
    let setup = Setup {
        models: vec![(other(), "Majority", true), (majority(), "Majority", false)],
        ..Setup::default()
    };
    let service = setup.start();
    let newest = service.call("GET", "/v1/models/Majority", &[], b"");
    let newest = Description::from_bytes(&newest.body).expect("it is a description");
    assert_eq!(newest.plan(), &majority().plan);
    let fingerprint = Hash::from(other().plan.fingerprint());
    let path = format!("/v1/models/Majority?plan={fingerprint}");
    assert_problem(
        &service.call("GET", &path, &[], b""),
        ProblemKind::RetiredPlan,
    );
    assert_problem(&service.put_key(other(), &[]), ProblemKind::RetiredPlan);
    assert_eq!(service.put_key(majority(), &[]).status, 201);
    let request = other().request(1).to_bytes();
    assert_problem(
        &service.infer(majority(), "wait=9", &request),
        ProblemKind::RetiredPlan,
    );
    assert_problem(
        &service.call("GET", "/v1/models/Minority", &[], b""),
        ProblemKind::UnknownModel,
    );
}

#[test]
fn another_models_key_is_a_conflict() {
    let setup = Setup {
        models: vec![(majority(), "Majority", false), (other(), "Other", false)],
        ..Setup::default()
    };
    let service = setup.start();
    assert_eq!(service.put_key(majority(), &[]).status, 201);
    assert_eq!(service.put_key(other(), &[]).status, 201);
    let bytes = majority().request(1).to_bytes();
    // the request's plan is not that of the key
    assert_problem(
        &service.infer(other(), "wait=9", &bytes),
        ProblemKind::KeyOfAnotherModel,
    );
    // the plan is right, the client key is another
    let client = fhe_nn_core::ClientKey::generate(&majority().plan).expect("keys are made");
    let stranger = client.encrypt(&[1.0, 0.0, 0.0]).expect("it is an input");
    let both = [bytes, stranger.to_bytes()].concat();
    assert_problem(
        &service.infer(majority(), "wait=9", &both),
        ProblemKind::KeyOfAnotherModel,
    );
}

#[test]
fn what_is_for_operators() {
    let service = Setup::default().start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(service.call("GET", path, &[], b"").status, 200);
    }
    let document = service.call("GET", "/openapi.json", &[], b"");
    let document: serde_json::Value = serde_json::from_slice(&document.body).expect("it is JSON");
    let paths = document["paths"].as_object().expect("it has paths");
    for path in ["/v1/models", "/v1/keys/{sha256}", "/v1/inferences/{id}"] {
        assert!(paths.contains_key(path), "{path}");
    }
    let network = majority();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let answer = service.infer(network, "wait=30", &network.request(0).to_bytes());
    assert_eq!(answer.status, 200);
    let metrics = service.call("GET", "/metrics", &[], b"");
    let metrics = String::from_utf8(metrics.body).expect("it is text");
    for line in [
        "fhe_nn_inferences_total 1",
        "fhe_nn_cache_misses_total 1",
        "fhe_nn_calls_total{method=\"PUT\",path=\"/v1/keys/{sha256}\",status=\"201\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    assert!(!metrics.contains(&network.hash.to_string()));
}

#[test]
fn whoever_waits_when_the_service_ends_is_answered_or_promised() {
    let network = majority();
    let setup = Setup::default();
    let service = setup.start();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let requests: Vec<_> = (0..8).map(|input| network.request(input)).collect();
    let address = service.address;
    let callers: Vec<_> = requests
        .iter()
        .map(|request| {
            let (bytes, key) = (request.to_bytes(), network.hash.to_string());
            std::thread::spawn(move || {
                let headers = [("fhe-nn-key", key.as_str()), ("prefer", "wait=30")];
                let path = "/v1/models/Majority/inferences";
                crate::http::call(address, "POST", path, &headers, &bytes).expect("answered")
            })
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(150));
    let folder = service.end();
    let answers: Vec<_> = callers
        .into_iter()
        .map(|caller| caller.join().expect("it ends"))
        .collect();
    // a new process has what was promised
    let service = Setup::default().start_in(folder);
    for (input, (request, answer)) in (0..).zip(requests.iter().zip(answers)) {
        let answer = match answer.status {
            202 => {
                let place = answer.header("location").expect("it has one");
                service.call("GET", place, &[("prefer", "wait=30")], b"")
            }
            _ => answer,
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(network.is_right(input, request, &answer.body));
    }
}
