//! Options of an encrypted run: batches, threads, progress, cancellation, shared keys. Replies are the
//! same with all of them, bit for bit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::random::Random;
use fhe_nn_core::Error;
use fhe_nn_core::plan::Prefer;
use fhe_nn_core::prelude::*;
use fhe_nn_core::run::{Profile, Progress, Watch, Work};
use rayon::prelude::*;

#[fhe_network(input(shape = [6], bits = 2))]
struct Deep {
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc1: Dense<6, 5>,
    #[bits(output = 2, phases = 2)]
    wave1: Wave,
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc2: Dense<10, 3>,
    #[bits(output = 2)]
    wave2: Wave,
    #[bits(weights = 2, accumulator = 3, overflow = wrap)]
    fc3: Dense<3, 3>,
    #[bits(output = 2)]
    wave3: Wave,
    #[bits(weights = 2)]
    scores: Dense<3, 2>,
}

/// Number of bootstraps in one inference.
const BOOTSTRAPS: usize = 5 + 3 + 3;

/// More images than are in memory together.
const IMAGES: usize = 18;

struct Setting {
    network: Deep,
    client: ClientKey,
    evaluation: EvaluationKey,
    server: ServerKey,
    inputs: Vec<Vec<f32>>,
    requests: Vec<Request>,
}

fn setting(options: &PlanOptions) -> Setting {
    let mut random = Random(5);
    let network: Deep = random.network();
    let plan = network.plan(options).expect("parameters exist");
    let client = ClientKey::generate(&plan).expect("the plan was just found");
    let inputs: Vec<Vec<f32>> = (0..IMAGES).map(|_| random.input::<Deep>(1.0)).collect();
    let requests = inputs.iter().map(|input| client.encrypt(input));
    let requests = requests.collect::<Result<_, _>>().expect("finite");
    let evaluation = client.evaluation_key().expect("the system has randomness");
    Setting {
        server: ServerKey::new(&evaluation),
        evaluation,
        network,
        client,
        inputs,
        requests,
    }
}

impl Setting {
    fn run(&self, execution: &Execution<'_>) -> Result<Vec<Reply>, Error> {
        self.network
            .run_encrypted_batch(&self.server, &self.requests, execution)
    }
}

#[test]
fn batches_and_threads_give_the_replies_of_single_runs() {
    let setting = setting(&PlanOptions::default());
    let single: Vec<Reply> = setting
        .requests
        .iter()
        .map(|request| setting.network.run_encrypted(&setting.server, request))
        .collect::<Result<_, _>>()
        .expect("they go together");
    let exchanges = setting.requests.iter().zip(&single);
    for ((request, reply), input) in exchanges.zip(&setting.inputs) {
        let clear = setting.network.run(input).expect("finite");
        assert_eq!(
            setting.client.decrypt(request, reply).expect("its own"),
            clear
        );
    }
    for threads in [1, 2, 3] {
        let batch = setting.run(&Execution::new().with_threads(threads));
        assert_eq!(batch.expect("they go together"), single, "{threads}");
    }
    let none = setting
        .network
        .run_encrypted_batch(&setting.server, &[], &Execution::default());
    assert_eq!(none.expect("nothing to do"), []);
}

/// A key that expands in parallel must not wait for itself.
#[test]
fn the_first_runs_with_a_key_may_be_tasks_of_one_thread_pool() {
    let setting = setting(&PlanOptions::default());
    let runs = setting.requests[..4].par_iter().zip(&setting.inputs);
    runs.for_each(|(request, input)| {
        let reply = setting.network.run_encrypted(&setting.server, request);
        let scores = setting
            .client
            .decrypt(request, &reply.expect("they go together"));
        let clear = setting.network.run(input).expect("finite");
        assert_eq!(scores.expect("its own"), clear);
    });
}

#[test]
fn layers_that_share_their_keys_compute_the_same() {
    let fast = setting(&PlanOptions::default());
    let small = setting(&PlanOptions::new().with_prefer(Prefer::SmallestKeys));
    let plan = small.server.plan();
    let keys = plan.new_keys();
    assert!(
        keys.iter().any(|(.., is_new)| !is_new.bootstrapping),
        "{plan}"
    );
    let bytes = |setting: &Setting| setting.evaluation.to_bytes().len();
    assert!(bytes(&small) < bytes(&fast));
    let server = ServerKey::read(&small.evaluation.to_bytes()[..], small.server.plan());
    let server = server.expect("as made");
    for (request, input) in small.requests.iter().zip(&small.inputs) {
        let reply = small.network.run_encrypted(&server, request);
        let scores = small
            .client
            .decrypt(request, &reply.expect("they go together"));
        let clear = small.network.run(input).expect("finite");
        assert_eq!(scores.expect("its own"), clear);
    }
}

#[test]
fn progress_is_told_until_everything_is_done() {
    let setting = setting(&PlanOptions::default());
    let told = Mutex::new(Vec::new());
    let tell = |progress| told.lock().expect("nobody panics").push(progress);
    let profile = Profile::default();
    let execution = Execution::new().with_progress(&tell).with_profile(&profile);
    setting.run(&execution).expect("they go together");
    let mut told = told.into_inner().expect("nobody panics");
    told.sort_by_key(|progress| progress.done);
    let total = setting.requests.len() * BOOTSTRAPS;
    assert!(told.iter().all(|progress| progress.total == total));
    assert!(told.len() > 1 && told.windows(2).all(|pair| pair[0].done < pair[1].done));
    assert_eq!(told.last().map(|progress| progress.done), Some(total));
    for work in [Work::Linear, Work::Keyswitch, Work::Rotation] {
        assert!(!profile.time(work).is_zero(), "{work:?}");
    }
}

#[test]
fn a_run_can_be_cancelled_before_it_begins_and_on_its_way() {
    let setting = setting(&PlanOptions::default());
    let stop = AtomicBool::new(true);
    let cancelled = setting.run(&Execution::new().with_cancel(&stop));
    assert!(matches!(cancelled, Err(Error::Cancelled)));

    stop.store(false, Ordering::Relaxed);
    let most = Mutex::new(0);
    let tell = |progress: Progress| {
        stop.store(true, Ordering::Relaxed);
        let mut most = most.lock().expect("nobody panics");
        *most = progress.done.max(*most);
    };
    let execution = Execution::new().with_cancel(&stop).with_progress(&tell);
    assert!(matches!(setting.run(&execution), Err(Error::Cancelled)));
    // at most the first layer of the first images has run
    let most = most.into_inner().expect("nobody panics");
    assert!(most > 0 && most < IMAGES * 5, "{most}");
}

/// Hears of a job to its end, then stops it at its first report.
fn watched<R>(job: impl Fn(Watch<'_>) -> Result<R, Error>) {
    let heard = Mutex::new(Vec::new());
    let hear = |progress: Progress| heard.lock().expect("nobody panics").push(progress);
    job(Watch::new().with_progress(&hear)).expect("nothing stops it");
    let heard = heard.into_inner().expect("nobody panics");
    let last = heard.iter().map(|progress| progress.done).max();
    assert_eq!(last, heard.first().map(|progress| progress.total));
    assert!(heard.len() > 10, "{} reports", heard.len());

    let (stop, reports) = (AtomicBool::new(false), Mutex::new(0));
    let hear = |_| {
        stop.store(true, Ordering::Relaxed);
        *reports.lock().expect("nobody panics") += 1;
    };
    let stopped = job(Watch::new().with_progress(&hear).with_cancel(&stop)).map(drop);
    assert!(matches!(stopped, Err(Error::Cancelled)));
    let reports = reports.into_inner().expect("nobody panics");
    assert!(reports < heard.len(), "{reports} reports");
}

#[test]
fn keys_are_made_and_expanded_with_progress_and_can_be_cancelled() {
    let setting = setting(&PlanOptions::default());
    watched(|watch| setting.client.evaluation_key_watched(watch));
    watched(|watch| ServerKey::new_watched(&setting.evaluation, watch));
    let bytes = setting.evaluation.to_bytes();
    let plan = setting.evaluation.plan();
    watched(|watch| ServerKey::read_watched(bytes.as_slice(), plan, watch));
}
