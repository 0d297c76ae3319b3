//! The client against a server that makes mistakes.

mod fake;
mod world;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::Method;
use fhe_nn_core::Error;
use fhe_nn_service::client::{Event, Session};
use fhe_nn_service::protocol::{ModelName, ProblemKind, ReceiptError, SigningKeys};
use fhe_nn_service::{ClientError, blocking};

use self::fake::{Fake, Mistake};
use self::world::World;

fn majority() -> ModelName {
    "majority".parse().expect("a name")
}

/// A client's session with a server that makes these mistakes.
async fn session(mistakes: &[(Method, Mistake)]) -> (Fake, Result<Session, ClientError>) {
    let fake = Fake::start(mistakes).await;
    let client = fake.client().build().expect("an address");
    let world = World::get();
    let session = client
        .session(&majority(), world.key(), world.upload.clone())
        .await;
    (fake, session)
}

/// Asks for one row in a session, after which the server makes a mistake.
async fn ask(mistake: Mistake) -> (Fake, Result<bool, ClientError>) {
    let (fake, session) = session(&[]).await;
    let session = session.expect("it begins");
    fake.then(Method::POST, mistake);
    let rows = World::rows();
    let right = World::get().clear(rows.view());
    let row: Vec<f32> = rows.row(3).to_vec();
    let scores = session.infer(&row).await;
    (fake, scores.map(|scores| scores == right[3]))
}

#[tokio::test]
async fn encrypted_scores_equal_clear_ones_and_a_key_is_sent_once() {
    let fake = Fake::start(&[]).await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = events.clone();
    let client = fake
        .client()
        .on_event(move |event| told.lock().expect("no panic").push(event))
        .build()
        .expect("an address");
    let world = World::get();
    let rows = World::rows();
    let model = majority();
    let begin = || client.session(&model, world.key(), world.upload.clone());
    let session = begin().await.expect("it begins");
    let answers = session
        .infer_all(rows.view())
        .await
        .expect("they are answered");
    let scores: Vec<_> = answers
        .iter()
        .flat_map(|answer| answer.scores.clone())
        .collect();
    assert_eq!(scores, world.clear(rows.view()));
    let receipt = answers[0].receipt.expect("the server signs");
    assert_eq!(receipt.claims().evaluation_key, session.key());
    begin().await.expect("it begins again");
    assert_eq!(fake.calls(), "GET HEAD PUT POST GET HEAD");
    let events = events.lock().expect("no panic");
    let total = world.upload.bytes();
    assert!(events.contains(&Event::KeySending { sent: total, total }));
    assert_eq!(events.last(), Some(&Event::KeyKnown));
    assert!(events.contains(&Event::Answered { requests: 8 }));
}

#[tokio::test]
async fn what_is_temporary_is_repeated() {
    let mistakes = [
        (
            Method::GET,
            Mistake::Problem(ProblemKind::Draining, Some(0)),
        ),
        (
            Method::HEAD,
            Mistake::Problem(ProblemKind::StoreUnavailable, None),
        ),
        (Method::PUT, Mistake::Broken),
        (
            Method::POST,
            Mistake::Problem(ProblemKind::QueueFull, Some(0)),
        ),
        (Method::POST, Mistake::Broken),
    ];
    let (fake, session) = session(&mistakes).await;
    let scores = session.expect("it begins").infer(&[1.0, 1.0, 0.0]).await;
    assert_eq!(scores.expect("it is answered").integers(), [1]);
    assert_eq!(fake.calls(), "GET GET HEAD HEAD PUT PUT POST POST POST");
}

#[tokio::test]
async fn what_the_caller_must_change_is_told_at_once() {
    for kind in [
        ProblemKind::Unauthorized,
        ProblemKind::UnknownModel,
        ProblemKind::KeyOfAnotherModel,
        ProblemKind::RetiredPlan,
        ProblemKind::InferenceFailed,
    ] {
        let (fake, scores) = ask(Mistake::Problem(kind, None)).await;
        let refused = scores.expect_err("the server refuses");
        assert_eq!(
            refused.problem().and_then(|problem| problem.kind()),
            Some(kind)
        );
        assert!(
            refused.to_string().ends_with("this is what is wrong"),
            "{refused}"
        );
        assert_eq!(fake.calls(), "GET HEAD PUT POST");
    }
}

#[tokio::test]
async fn an_accepted_inference_is_asked_for_until_it_is_there() {
    let (fake, session) = session(&[]).await;
    let session = session.expect("it begins");
    fake.then(Method::POST, Mistake::Later);
    fake.then(Method::GET, Mistake::Later);
    let scores = session.infer(&[1.0, 1.0, 0.0]).await;
    assert_eq!(scores.expect("it is answered").integers(), [1]);
    assert_eq!(fake.calls(), "GET HEAD PUT POST GET GET");
}

#[tokio::test]
async fn a_lost_inference_is_asked_for_anew() {
    let (fake, session) = session(&[]).await;
    let session = session.expect("it begins");
    fake.then(Method::POST, Mistake::Later);
    fake.then(Method::GET, Mistake::Lost);
    let scores = session.infer(&[1.0, 1.0, 0.0]).await;
    assert_eq!(scores.expect("it is answered").integers(), [1]);
    assert_eq!(fake.calls(), "GET HEAD PUT POST GET POST");
}

#[tokio::test]
async fn a_key_that_expired_is_sent_again() {
    let (fake, session) = session(&[]).await;
    let session = session.expect("it begins");
    fake.forget_keys();
    session
        .infer(&[1.0, 1.0, 0.0])
        .await
        .expect("it is answered");
    assert_eq!(fake.calls(), "GET HEAD PUT POST PUT POST");
}

#[tokio::test]
async fn replies_without_a_right_receipt_are_not_decrypted() {
    let (_, missing) = ask(Mistake::NoReceipt).await;
    assert!(matches!(missing, Err(ClientError::NoReceipt)));
    let (_, changed) = ask(Mistake::Changed).await;
    let changed = changed.expect_err("a bit was changed");
    assert!(
        matches!(
            &changed,
            ClientError::Receipt(ReceiptError::Other {
                what: "replies",
                ..
            })
        ),
        "{changed}"
    );
}

#[tokio::test]
async fn a_server_may_change_its_signing_key_unless_the_client_has_pinned_one() {
    let (fake, scores) = ask(Mistake::Rotated).await;
    assert!(scores.expect("the new key is in the description"));
    assert_eq!(fake.calls(), "GET HEAD PUT POST GET");
    let world = World::get();
    let other = SigningKeys::generate()
        .expect("there is randomness")
        .identity();
    for (pinned, right) in [(fake.identity(), true), (other, false)] {
        let client = fake
            .client()
            .server_identity(pinned)
            .build()
            .expect("an address");
        let session = client
            .session(&majority(), world.key(), world.upload.clone())
            .await;
        let scores = session.expect("it begins").infer(&[1.0, 1.0, 0.0]).await;
        match scores {
            Ok(_) => assert!(right),
            Err(ClientError::Receipt(ReceiptError::UnknownKey(_))) => assert!(!right),
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn replies_to_another_request_are_refused_in_spite_of_their_receipt() {
    let (_, scores) = ask(Mistake::OtherReplies).await;
    assert!(matches!(
        scores,
        Err(ClientError::Core(Error::WrongRequest))
    ));
}

#[tokio::test]
async fn an_endless_answer_is_not_kept() {
    let (_, scores) = ask(Mistake::Endless).await;
    let refused = scores.expect_err("it has no end").to_string();
    assert!(refused.contains("it has more than"), "{refused}");
}

#[tokio::test]
async fn patience_ends_with_what_happened_last() {
    let mistakes = vec![
        (
            Method::GET,
            Mistake::Problem(ProblemKind::Draining, Some(1))
        );
        9
    ];
    let fake = Fake::start(&mistakes).await;
    let client = fake.client().patience(Duration::from_millis(1500));
    let client = client.build().expect("an address");
    let refused = client
        .description(&majority())
        .await
        .expect_err("it drains");
    assert_eq!(
        refused.problem().and_then(|problem| problem.kind()),
        Some(ProblemKind::Draining)
    );
    let nobody = fake_address().await;
    let client = fhe_nn_service::Client::builder(&nobody).patience(Duration::ZERO);
    let client = client.build().expect("an address");
    let refused = client
        .models()
        .await
        .expect_err("nobody is there")
        .to_string();
    assert!(
        refused.starts_with("GET /v1/models: no answer within 0s: there is no connection"),
        "{refused}"
    );
}

/// An address at which nobody listens.
async fn fake_address() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    format!(
        "http://{}",
        listener.local_addr().expect("it has an address")
    )
}

#[tokio::test]
async fn forgetting_a_key_is_not_repeated() {
    let (fake, session) = session(&[]).await;
    fake.then(
        Method::DELETE,
        Mistake::Problem(ProblemKind::StoreUnavailable, Some(0)),
    );
    let refused = session.expect("it begins").forget_key().await;
    assert!(refused.is_err());
    assert_eq!(fake.calls(), "GET HEAD PUT DELETE");
}

#[tokio::test]
async fn one_call_has_at_most_so_many_rows() {
    let (_, session) = session(&[]).await;
    let session = session.expect("it begins");
    for rows in [0, 65] {
        let refused = session
            .ask(fhe_nn_core::ndarray::Array2::zeros((rows, 3)).view())
            .await;
        assert!(matches!(refused, Err(ClientError::Rows { most: 64, .. })));
    }
}

#[test]
fn a_program_without_a_runtime_asks_as_well() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let fake = runtime.block_on(Fake::start(&[]));
    let client = fake.client().build().expect("an address");
    let client = blocking::Client::new(client).expect("a runtime");
    let world = World::get();
    let session = client.session(&majority(), world.key(), world.upload.clone());
    let session = session.expect("it begins");
    assert_eq!(
        session
            .infer(&[1.0, 0.0, 1.0])
            .expect("it is answered")
            .integers(),
        [1]
    );
    assert_eq!(
        session
            .infer(&[1.0, 0.0, 0.0])
            .expect("it is answered")
            .integers(),
        [0]
    );
}
