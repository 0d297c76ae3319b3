//! Measures every figure that BENCHMARKS.md states about the engine, in one run:
//!
//! ```text
//! cargo bench -p fhe-nn-benches
//! ```
//!
//! The last line is one JSON object. Times are medians of criterion's samples, on two threads; figures
//! that are compared are measured in the same run, on the same work. A server's peak memory is that of a
//! separate process, for which this program starts itself again.

mod plain;
mod server;

use std::error::Error as StdError;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_core::run::{Profile, Work};
use fhe_nn_examples::cli;
use fhe_nn_examples::idx::{Dataset, Split};
use fhe_nn_examples::networks::{CarefulDigits, Digits, QuickDigits, accuracy};
use ndarray::Array2;
use serde_json::{Value, json};

use fhe_nn_benches::{TwoHidden, Wide32, Wide128, Wide512, Wide1024, random};

/// Number of images in a batch.
const BATCH: usize = 16;

fn main() -> Result<(), Box<dyn StdError>> {
    if let Some(folder) = server::asked_for() {
        return server::run(&folder);
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build_global()?;
    let mut bench = Bench(
        Criterion::default()
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(4)),
    );
    let test = Dataset::load(cli::data(), Split::Test)?;
    let digits = load::<Digits>("digits")?;
    let plan = digits.plan(&PlanOptions::default())?;
    println!("{plan}\n");
    let client = ClientKey::generate(&plan)?;
    let evaluation = client.evaluation_key()?;
    let key = ServerKey::new(&evaluation);
    let requests: Vec<Request> = test
        .images
        .rows()
        .into_iter()
        .take(BATCH)
        .map(|image| client.encrypt(&image.to_vec()))
        .collect::<Result<_, _>>()?;

    let careful = load::<CarefulDigits>("careful_digits")?;
    let quick = load::<QuickDigits>("quick_digits")?;
    let (careful_image, ..) = timed_image(&mut bench, "one image, careful", &careful)?;
    let (quick_image, ..) = timed_image(&mut bench, "one image, quick", &quick)?;
    let keygen = bench.seconds("keys", || {
        Ok(ClientKey::generate(&plan)?.evaluation_key()?.to_bytes())
    })?;
    for (request, image) in requests.iter().zip(test.images.rows()) {
        let scores = client.decrypt(request, &digits.run_encrypted(&key, request)?)?;
        assert_eq!(scores, digits.run(&image.to_vec())?);
    }
    let image = bench.seconds("one image", || digits.run_encrypted(&key, &requests[0]))?;
    let single = Execution::new().with_threads(1);
    let alone = bench.seconds("one image, one thread", || {
        digits.run_encrypted_batch(&key, &requests[..1], &single)
    })?;
    let batch = bench.seconds("16 images", || {
        digits.run_encrypted_batch(&key, &requests, &Execution::default())
    })?;
    let plain = bench.seconds_of("one image, plain tfhe", plain::work(&plain::DIGITS))?;

    let two = random::<TwoHidden>()?;
    let two_plan = two.plan(&PlanOptions::default())?;
    println!("{two_plan}\n");
    let (two_image, two_key, two_request) = timed_image(&mut bench, "two hidden layers", &two)?;
    let two_plain = bench.seconds_of(
        "two hidden layers, plain tfhe",
        plain::work(&plain::TWO_HIDDEN),
    )?;

    let growth = [
        timed_image(&mut bench, "32 neurons", &random::<Wide32>()?)?.0,
        timed_image(&mut bench, "128 neurons", &random::<Wide128>()?)?.0,
        timed_image(&mut bench, "512 neurons", &random::<Wide512>()?)?.0,
        timed_image(&mut bench, "1024 neurons", &random::<Wide1024>()?)?.0,
    ];
    // the distance of the times in between from the line through the first and the last
    let [first, .., last] = growth;
    let slope = (last - first) / 992.0;
    let line = |neurons: f64| first + slope * (neurons - 32.0);
    let off = |seconds: f64, neurons| (seconds / line(neurons) - 1.0).abs();
    let deviation = f64::max(off(growth[1], 128.0), off(growth[2], 512.0));

    let figures = json!({
        "seconds_per_image": image,
        "clear_accuracy": accuracy(&digits, &test)?,
        "careful": {
            "seconds_per_image": careful_image,
            "clear_accuracy": accuracy(&careful, &test)?,
            "log2_failure": careful.plan(&PlanOptions::default())?.log2_failure(),
        },
        "quick": {
            "seconds_per_image": quick_image,
            "clear_accuracy": accuracy(&quick, &test)?,
            "log2_failure": quick.plan(&PlanOptions::default())?.log2_failure(),
        },
        "bootstraps": plan.bootstraps(),
        "log2_failure": plan.log2_failure(),
        "ratio_vs_plain_tfhe": image / plain,
        "ratio_vs_plain_tfhe_two_hidden": two_image / two_plain,
        "shares": shares(&digits, &key, &requests[0])?,
        "shares_two_hidden": shares(&two, &two_key, &two_request)?,
        "batch_ratio": batch / (BATCH as f64 * image),
        "seconds_per_image_in_batch": batch / BATCH as f64,
        "second_core_gain": alone / image,
        "keygen_seconds": keygen,
        "evaluation_key_bytes": evaluation.to_bytes().len(),
        "request_bytes": requests[0].to_bytes().len(),
        "reply_bytes": digits.run_encrypted(&key, &requests[0])?.to_bytes().len(),
        "peak_memory_bytes": server::peak_memory(&plan, &evaluation, &requests[0])?,
        "seconds_32_128_512_1024_neurons": growth,
        "deviation_from_line": deviation,
        "threads": rayon::current_num_threads(),
    });
    println!("{figures}");
    Ok(())
}

/// Criterion, from which medians can be read.
struct Bench(Criterion);

impl Bench {
    /// Measures the median seconds of a task that can fail.
    fn seconds<R>(
        &mut self,
        name: &str,
        task: impl Fn() -> Result<R, Error>,
    ) -> Result<f64, Box<dyn StdError>> {
        task()?;
        self.seconds_of(name, || {
            let result = task();
            assert!(result.is_ok(), "it has just succeeded");
        })
    }

    /// Measures the median seconds of a task.
    fn seconds_of(&mut self, name: &str, task: impl Fn()) -> Result<f64, Box<dyn StdError>> {
        let mut samples = Vec::new();
        let mut group = self.0.benchmark_group("engine");
        group.sampling_mode(SamplingMode::Flat);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let start = Instant::now();
                (0..iterations).for_each(|_| task());
                let time = start.elapsed();
                samples.push(time.as_secs_f64() / iterations as f64);
                time
            });
        });
        group.finish();
        samples.sort_by(f64::total_cmp);
        samples
            .get(samples.len() / 2)
            .copied()
            .ok_or_else(|| format!("`{name}` was filtered out, but every figure is needed").into())
    }
}

/// The fractions of a run's time that its parts take.
fn shares<N: Network>(network: &N, key: &ServerKey, request: &Request) -> Result<Value, Error> {
    let profile = Profile::default();
    let execution = Execution::new().with_profile(&profile);
    let start = Instant::now();
    for _ in 0..10 {
        network.run_encrypted_batch(key, core::slice::from_ref(request), &execution)?;
    }
    let whole = start.elapsed().as_secs_f64();
    let share = |work| profile.time(work).as_secs_f64() / whole;
    Ok(json!({
        "linear": share(Work::Linear),
        "keyswitch": share(Work::Keyswitch),
        "rotation": share(Work::Rotation),
    }))
}

/// Loads a network that comes with the examples.
fn load<N: Network>(name: &str) -> Result<N, Error> {
    N::load(cli::data().join(format!("{name}.quantized.safetensors")))
}

/// Measures the seconds of one encrypted run, and returns its key and request, too.
fn timed_image<N: Network>(
    bench: &mut Bench,
    name: &str,
    network: &N,
) -> Result<(f64, ServerKey, Request), Box<dyn StdError>> {
    let plan = network.plan(&PlanOptions::default())?;
    let client = ClientKey::generate(&plan)?;
    let key = ServerKey::new(&client.evaluation_key()?);
    let input = Array2::from_shape_fn((1, plan.client.inputs), |(_, i)| f32::from(i % 3 == 0));
    let input = input.into_raw_vec_and_offset().0;
    let request = client.encrypt(&input)?;
    let reply = network.run_encrypted(&key, &request)?;
    assert_eq!(client.decrypt(&request, &reply)?, network.run(&input)?);
    let seconds = bench.seconds(name, || network.run_encrypted(&key, &request))?;
    Ok((seconds, key, request))
}
