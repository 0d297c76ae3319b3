//! How inference grows with workers, and what a long queue costs.
//!
//! ```text
//! cargo run --release -p fhe-nn-service --example scale -- --json
//! cargo run --release -p fhe-nn-service --example scale -- --nats nats://127.0.0.1:4222 --json
//! ```
//!
//! Requests are made beforehand and put into the queue of an embedded store or of NATS, without HTTP. Then one worker of
//! one thread runs them, and two of them, in turns; in the end one again, with many jobs behind those that are timed.
//! Every reply is compared to that of `run_encrypted`.

use std::error::Error;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use clap::Parser;
use fhe_nn_core::{ClientKey, Model, Plan, PlanOptions, ServerKey};
use fhe_nn_service::protocol::{Hash, JobName, Tenant};
use fhe_nn_service::server::{Models, Settings, Stores, Work};
use fhe_nn_service::store::embedded::Folder;
use fhe_nn_service::store::nats::{NatsOptions, NatsStore};
use fhe_nn_service::store::{Job, KeyRecord, Limits, Outcome, Promise, State};
use serde_json::json;

/// Times workers and queues.
#[derive(Debug, Parser)]
struct Args {
    /// Requests that are timed in each turn.
    #[arg(long, value_name = "N", default_value_t = 40)]
    requests: usize,
    /// Jobs behind them in a long queue.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    behind: usize,
    /// Turns.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// The quantized model.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/digits.quantized.safetensors"))]
    model: PathBuf,
    /// Use this NATS server, which must have nothing else.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// Print one JSON object alone.
    #[arg(long)]
    json: bool,
}

type Failure = Box<dyn Error + Send + Sync>;

/// What is asked, and what comes out.
struct Inferences {
    path: PathBuf,
    plan: Plan,
    key: Bytes,
    requests: Vec<Bytes>,
    replies: Vec<Vec<u8>>,
}

/// Requests that are run before the time counts.
const WARM: usize = 8;
/// Jobs that nobody will run have this many bytes.
const SMALL: usize = 64;
/// How long a turn may take.
const PATIENCE: Duration = Duration::from_secs(1800);

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let inferences = Inferences::new(&args.model, WARM + args.requests)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let say = |text: String| {
        if !args.json {
            println!("{text}");
        }
    };
    let time = |workers: usize, behind: usize, turn: usize| {
        let tenant = format!("turn-{turn}-{workers}");
        let timed = inferences.time(workers, behind, args.nats.as_deref(), &tenant);
        runtime.block_on(timed)
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for turn in 0..args.rounds {
        one.push(time(1, 0, turn)?);
        two.push(time(2, 0, turn)?);
        say(format!(
            "one worker {:.2} s, two {:.2} s",
            one[turn], two[turn]
        ));
    }
    let long = time(1, args.behind, args.rounds)?;
    say(format!("one before a long queue {long:.2} s"));
    let (one, two) = (median(one), median(two));
    let result = json!({
        "requests": args.requests,
        "behind": args.behind,
        "one_worker_s": one,
        "two_workers_s": two,
        "two_of_twice_one": one / (2.0 * two),
        "long_queue_s": long,
        "long_of_short": long / one,
    });
    println!("{result}");
    Ok(())
}

impl Inferences {
    fn new(path: &Path, count: usize) -> Result<Self, Failure> {
        let model = Model::load(path)?;
        let plan = model.plan(&PlanOptions::default())?;
        let client = ClientKey::generate(&plan)?;
        let key = client.evaluation_key()?;
        let server = ServerKey::new(&key);
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        for number in 0..count {
            let levels = 1_u64 << plan.client.input_bits;
            let inputs = plan.client.inputs;
            let input: Vec<f32> = (0..inputs)
                .map(|value| {
                    let level = (number * 31 + value * 7) as u64 % levels;
                    let real = plan.client.encoder.real((value, inputs), level as i64);
                    real as f32
                })
                .collect();
            let request = client.encrypt(&input)?;
            replies.push(model.run_encrypted(&server, &request)?.to_bytes());
            requests.push(Bytes::from(request.to_bytes()));
        }
        Ok(Inferences {
            path: path.to_owned(),
            key: key.to_bytes().into(),
            plan,
            requests,
            replies,
        })
    }

    /// Seconds in which so many workers of one thread run all requests, with so many jobs behind them.
    async fn time(
        &self,
        workers: usize,
        behind: usize,
        nats: Option<&str>,
        tenant: &str,
    ) -> Result<f64, Failure> {
        let folder = tempfile::tempdir()?;
        let stores = match nats {
            None => Stores::from(Folder::open(folder.path())?),
            Some(url) => Stores::from(NatsStore::connect(&NatsOptions::new(url)).await?),
        };
        let mut models = Models::default();
        let version = models.add(None, &self.path, &PlanOptions::default(), false)?;
        let tenant: Tenant = tenant.parse()?;
        let hash = Hash::of(&self.key);
        let now = SystemTime::now();
        let record = KeyRecord {
            bytes: self.key.len() as u64,
            plan: version.plan,
            id: Default::default(),
            since: now,
            until: now + PATIENCE,
        };
        let mut content = Cursor::new(self.key.clone());
        stores
            .keys
            .put(&tenant, &hash, record, u64::MAX, &mut content)
            .await?;
        let job = |requests: Bytes| Job {
            name: JobName::new(&tenant, &self.plan, &hash, &Hash::of(&requests)),
            tenant: tenant.clone(),
            model_name: version.name.clone(),
            model: version.fingerprint,
            plan: version.plan,
            key: hash,
            requests_hash: Hash::of(&requests),
            accepted: now,
            deadline: now + PATIENCE,
            requests,
        };
        let limits = Limits {
            jobs: usize::MAX,
            tenant_jobs: usize::MAX,
            bytes: usize::MAX,
        };
        let jobs: Vec<Job> = self.requests.iter().cloned().map(job).collect();
        for job in &jobs {
            let accepted = stores.queue.accept(job.clone(), Promise::Later, &limits);
            accepted.await?;
        }
        for number in 0..behind {
            let mut bytes = [0; SMALL];
            bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
            let bytes = Bytes::copy_from_slice(&bytes);
            let accepted = stores.queue.accept(job(bytes), Promise::Later, &limits);
            accepted.await?;
        }
        let work = Work {
            workers,
            threads: 1,
            batch: 1,
            ..Work::default()
        };
        let metrics = Arc::default();
        let running = work.start(models, &stores, &Settings::default(), &metrics)?;
        // until the first are finished, keys are expanded
        let mut begin = None;
        for (number, (job, right)) in jobs.iter().zip(&self.replies).enumerate() {
            let state = stores.queue.wait(&tenant, &job.name, PATIENCE).await?;
            let Some(State::Finished(finished)) = state else {
                return Err("a job was not finished in time".into());
            };
            match finished.outcome {
                Outcome::Replies(replies) if replies == right[..] => {}
                Outcome::Replies(_) => return Err("a reply is wrong".into()),
                Outcome::Problem(problem) => return Err(problem.to_string().into()),
            }
            if number + 1 == WARM {
                begin = Some(Instant::now());
            }
        }
        let seconds = begin.map_or(0.0, |begin| begin.elapsed().as_secs_f64());
        tokio::task::spawn_blocking(|| running.end()).await?;
        Ok(seconds)
    }
}

/// The middle of some numbers.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
