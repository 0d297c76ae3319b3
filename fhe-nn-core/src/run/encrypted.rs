//! Encrypted runs.

use super::check_serves;
use crate::backend::interpret;
use crate::engine::{Encrypted, ServerKey};
use crate::run::Execution;
use crate::wire::{Ciphertexts, Reply, Request};
use crate::{Error, Model};

/// The number of inputs that the encrypted backend takes at once. More do not make it faster, and their
/// ciphertexts, some megabytes for each input, are in memory together.
const ENCRYPTED_BATCH: usize = 4;

impl Model {
    /// Runs one input encrypted. The decrypted result equals that of [`Model::run`], except with the
    /// failure probability that the plan states.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] if the key or the request was made for another network or other weights, and
    /// [`Error::WrongKey`] if they do not belong together; [`Error::Malformed`] if the machine cannot
    /// address an expanded request.
    pub fn run_encrypted(&self, key: &ServerKey, request: &Request) -> Result<Reply, Error> {
        let requests = core::slice::from_ref(request);
        let replies = self.run_encrypted_batch(key, requests, &Execution::default())?;
        Ok(replies
            .into_iter()
            .next()
            .expect("one reply for one request"))
    }

    /// Runs many inputs encrypted, a few at a time. Those few run together, layer by layer, so that their
    /// bootstraps fill the batches that pass over the key. Each reply is that of [`Model::run_encrypted`],
    /// bit for bit, whatever the batch and the number of threads.
    ///
    /// # Errors
    /// Those of [`Model::run_encrypted`], [`Error::Cancelled`] and [`Error::Threads`].
    pub fn run_encrypted_batch(
        &self,
        key: &ServerKey,
        requests: &[Request],
        execution: &Execution<'_>,
    ) -> Result<Vec<Reply>, Error> {
        let graph = self.graph();
        check_serves(&key.plan, &graph, "evaluation key")?;
        for request in requests {
            key.accepts(request)?;
        }
        let bootstraps = key.plan.bootstraps() as usize;
        let running = execution.begin(requests.len().saturating_mul(bootstraps));
        execution.on_threads(|| {
            let mut replies = Vec::with_capacity(requests.len());
            for requests in requests.chunks(ENCRYPTED_BATCH) {
                running.check()?;
                let values = requests.iter().map(|request| key.expand_request(request));
                let mut backend = Encrypted::new(key, &running, requests.len());
                let sums = interpret(&graph, &mut backend, Ciphertexts::concat(values))?;
                let scores = backend.finish(&graph.scores, &sums);
                let scores = scores.split(key.plan.output.sums.neurons as usize);
                let replied = requests.iter().zip(scores);
                replies.extend(replied.map(|(request, scores)| key.reply(request, scores)));
            }
            Ok(replies)
        })
    }
}
