//! A service that has a certificate, and clients that trust it or do not.

use std::fs;
use std::time::Duration;

use fhe_nn_core::ClientKey;
use fhe_nn_service::protocol::ModelName;
use fhe_nn_service::server::{Tls, TlsError};
use fhe_nn_service::{Client, ClientError, Upload};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::fixture::{Setup, majority};

/// A certificate that a server made for itself, and its key, both in PEM.
fn certificate() -> (String, String) {
    let made = generate_simple_self_signed(["localhost".to_owned()]);
    let CertifiedKey { cert, signing_key } = made.expect("a certificate can be made");
    (cert.pem(), signing_key.serialize_pem())
}

/// Loads a certificate and a key as `serve` does.
fn load(certificate: &str, key: &str) -> Result<Tls, TlsError> {
    let folder = TempDir::new().expect("a folder can be made");
    let (at, key_at) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    fs::write(&at, certificate).expect("it can be written");
    fs::write(&key_at, key).expect("it can be written");
    Tls::load(&at, &key_at)
}

#[test]
fn a_client_that_trusts_the_certificate_is_answered_and_no_other_is() {
    let (pem, key) = certificate();
    let service = Setup {
        tls: Some(load(&pem, &key).expect("they go together")),
        ..Setup::default()
    }
    .start();
    let url = format!("https://localhost:{}", service.address.port());
    let network = majority();
    let model: ModelName = "Majority".parse().expect("it is a name");
    let own = ClientKey::from_unprotected_bytes(&network.client.to_unprotected_bytes());
    let upload = Upload::of(&network.client.evaluation_key().expect("it can be made"));
    let runtime = Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        let client = Client::builder(&url).root_certificates(pem).build();
        let client = client.expect("it is an address");
        let own = own.expect("it is a key");
        let session = client.session(&model, own, upload).await;
        let session = session.expect("it begins");
        let scores = session.infer(&[1.0, 0.0, 1.0]).await;
        assert_eq!(scores.expect("it is answered"), network.clear(5));

        let patience = Duration::from_secs(2);
        let stranger = Client::builder(&url);
        let stranger = stranger.on_event(|event| panic!("no repetition changes it: {event:?}"));
        let stranger = stranger.build();
        let refused = stranger.expect("it is an address").models().await;
        assert!(
            matches!(refused, Err(ClientError::Untrusted { .. })),
            "{refused:?}"
        );

        let plain = format!("http://localhost:{}", service.address.port());
        let plain = Client::builder(&plain).patience(patience).build();
        let refused = plain.expect("it is an address").models().await;
        assert!(
            matches!(refused, Err(ClientError::NoAnswer { .. })),
            "{refused:?}"
        );
    });
}

#[test]
fn files_that_do_not_go_together_are_refused() {
    let (pem, key) = certificate();
    let (_, another) = certificate();
    let refused = |pem: &str, key: &str| load(pem, key).err().expect("it is refused").to_string();
    assert!(refused(&pem, &another).contains("cannot be used"));
    assert!(refused("nothing", &key).contains("c.pem"));
    assert!(refused(&pem, "nothing").contains("k.pem"));
    // the two in each other's place
    assert!(refused(&key, &pem).contains("c.pem"));
}
