//! Load and crashes: a service under more callers than it takes on, killed again and again, with every answer compared
//! to the clear result.
//!
//! ```text
//! cargo run --release -p fhe-nn-service --example soak -- --seconds 40 --json
//! cargo run --release -p fhe-nn-service --example soak -- --seconds 40 --nats nats://127.0.0.1:4222 --json
//! ```
//!
//! First, with nobody else there: the rate at which an evaluation key is taken in, and the time of a call beside that of
//! `run_encrypted` in this process. Then callers of several tenants ask for what is twice the queue, some waiting and
//! some not, while the service is ended by SIGKILL at random moments and started again. In the end, whatever was
//! promised is asked for once more. The exit code is 1 if anything was lost, doubled or wrong.

mod callers;
mod child;
mod http;
mod overhead;
mod work;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde_json::json;

use self::callers::Counts;
use self::child::{Child, Setup};
use self::work::Work;

/// Loads a service, kills it, and compares every answer to the clear result.
#[derive(Debug, Parser)]
struct Args {
    /// How long callers ask.
    #[arg(long, value_name = "N", default_value_t = 40)]
    seconds: u64,
    /// Callers at the same time.
    #[arg(long, value_name = "N", default_value_t = 32)]
    callers: usize,
    /// Tenants that they belong to.
    #[arg(long, value_name = "N", default_value_t = 4)]
    tenants: usize,
    /// The most inferences that wait or run: half of the callers, so that they are twice what is taken.
    #[arg(long, value_name = "N", default_value_t = 16)]
    queue: usize,
    /// Seconds from one kill to the next, on average; 0 is never.
    #[arg(long, value_name = "N", default_value_t = 8)]
    kill_every: u64,
    /// The quantized model.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/digits.quantized.safetensors"))]
    model: std::path::PathBuf,
    /// Print one JSON object alone.
    #[arg(long)]
    json: bool,
    /// Keep everything on this NATS server, and kill three workers as well. It must have nothing else.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
    /// What a process does that is killed.
    #[arg(long, hide = true, requires = "folder")]
    role: Option<Role>,
    /// The folder of such a process.
    #[arg(long, hide = true)]
    folder: Option<std::path::PathBuf>,
}

/// What a process does that is killed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Serve,
    Work,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Error> {
    let args = Args::parse();
    let setup = |folder: &Path| Setup {
        model: args.model.clone(),
        folder: folder.to_owned(),
        queue: args.queue,
        nats: args.nats.clone(),
    };
    if let (Some(role), Some(folder)) = (args.role, &args.folder) {
        match role {
            Role::Serve => child::serve(&setup(folder))?,
            Role::Work => child::work_on(&setup(folder))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let say = |text: String| {
        if !args.json {
            println!("{text}");
        }
    };
    say(format!("keys and requests for {}", args.model.display()));
    let folder = tempfile::tempdir()?;
    let setup = setup(folder.path());
    let work = Work::new(&args.model)?;
    let tenants = (0..args.tenants.max(1)).map(|number| format!("tenant-{number}"));
    let tokens = work::admit(&setup, tenants)?;
    let operator = work::admit(&setup, ["metrics".to_owned()])?;
    let mut child = Child::start(&setup)?;

    let quiet = overhead::measure(&work, child.address(), &tokens, &operator[0])?;
    say(format!(
        "a key of {} bytes in {:.3} s: {:.0} MB/s\na call beyond its engine: {:.2} ms at the median ({:.1} ms, `run_encrypted` alone {:.1} ms)",
        work.key.len(),
        quiet.key_seconds,
        work.key.len() as f64 / quiet.key_seconds / 1e6,
        quiet.overhead_ms,
        quiet.call_ms,
        quiet.engine_ms,
    ));

    let begin = Instant::now();
    let end = begin + Duration::from_secs(args.seconds);
    let counts = Counts::default();
    let kills = std::thread::scope(|scope| {
        for caller in 0..args.callers {
            let (work, token, child, counts) = (
                &work,
                &tokens[caller % tokens.len()],
                child.place(),
                &counts,
            );
            scope.spawn(move || callers::ask(work, token, &child, counts, end));
        }
        child.kill_until(end, args.kill_every)
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let found = counts.found();
    let peak = child.peak_memory();
    child.end()?;

    let right = found.wrong + found.lost + found.doubled == 0 && found.accepted == found.answered;
    let latency = counts.latency_ms();
    say(format!(
        "{} accepted, {} answered, {} wrong, {} lost, {} doubled, {} refused, {kills} kills\n\
         {:.2} answers a second, {:.0} ms at the median, {:.0} ms for 99 of 100, at most {} MB of memory",
        found.accepted,
        found.answered,
        found.wrong,
        found.lost,
        found.doubled,
        found.refused,
        found.answered as f64 / seconds,
        latency.median,
        latency.most,
        peak / 1_000_000,
    ));
    let result = json!({
        "accepted": found.accepted,
        "answered": found.answered,
        "wrong": found.wrong,
        "lost": found.lost,
        "doubled": found.doubled,
        "refused_429": found.refused,
        "kills": kills,
        "overhead_ms_median": quiet.overhead_ms,
        "peak_memory_bytes": peak,
        "call_ms_median": quiet.call_ms,
        "engine_ms_median": quiet.engine_ms,
        "key_bytes": work.key.len(),
        "key_megabytes_per_second": work.key.len() as f64 / quiet.key_seconds / 1e6,
        "answers_per_second": found.answered as f64 / seconds,
        "latency_ms_median": latency.median,
        "latency_ms_99": latency.most,
        "seconds": seconds,
    });
    println!("{result}");
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}
