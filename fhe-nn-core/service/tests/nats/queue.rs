use std::time::{Duration, SystemTime};

use bytes::Bytes;
use fhe_nn_service::protocol::{JobState, Problem, ProblemKind, Tenant};
use fhe_nn_service::store::nats::{NatsQueue, NatsStore};
use fhe_nn_service::store::{
    Finished, Job, Lease, Limits, Outcome, Promise, Queue, State, StoreError,
};

use crate::server::{LIMITS, Nats, job};

async fn accept(queue: &NatsQueue, job: &Job) -> (State, bool) {
    let accepted = queue.accept(job.clone(), Promise::Now, &LIMITS).await;
    let accepted = accepted.expect("there is room");
    (accepted.state, accepted.new)
}

/// Takes the next job, which must come soon.
async fn lease(queue: &NatsQueue) -> Lease {
    let leases = tokio::time::timeout(Duration::from_secs(20), queue.lease(8)).await;
    let leases = leases.expect("there is work").expect("it can be asked");
    assert_eq!(leases.len(), 1);
    leases.into_iter().next().expect("there is one")
}

/// Whether nothing is to be done.
async fn is_idle(queue: &NatsQueue) -> bool {
    tokio::time::timeout(Duration::from_millis(1500), queue.lease(8))
        .await
        .is_err()
}

async fn finish(queue: &NatsQueue, lease: &Lease, outcome: Outcome) {
    let until = SystemTime::now() + Duration::from_secs(600);
    queue
        .finish(lease, outcome, until)
        .await
        .expect("it is stored");
}

async fn wait(queue: &NatsQueue, job: &Job) -> Finished {
    let state = queue
        .wait(&job.tenant, &job.name, Duration::from_secs(20))
        .await;
    match state.expect("it can be asked") {
        Some(State::Finished(finished)) => *finished,
        Some(State::Pending(state)) => panic!("it is {state} still"),
        None => panic!("it is unknown"),
    }
}

fn is_pending(state: &Option<State>, expected: JobState) -> bool {
    matches!(state, Some(State::Pending(state)) if *state == expected)
}

/// Bytes that need several messages.
fn large(seed: u8) -> Bytes {
    (0..1_700_000_u32)
        .map(|index| (index % 253) as u8 ^ seed)
        .collect::<Vec<u8>>()
        .into()
}

#[tokio::test]
async fn a_job_of_one_process_is_run_by_another_and_answered_once() {
    let nats = Nats::start().await;
    let NatsStore { queue, .. } = nats.store().await;
    let NatsStore { queue: worker, .. } = nats.store().await;
    let job = job("mine", large(1));
    let (state, new) = accept(&queue, &job).await;
    assert!(is_pending(&Some(state), JobState::Queued) && new);
    // a repetition finds it
    let (state, new) = accept(&worker, &job).await;
    assert!(is_pending(&Some(state), JobState::Queued) && !new);

    let taken = lease(&worker).await;
    assert_eq!((taken.attempt, taken.job.name), (1, job.name));
    assert!(taken.job.requests == job.requests);
    let state = queue
        .find(&job.tenant, &job.name)
        .await
        .expect("it can be asked");
    assert!(is_pending(&state, JobState::Running));
    let depth = queue.depth().await.expect("it can be asked");
    assert_eq!((depth.queued, depth.running), (0, 1));

    let waits = wait(&queue, &job);
    let finishes = finish(&worker, &taken, Outcome::Replies(large(2)));
    let (finished, ()) = tokio::join!(waits, finishes);
    assert!(finished.outcome == Outcome::Replies(large(2)));
    assert!(finished.claims.requests == job.requests_hash);

    // it is not run again, and nobody else knows it
    let (state, new) = accept(&queue, &job).await;
    assert!(matches!(state, State::Finished(_)) && !new);
    let other: Tenant = "other".parse().expect("a name");
    assert!(
        queue
            .find(&other, &job.name)
            .await
            .expect("it can be asked")
            .is_none()
    );
    assert!(is_idle(&worker).await);
    let depth = queue.depth().await.expect("it can be asked");
    assert_eq!((depth.queued, depth.running), (0, 0));
}

#[tokio::test]
async fn a_job_of_a_worker_that_ended_is_given_to_another_and_answered_once() {
    let nats = Nats::start().await;
    let NatsStore { queue, .. } = nats.store().await;
    let job = job("mine", "requests");
    accept(&queue, &job).await;
    let dead = nats.store().await;
    let lost = lease(&dead.queue).await;
    drop(dead);
    let NatsStore { queue: worker, .. } = nats.store().await;
    let taken = lease(&worker).await;
    assert_eq!((taken.attempt, taken.job.name), (2, lost.job.name));
    finish(&worker, &taken, Outcome::Replies("replies".into())).await;
    assert!(wait(&queue, &job).await.outcome == Outcome::Replies("replies".into()));
    assert!(is_idle(&worker).await);
}

#[tokio::test]
async fn signs_of_life_keep_a_job() {
    let nats = Nats::start().await;
    let patience = Duration::from_secs(3);
    let connect = async || {
        let connected = NatsStore::connect(&nats.options(patience)).await;
        connected.expect("it answers").queue
    };
    let (queue, other) = (connect().await, connect().await);
    accept(&queue, &job("mine", "requests")).await;
    let taken = lease(&queue).await;
    let signs = async {
        for _ in 0..16 {
            queue.extend(&taken).await.expect("it is heard");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        () = signs => {}
        _ = other.lease(8) => panic!("a worker that was heard lost its job"),
    }
    queue.release(&taken).await.expect("it is given back");
    // who gives a job back has not ended by it
    assert_eq!(lease(&other).await.attempt, 1);
}

#[tokio::test]
async fn a_job_that_ends_its_workers_is_not_begun_for_ever_and_its_client_is_told() {
    let nats = Nats::start().await;
    let NatsStore { queue, .. } = nats.store().await;
    let job = job("mine", "poison");
    accept(&queue, &job).await;
    for attempt in 1..=10 {
        assert_eq!(lease(&queue).await.attempt, attempt);
    }
    // whoever takes it next gives it up
    let told = tokio::select! {
        told = wait(&queue, &job) => told,
        _ = queue.lease(8) => panic!("it is begun again"),
    };
    let Outcome::Problem(problem) = told.outcome else {
        panic!("there are replies");
    };
    assert_eq!(problem.kind(), Some(ProblemKind::InferenceFailed));
    assert!(problem.detail().contains("ended 10 workers"), "{problem}");
    assert_eq!(queue.depth().await.expect("it can be asked").queued, 0);

    // whoever asks again gets another attempt
    let (state, new) = accept(&queue, &job).await;
    assert!(is_pending(&Some(state), JobState::Queued) && new);
    let taken = lease(&queue).await;
    assert_eq!(taken.attempt, 1);
    let problem = Problem::new(ProblemKind::UnknownKey, "it is gone");
    finish(&queue, &taken, Outcome::Problem(problem.clone())).await;
    assert!(wait(&queue, &job).await.outcome == Outcome::Problem(problem));
}

#[tokio::test]
async fn a_job_that_is_given_back_is_not_taken_for_an_attempt_before() {
    let nats = Nats::start().await;
    let NatsStore { queue, .. } = nats.store().await;
    let job = job("mine", "requests");
    // the numbers of outcomes and of jobs are small here, and equal
    for _ in 0..3 {
        accept(&queue, &job).await;
        let taken = lease(&queue).await;
        queue.release(&taken).await.expect("it is given back");
        let taken = lease(&queue).await;
        let problem = Problem::new(ProblemKind::InferenceFailed, "again");
        finish(&queue, &taken, Outcome::Problem(problem)).await;
    }
    accept(&queue, &job).await;
    let taken = lease(&queue).await;
    finish(&queue, &taken, Outcome::Replies("replies".into())).await;
    assert!(wait(&queue, &job).await.outcome == Outcome::Replies("replies".into()));
}

#[tokio::test]
async fn limits_are_those_of_all_processes_together() {
    let nats = Nats::start().await;
    let NatsStore { queue, .. } = nats.store().await;
    let NatsStore { queue: other, .. } = nats.store().await;
    for requests in ["one", "two"] {
        accept(&queue, &job("a.b", requests)).await;
    }
    accept(&queue, &job("a", "three")).await;
    let limits = Limits {
        tenant_jobs: 2,
        ..LIMITS
    };
    let refused = other
        .accept(job("a.b", "more"), Promise::Now, &limits)
        .await
        .err();
    assert!(matches!(
        refused,
        Some(StoreError::TenantQueueFull {
            waiting: 2,
            limit: 2
        })
    ));
    let limits = Limits { jobs: 3, ..LIMITS };
    let refused = other
        .accept(job("c", "more"), Promise::Now, &limits)
        .await
        .err();
    assert!(matches!(
        refused,
        Some(StoreError::QueueFull {
            waiting: 3,
            limit: 3
        })
    ));
    let limits = Limits {
        bytes: 10,
        ..LIMITS
    };
    let refused = other
        .accept(job("c", "more"), Promise::Now, &limits)
        .await
        .err();
    assert!(matches!(refused, Some(StoreError::QueueFull { .. })));
}

#[tokio::test]
async fn what_was_accepted_outlives_a_kill_of_the_server() {
    let mut nats = Nats::start().await;
    let NatsStore { queue, .. } = nats.store().await;
    let (done, waits) = (job("mine", "done"), job("mine", "waits"));
    accept(&queue, &done).await;
    let taken = lease(&queue).await;
    finish(&queue, &taken, Outcome::Replies("replies".into())).await;
    accept(&queue, &waits).await;
    nats.kill_and_start().await;
    let NatsStore { queue, .. } = nats.store().await;
    assert!(wait(&queue, &done).await.outcome == Outcome::Replies("replies".into()));
    let taken = lease(&queue).await;
    assert_eq!(taken.job.name, waits.name);
}

#[tokio::test]
async fn a_store_of_a_newer_program_is_refused() {
    let nats = Nats::start().await;
    let client = async_nats::connect(nats.url()).await.expect("it is there");
    let context = async_nats::jetstream::new(client);
    let versions = context
        .get_key_value("fhe-nn-version")
        .await
        .expect("it was made");
    versions
        .put("version", "2".into())
        .await
        .expect("there is room");
    let refused = NatsStore::connect(&nats.options(Duration::from_secs(1)))
        .await
        .err();
    assert!(matches!(
        refused,
        Some(StoreError::NewerVersion { found: 2, known: 1 })
    ));
}
