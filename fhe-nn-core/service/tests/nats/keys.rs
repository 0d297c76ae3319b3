use std::io;
use std::time::{Duration, SystemTime};

use fhe_nn_service::protocol::{Hash, Tenant, Token};
use fhe_nn_service::store::{KeyRecord, Keys, Put, StoreError, TokenRecord, Tokens};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::server::Nats;

fn tenant(name: &str) -> Tenant {
    name.parse().expect("a name")
}

fn record(bytes: usize) -> KeyRecord {
    let since = SystemTime::now();
    KeyRecord {
        bytes: bytes as u64,
        plan: Hash::of(b"plan"),
        id: [7; 16],
        since,
        until: since + Duration::from_secs(60),
    }
}

async fn content(keys: &dyn Keys, tenant: &Tenant, key: &Hash) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = keys.open(tenant, key).await.expect("it can be asked");
    opened?.read_to_end(&mut bytes).await.expect("it is whole");
    Some(bytes)
}

#[tokio::test]
async fn a_key_is_one_tenants_and_every_process_has_it() {
    let nats = Nats::start().await;
    let (one, other) = (nats.store().await.keys, nats.store().await.keys);
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    let key = Hash::of(&bytes);
    // a dot in a name is not one of a subject
    let (mine, theirs) = (tenant("a.b"), tenant("a"));
    for expected in [Put::New, Put::Again] {
        let put = one
            .put(&mine, &key, record(bytes.len()), 1 << 30, &mut &bytes[..])
            .await;
        assert_eq!(put.expect("there is room"), expected);
    }
    assert_eq!(content(&*other, &mine, &key).await.as_ref(), Some(&bytes));
    assert_eq!(other.used(&mine).await.expect("it is known"), 3_000_000);
    assert_eq!(content(&*other, &theirs, &key).await, None);
    assert_eq!(
        other.find(&theirs, &key).await.expect("it can be asked"),
        None
    );
    assert_eq!(other.used(&theirs).await.expect("it is known"), 0);

    let more = Hash::of(b"more");
    let full = one
        .put(&mine, &more, record(4), 3_000_003, &mut &b"more"[..])
        .await;
    assert!(matches!(
        full,
        Err(StoreError::Quota {
            used: 3_000_000,
            wanted: 4,
            ..
        })
    ));

    let later = SystemTime::now() + Duration::from_secs(1000);
    other.keep(&mine, &key, later).await.expect("it is there");
    let found = one
        .find(&mine, &key)
        .await
        .expect("it can be asked")
        .expect("it is there");
    assert!(found.until >= later);
    assert_eq!(
        one.expire(SystemTime::now())
            .await
            .expect("it can be asked"),
        0
    );
    assert_eq!(one.expire(later).await.expect("it can be asked"), 1);
    assert_eq!(content(&*other, &mine, &key).await, None);
    assert_eq!(other.used(&mine).await.expect("it is known"), 0);

    let put = one
        .put(&mine, &key, record(bytes.len()), 1 << 30, &mut &bytes[..])
        .await;
    assert_eq!(put.expect("there is room again"), Put::New);
    assert!(other.remove(&mine, &key).await.expect("it is there"));
    assert!(!one.remove(&mine, &key).await.expect("it can be asked"));
    assert_eq!(content(&*one, &mine, &key).await, None);
}

#[tokio::test]
async fn a_key_whose_bytes_end_with_an_error_is_absent() {
    let nats = Nats::start().await;
    let keys = nats.store().await.keys;
    let mine = tenant("mine");
    let key = Hash::of(b"a key");
    let mut cut = b"a k".chain(Failing);
    let refused = keys.put(&mine, &key, record(5), 100, &mut cut).await;
    match refused {
        Err(StoreError::Content(error)) => assert_eq!(error.to_string(), "the hash differs"),
        other => panic!("{other:?}"),
    }
    let refused = keys
        .put(&mine, &key, record(6), 100, &mut &b"a key"[..])
        .await;
    assert!(
        matches!(refused, Err(StoreError::Content(_))),
        "{refused:?}"
    );
    assert_eq!(content(&*keys, &mine, &key).await, None);
    assert_eq!(keys.used(&mine).await.expect("it is known"), 0);
}

/// A reader that fails, as one whose bytes have another hash.
struct Failing;

impl AsyncRead for Failing {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Err(io::Error::other("the hash differs")))
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_is_refused_by_every_process() {
    let nats = Nats::start().await;
    let (one, other) = (nats.store().await.tokens, nats.store().await.tokens);
    assert!(one.is_empty().await.expect("it can be asked"));
    let hash = Token::generate().expect("there is randomness").hash();
    let record = TokenRecord {
        hash,
        tenant: tenant("mine"),
        since: SystemTime::now(),
    };
    one.add(record.clone()).await.expect("there is room");
    assert!(!other.is_empty().await.expect("it can be asked"));
    assert_eq!(other.list().await.expect("it can be asked"), [record]);
    assert_eq!(
        other.tenant(&hash).await.expect("it can be asked"),
        Some(tenant("mine"))
    );
    assert!(one.revoke(&hash).await.expect("it is there"));
    assert!(!one.revoke(&hash).await.expect("it can be asked"));
    assert_eq!(other.tenant(&hash).await.expect("it can be asked"), None);
    assert!(other.is_empty().await.expect("it can be asked"));
}
