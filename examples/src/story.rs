//! The story that an example tells: a network runs in the clear and then encrypted, with equal results.

use std::error::Error;
use std::time::{Duration, Instant};

use clap::Args;
use fhe_nn_core::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::ArrayView2;
use serde_json::json;

use crate::cli;
use crate::exchange::Exchange;
use crate::idx::Dataset;
use crate::networks::{accuracy_of, float_accuracy};
use crate::picture::picture;
use crate::shades::Shades;

/// The greatest number of rows that are shown one by one.
const SHOWN: usize = 20;

/// The options of a story.
#[derive(Debug, Clone, Copy, Args)]
pub struct Options {
    /// Number of test rows to run encrypted
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub images: u32,
    /// Print the figures as a JSON object on the last line
    #[arg(long)]
    pub json: bool,
}

/// The rows of a test set, with what is known about them.
pub struct Story<'a> {
    /// A word for a row.
    pub what: &'a str,
    /// Inputs, `[rows, values]`.
    pub inputs: ArrayView2<'a, f32>,
    /// The class of every row.
    pub labels: &'a [u8],
    /// Accuracy of the float network from which the integers come, if there is one.
    pub float_accuracy: Option<f64>,
    /// The least accuracy of the integers, if one is promised.
    pub least_accuracy: Option<f64>,
    /// Shows a row in whole lines.
    pub show: &'a dyn Fn(usize) -> String,
}

/// Tells the story of a trained network on test images, in shades if it reads shades. The model is found
/// by name among those that come with the examples.
///
/// # Panics
/// Those of [`Story::tell`].
///
/// # Errors
/// Those of the file, and of [`Story::tell`].
pub fn images<N: Network>(
    test: &Dataset,
    name: &str,
    shades: Option<Shades>,
    (least_accuracy, float_accuracy): (f64, Option<f64>),
    options: Options,
) -> Result<(), Box<dyn Error>> {
    let network = N::load(cli::data().join(format!("{name}.quantized.safetensors")))?;
    let shaded = shades.map(|shades| shades.of(test.images.view()));
    let inputs = shaded.as_ref().unwrap_or(&test.images);
    let story = Story {
        what: "image",
        inputs: inputs.view(),
        labels: &test.labels,
        float_accuracy,
        least_accuracy: Some(least_accuracy),
        show: &|index| picture(test.images.row(index).as_slice().unwrap_or_default()),
    };
    let plan = network.plan(&fhe_nn_core::PlanOptions::default())?;
    story.tell(&network, &plan, options)
}

/// The accuracy of the float network of a shape, whose weights are found by name among those that come with the examples.
///
/// # Errors
/// Those of the file, and of [`Network::float_scores`].
pub fn float_accuracy_of<F: Network>(
    name: &str,
    inputs: ArrayView2<'_, f32>,
    labels: &[u8],
) -> Result<f64, Box<dyn Error>> {
    let floats = Floats::load(cli::data().join(format!("{name}.float.safetensors")))?;
    Ok(float_accuracy(&F::float_scores(&floats, inputs)?, labels))
}

impl Story<'_> {
    /// Classifies all rows in the clear and a few encrypted: the client encrypts, the server runs the
    /// network, and the client decrypts. The plan is that of the network.
    ///
    /// # Panics
    /// Panics if the clear accuracy is less than promised, or if an encrypted result differs from the
    /// clear one.
    ///
    /// # Errors
    /// Those of keys and of running.
    pub fn tell<N: Network>(
        &self,
        network: &N,
        plan: &Plan,
        options: Options,
    ) -> Result<(), Box<dyn Error>> {
        print!("{}", N::SPEC);
        let start = Instant::now();
        let clear = network.run_batch(self.inputs)?;
        let clear_time = start.elapsed();
        let clear_accuracy = accuracy_of(&clear, self.labels);
        if let Some(least) = self.least_accuracy {
            assert!(
                clear_accuracy >= least,
                "{clear_accuracy} in the clear, but {least} is promised"
            );
        }
        let (what, all) = (self.what, self.labels.len());
        println!(
            "clear: {:.2}% of {all} test {what}s, {clear_time:.2?}",
            100.0 * clear_accuracy
        );
        if let Some(accuracy) = self.float_accuracy {
            println!("float: {:.2}%", 100.0 * accuracy);
        }

        println!("\n{plan}\n");

        // the client keeps its key, and the server gets bytes
        let start = Instant::now();
        let client = ClientKey::generate(plan)?;
        let key = client.evaluation_key()?.to_bytes();
        println!("client: keys in {:.2?}", start.elapsed());
        let start = Instant::now();
        let server = ServerKey::read(&key[..], plan)?;
        println!(
            "server: evaluation key of {} bytes expanded in {:.2?}",
            key.len(),
            start.elapsed()
        );
        let evaluation_key_bytes = key.len();
        drop(key);

        let rows = (options.images as usize).min(all);
        let (mut equal, mut correct, mut time) = (0, 0, Duration::ZERO);
        let (mut request_bytes, mut reply_bytes) = (0, 0);
        let bar = ProgressBar::new(rows as u64).with_style(ProgressStyle::with_template(
            "{bar:40} {pos}/{len}, {eta} left",
        )?);
        for (index, row) in self.inputs.rows().into_iter().take(rows).enumerate() {
            let execution = Execution::default();
            let done = Exchange::run(network, &client, &server, &row.to_vec(), &execution)?;
            let (scores, label) = (done.scores, self.labels[index]);
            let same = scores == clear[index];
            time += done.time;
            equal += usize::from(same);
            correct += usize::from(scores.argmax() == usize::from(label));
            (request_bytes, reply_bytes) = (done.request_bytes, done.reply_bytes);
            bar.suspend(|| {
                if rows <= SHOWN {
                    print!("{}", (self.show)(index));
                }
                println!(
                    "{what} {index}: encrypted prediction {}, label {label}, equal to clear: {}, {:.2?}",
                    scores.argmax(),
                    if same { "yes" } else { "NO" },
                    done.time,
                );
            });
            bar.inc(1);
        }
        bar.finish_and_clear();
        let seconds = time.as_secs_f64() / rows as f64;
        println!(
            "\n{equal} of {rows} encrypted results equal the clear ones, {correct} are right; \
             {seconds:.3} s for each on {} threads",
            rayon::current_num_threads()
        );
        assert_eq!(
            equal, rows,
            "an encrypted result differs from the clear one"
        );
        if options.json {
            let mut figures = json!({
                "images": rows,
                "encrypted_equals_clear": equal,
                "encrypted_correct": correct,
                "clear_accuracy": clear_accuracy,
                "seconds_per_image": seconds,
                "bootstraps": plan.bootstraps(),
                "log2_failure": plan.log2_failure(),
                "security_bits": fhe_nn_core::plan::SECURITY_BITS,
                "evaluation_key_bytes": evaluation_key_bytes,
                "request_bytes": request_bytes,
                "reply_bytes": reply_bytes,
                "peak_memory_bytes": cli::peak_memory_bytes(),
                "threads": rayon::current_num_threads(),
            });
            if let Some(accuracy) = self.float_accuracy {
                figures["float_accuracy"] = json!(accuracy);
            }
            println!("{figures}");
        }
        Ok(())
    }
}
