//! What a folder keeps when its process ends, and what it does not.

use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use super::schedule::tests::job;
use super::*;
use crate::protocol::{Hash, JobState, ProblemKind, Tenant};
use crate::store::{
    Accepting, Depth, KeyRecord, Keys, Limits, MOST_ATTEMPTS, Outcome, Promise, Put, Queue, State,
    TokenRecord, Tokens,
};

const LIMITS: Limits = Limits {
    jobs: 3,
    tenant_jobs: 2,
    bytes: 1 << 20,
};
const SOON: Duration = Duration::from_secs(60);

fn folder() -> (tempfile::TempDir, Folder) {
    let place = tempfile::tempdir().expect("a folder can be made");
    let folder = Folder::open(place.path()).expect("it can be opened");
    (place, folder)
}

fn reopened(place: &tempfile::TempDir, folder: Folder) -> Folder {
    drop(folder);
    Folder::open(place.path()).expect("it can be opened again")
}

fn tenant(name: &str) -> Tenant {
    name.parse().expect("it is a name")
}

fn record(bytes: u64, lasts: Duration) -> KeyRecord {
    let since = SystemTime::now();
    KeyRecord {
        bytes,
        plan: Hash::of(b"plan"),
        id: [0; 16],
        since,
        until: since + lasts,
    }
}

fn replies(state: Option<State>) -> Option<Bytes> {
    match state? {
        State::Finished(finished) => match finished.outcome {
            Outcome::Replies(bytes) => Some(bytes),
            Outcome::Problem(_) => None,
        },
        State::Pending(_) => None,
    }
}

#[tokio::test]
async fn promised_jobs_and_replies_outlive_the_process() {
    let (place, folder) = folder();
    let (kept, lost, done) = (job("a", 0, 0), job("a", 0, 1), job("b", 0, 2));
    for (job, promise) in [
        (&done, Promise::Later),
        (&kept, Promise::Now),
        (&lost, Promise::Later),
    ] {
        let queue = &folder.queue;
        let accepted = queue.accept(job.clone(), promise, &LIMITS).await;
        assert!(accepted.expect("there is room").new);
    }
    loop {
        let leases = folder.queue.lease(1).await.expect("there is work");
        let until = SystemTime::now() + SOON;
        if leases[0].job.name == done.name {
            let outcome = Outcome::Replies(Bytes::from_static(b"reply"));
            let finished = folder.queue.finish(&leases[0], outcome, until).await;
            finished.expect("it is written");
            break;
        }
    }
    let folder = reopened(&place, folder);
    let queue = &folder.queue;
    let found = queue.find(&done.tenant, &done.name).await.expect("read");
    assert_eq!(replies(found).as_deref(), Some(&b"reply"[..]));
    let found = queue.find(&kept.tenant, &kept.name).await.expect("read");
    assert!(found == Some(State::Pending(JobState::Queued)));
    let found = queue.find(&lost.tenant, &lost.name).await.expect("read");
    assert!(found.is_none());
    // it does not exist for another tenant
    let found = queue.find(&tenant("b"), &kept.name).await.expect("read");
    assert!(found.is_none());
    let leases = queue.lease(8).await.expect("there is work");
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0].job.requests, kept.requests);
    // a repetition is a look-up
    let again = queue
        .accept(done.clone(), Promise::Later, &LIMITS)
        .await
        .expect("it is known");
    assert!(!again.new && matches!(again.state, State::Finished(_)));
}

#[tokio::test]
async fn a_job_that_ends_the_process_is_given_up_in_the_end() {
    let (place, mut folder) = folder();
    let job = job("a", 0, 0);
    let accepted = folder.queue.accept(job.clone(), Promise::Now, &LIMITS);
    accepted.await.expect("there is room");
    for _ in 0..MOST_ATTEMPTS {
        let leases = folder.queue.lease(1).await.expect("there is work");
        assert_eq!(leases.len(), 1);
        folder = reopened(&place, folder);
    }
    let found = folder.queue.find(&job.tenant, &job.name).await;
    let Some(State::Finished(finished)) = found.expect("read") else {
        panic!("it is finished");
    };
    let Outcome::Problem(problem) = finished.outcome else {
        panic!("it has no replies");
    };
    assert_eq!(problem.kind(), Some(ProblemKind::InferenceFailed));
    // whoever asks for it again gets another attempt
    let accepted = folder.queue.accept(job, Promise::Later, &LIMITS).await;
    assert!(accepted.expect("there is room").new);
}

#[tokio::test]
async fn nobody_waits_so_nothing_is_run() {
    let (_place, folder) = folder();
    let queue = &folder.queue;
    let (one, other) = (job("a", 0, 0), job("a", 0, 1));
    for job in [&one, &one, &other] {
        let accepted = queue.accept(job.clone(), Promise::Later, &LIMITS).await;
        accepted.expect("there is room");
    }
    queue.withdraw(&one.name).await;
    queue.withdraw(&other.name).await;
    let leases = queue.lease(8).await.expect("there is work");
    assert_eq!(leases.len(), 1, "somebody still waits for the first");
    assert!(
        !leases[0]
            .cancelled
            .load(std::sync::atomic::Ordering::Relaxed)
    );
    queue.withdraw(&one.name).await;
    assert!(
        leases[0]
            .cancelled
            .load(std::sync::atomic::Ordering::Relaxed)
    );
    assert_eq!(queue.depth().await.expect("read"), Depth::default());
    // a result that comes too late is nobody's
    let outcome = Outcome::Replies(Bytes::from_static(b"reply"));
    let late = queue.finish(&leases[0], outcome, SystemTime::now() + SOON);
    late.await.expect("it is ignored");
    let found = queue.find(&one.tenant, &one.name).await.expect("read");
    assert!(found.is_none());
}

#[tokio::test]
async fn a_full_queue_takes_no_more_and_repetitions_all_the_same() {
    let (_place, folder) = folder();
    let queue = &folder.queue;
    for job in [job("a", 0, 0), job("a", 0, 1), job("b", 0, 0)] {
        let accepted = queue.accept(job, Promise::Later, &LIMITS).await;
        accepted.expect("there is room");
    }
    let full = queue.accept(job("a", 0, 2), Promise::Later, &LIMITS).await;
    assert!(matches!(
        full.err(),
        Some(StoreError::TenantQueueFull {
            waiting: 2,
            limit: 2
        })
    ));
    let full = queue.accept(job("c", 0, 0), Promise::Now, &LIMITS).await;
    assert!(matches!(
        full.err(),
        Some(StoreError::QueueFull {
            waiting: 3,
            limit: 3
        })
    ));
    let Accepting { new, .. } = queue
        .accept(job("a", 0, 1), Promise::Now, &LIMITS)
        .await
        .expect("it has its place already");
    assert!(!new);
}

#[tokio::test]
async fn a_key_is_whole_or_absent() {
    let (place, folder) = folder();
    let (me, other) = (tenant("a"), tenant("b"));
    let key = Hash::of(b"key");
    let mut broken = io::Cursor::new(b"ke").chain(Broken);
    let put = folder
        .keys
        .put(&me, &key, record(3, SOON), 10, &mut broken)
        .await;
    assert!(matches!(put.err(), Some(StoreError::Content(_))));
    assert_eq!(folder.keys.find(&me, &key).await.expect("read"), None);

    for expected in [Put::New, Put::Again] {
        let mut content = &b"key"[..];
        let put = folder.keys.put(&me, &key, record(3, SOON), 3, &mut content);
        assert_eq!(put.await.expect("there is room"), expected);
    }
    let second = folder
        .keys
        .put(&me, &Hash::of(b"k"), record(1, SOON), 3, &mut &b"k"[..])
        .await;
    assert!(matches!(
        second.err(),
        Some(StoreError::Quota {
            used: 3,
            wanted: 1,
            quota: 3
        })
    ));
    // what a crash leaves between a file and its entry is removed
    let stray = place.path().join("keys/a").join(Hash::of(b"x").to_string());
    fs::write(&stray, b"x").expect("files can be written");
    fs::write(place.path().join("incoming/half"), b"x").expect("files can be written");
    let folder = reopened(&place, folder);
    assert!(!stray.exists() && !place.path().join("incoming/half").exists());

    let mut bytes = Vec::new();
    let content = folder.keys.open(&me, &key).await.expect("read");
    let read = content.expect("it is there").read_to_end(&mut bytes).await;
    assert_eq!((read.expect("read"), &bytes[..]), (3, &b"key"[..]));
    assert_eq!(folder.keys.find(&other, &key).await.expect("read"), None);
    assert!(!folder.keys.remove(&other, &key).await.expect("written"));
    assert!(folder.keys.remove(&me, &key).await.expect("written"));
    assert!(folder.keys.open(&me, &key).await.expect("read").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_sent_while_it_is_removed_has_its_bytes_or_no_entry() {
    let (_place, folder) = folder();
    let keys = folder.keys;
    let (me, key) = (tenant("a"), Hash::of(b"key"));
    let sending = {
        let (keys, me) = (Arc::clone(&keys), me.clone());
        tokio::spawn(async move {
            for _ in 0..30 {
                let mut content = &b"key"[..];
                let put = keys.put(&me, &key, record(3, SOON), 3, &mut content);
                put.await.expect("there is room");
            }
        })
    };
    while !sending.is_finished() {
        keys.remove(&me, &key).await.expect("written");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    sending.await.expect("it ends");
    let entry = keys.find(&me, &key).await.expect("read").is_some();
    let bytes = keys.open(&me, &key).await.expect("read").is_some();
    assert_eq!(entry, bytes);
}

#[tokio::test]
async fn keys_expire_unless_they_are_used() {
    let (_place, folder) = folder();
    let me = tenant("a");
    let (used, unused) = (Hash::of(b"1"), Hash::of(b"2"));
    for (key, mut content) in [(used, &b"1"[..]), (unused, &b"2"[..])] {
        let put = folder
            .keys
            .put(&me, &key, record(1, SOON), 10, &mut content);
        put.await.expect("there is room");
    }
    let later = SystemTime::now() + SOON + SOON;
    folder
        .keys
        .keep(&me, &used, later + SOON)
        .await
        .expect("written");
    assert_eq!(folder.keys.expire(later).await.expect("written"), 1);
    assert!(folder.keys.find(&me, &used).await.expect("read").is_some());
    assert!(
        folder
            .keys
            .find(&me, &unused)
            .await
            .expect("read")
            .is_none()
    );
    assert_eq!(folder.keys.used(&me).await.expect("read"), 1);
}

#[tokio::test]
async fn tokens_are_made_and_revoked_beside_a_running_service() {
    let (place, folder) = folder();
    let command = FolderTokens::open(place.path());
    let record = TokenRecord {
        hash: [7; 32].into(),
        tenant: tenant("a"),
        since: SystemTime::now(),
    };
    command.add(record.clone()).await.expect("written");
    let found = folder.tokens.tenant(&record.hash).await.expect("read");
    assert_eq!(found, Some(tenant("a")));
    assert!(command.revoke(&record.hash).await.expect("written"));
    assert_eq!(command.list().await.expect("read"), []);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let found = folder.tokens.tenant(&record.hash).await.expect("read");
    assert_eq!(found, None);
}

/// A connection that breaks.
struct Broken;

impl tokio::io::AsyncRead for Broken {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}
