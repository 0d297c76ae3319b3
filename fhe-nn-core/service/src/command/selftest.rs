use std::path::PathBuf;
use std::time::Instant;

use fhe_nn_core::plan::ClientSpec;
use fhe_nn_core::run::Watch;
use fhe_nn_core::{ClientKey, Execution, Reply, Request, ServerKey};
use ndarray::Array2;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;

use super::run::load;
use crate::failure::{Failure, Of};
use crate::outcome::Outcome;
use crate::plan_options::Options;
use crate::progress::Bar;
use crate::rows;

/// Make keys, run a model encrypted, and compare with the clear result. The exit code is 1 if one differs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The quantized model.
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Rows of inputs: an npz or npy file of numpy, or CSV [default: drawn over the range of the inputs].
    #[arg(long, value_name = "FILE")]
    inputs: Option<PathBuf>,
    /// The array of an npz file.
    #[arg(long, value_name = "NAME", requires = "inputs")]
    array: Option<String>,
    /// Number of inputs; of a file, the first N rows are taken.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Seed of the drawn inputs.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "inputs")]
    seed: u64,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let model = load(&self.model)?;
        let plan = model.plan(&self.options.options()?).of(&self.model)?;
        let rows = match &self.inputs {
            None => draw(&plan.client, self.count as usize, self.seed),
            Some(path) => rows::read(path, self.array.as_deref(), Some(self.count))?,
        };
        let clear = model.run_batch(rows.view())?;
        let inputs = clear.len();

        // the halves meet in bytes alone, as they do on two machines
        let start = Instant::now();
        let client = ClientKey::generate(&plan)?;
        let bar = Bar::new("evaluation key");
        let show = |progress| bar.show(progress);
        let evaluation_key = client.evaluation_key_watched(Watch::new().with_progress(&show))?;
        let evaluation_key = evaluation_key.to_bytes();
        drop(bar);
        let key_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let bar = Bar::new("expanding the evaluation key");
        let show = |progress| bar.show(progress);
        let watch = Watch::new().with_progress(&show);
        let server = ServerKey::read_watched(&evaluation_key[..], &plan, watch)?;
        drop(bar);
        let expand_seconds = start.elapsed().as_secs_f64();
        let (mut equal, mut seconds) = (0, 0.0);
        let bar = Bar::new("inputs");
        for (index, (row, clear)) in rows.rows().into_iter().zip(&clear).enumerate() {
            let request = client.encrypt(&row.to_vec())?;
            let received = Request::from_bytes(&request.to_bytes(), &plan)?;
            let start = Instant::now();
            let replies = model.run_encrypted_batch(&server, &[received], &Execution::new())?;
            seconds += start.elapsed().as_secs_f64();
            for reply in replies {
                let reply = Reply::from_bytes(&reply.to_bytes(), &plan)?;
                equal += usize::from(client.decrypt(&request, &reply)? == *clear);
            }
            bar.reach(index + 1, inputs);
        }
        drop(bar);
        // there is a row at least
        let each = seconds / inputs as f64;
        let promise = if plan.is_exact() {
            ""
        } else {
            "\nthe plan is approximate: it promises values that are close to the clear ones, not equal ones"
        };
        let text = format!(
            "{}: {equal} of {inputs} encrypted results equal the clear ones, {each:.3} s for each\n\
             keys in {key_seconds:.2} s, evaluation key of {} bytes, expanded in {expand_seconds:.2} s\n\
             failure probability of an inference 2^{:.1}{promise}",
            model.spec().name,
            evaluation_key.len(),
            plan.log2_failure(),
        );
        let json = json!({
            "network": model.spec().name,
            "inputs": inputs,
            "encrypted_equals_clear": equal,
            "seconds_per_input": each,
            "key_generation_seconds": key_seconds,
            "key_expansion_seconds": expand_seconds,
            "evaluation_key_bytes": evaluation_key.len(),
            "log2_failure": plan.log2_failure(),
            "exact": plan.is_exact(),
        });
        Ok(Outcome::new(text, json).with_right(equal == inputs))
    }
}

/// Draws inputs over everything that the encoder can tell apart, `[count, values]`.
fn draw(client: &ClientSpec, count: usize, seed: u64) -> Array2<f32> {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let levels = match client.tokens {
        Some(tokens) => tokens.vocabulary as u64,
        None => 1 << client.input_bits,
    };
    // which value of the network each value of a row is
    let mut values = vec![0; client.inputs];
    for value in 0..client.inputs {
        values[client.interface.place(value)] = value;
    }
    Array2::from_shape_fn((count, client.inputs), |(_, index)| {
        // the bias of the remainder is below 2^-32
        let level = random.next_u64() % levels;
        match client.tokens {
            Some(_) => level as f32,
            None => client
                .encoder
                .real((values[index], client.inputs), level as i64) as f32,
        }
    })
}
