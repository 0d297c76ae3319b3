use std::time::SystemTime;

use fhe_nn_core::Description;
use fhe_nn_service::protocol::{Claims, Hash, SigningKeys};

use crate::shell::Shell;

/// Writes a receipt, and what it is about.
fn shell() -> (Shell, SigningKeys) {
    let shell = Shell::with_network();
    let mut keys = SigningKeys::generate().expect("there is randomness");
    let description = Description::load(shell.path("net.description")).expect("it is one");
    let plan = description.plan();
    shell.write("requests", "some requests");
    shell.write("replies", "their replies");
    shell.write("other", "other replies");
    shell.write("eval", "a key");
    let claims = Claims {
        model: plan.model.into(),
        plan: plan.fingerprint().into(),
        evaluation_key: Hash::of(b"a key"),
        requests: Hash::of(b"some requests"),
        replies: Hash::of(b"their replies"),
    };
    let receipt = keys.sign(claims, SystemTime::now());
    shell.write("receipt", format!("{receipt}\n"));
    keys.rotate().expect("there is randomness");
    let published = serde_json::to_string(&keys.published()).expect("they are text");
    shell.write("keys.json", published);
    let named = description.with_server_identity(keys.identity());
    shell.write("named.description", named.to_bytes());
    (shell, keys)
}

#[test]
fn a_receipt_is_checked_without_a_server() {
    let (shell, keys) = shell();
    let call = "verify receipt --requests requests --replies";
    let found = shell.json(&format!(
        "{call} replies --server-key keys.json --evaluation-key eval --description net.description"
    ));
    assert_eq!(found["right"], true);
    assert_eq!(found["plan_compared"], true);
    // the key of before the rotation signed it
    let older = hex::encode(keys.published().keys[1].public);
    let found = shell.json(&format!("{call} replies --server-key {older}"));
    assert_eq!(found["right"], true);
    assert_eq!(found["plan_compared"], false);

    let newer = hex::encode(keys.identity());
    for (rest, reason) in [
        ("other --server-key keys.json", "about replies"),
        (
            &format!("replies --server-key {newer}"),
            "is not one of the server's keys",
        ),
        (
            "replies --server-key named.description",
            "is not one of the server's keys",
        ),
        (
            "replies --server-key keys.json --evaluation-key other",
            "about evaluation key",
        ),
    ] {
        let output = shell.call(&format!("{call} {rest}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{rest}: {text}");
        assert!(
            text.starts_with("wrong: ") && text.contains(reason),
            "{rest}: {text}"
        );
    }
}

#[test]
fn what_is_no_receipt_or_no_key_of_a_server_is_refused() {
    let (shell, _) = shell();
    shell.write("none", "{\"keys\": []}");
    for (rest, reason) in [
        (
            "replies --requests requests --replies replies --server-key keys.json",
            "receipt is malformed",
        ),
        (
            "receipt --requests requests --replies replies --server-key none",
            "has 0 public keys",
        ),
        (
            "receipt --requests requests --replies replies --server-key eval",
            "is neither a description",
        ),
        (
            "receipt --requests requests --replies replies --server-key net.description",
            "has no public key of a server",
        ),
        (
            "receipt --requests requests --replies missing --server-key keys.json",
            "cannot read `missing`",
        ),
    ] {
        let told = shell.refuses(&format!("verify {rest}"));
        assert!(told.contains(reason), "{rest}: {told}");
    }
}

#[test]
fn a_server_that_cannot_be_asked_is_told() {
    let shell = Shell::with_network();
    shell.write("token", "secret\n");
    for (rest, reason) in [
        ("http://example.org --model net", "has no TLS"),
        ("example.org --model net", "is not the address of a server"),
        (
            "http://127.0.0.1:9 --model net --patience 0",
            "no answer within 0s",
        ),
        ("http://127.0.0.1:9 --model n/t", "the name of a model has"),
        (
            "http://127.0.0.1:9 --model net --token-file token",
            "`token` has no token",
        ),
        (
            "http://127.0.0.1:9 --model net --evaluation-key eval",
            "--key",
        ),
        ("http://127.0.0.1:9 --model net --unprotected", "--key"),
    ] {
        let told = shell.refuses(&format!("infer {rest} --inputs rows.csv"));
        assert!(told.contains(reason), "{rest}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
}
