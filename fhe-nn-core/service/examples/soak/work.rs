//! What callers ask: inputs that are drawn, encrypted, and known in the clear.

use std::path::Path;
use std::time::SystemTime;

use fhe_nn_core::{ClientKey, Model, Plan, PlanOptions, Reply, Request};
use fhe_nn_service::protocol::{Hash, Token};
use fhe_nn_service::store::TokenRecord;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Error;
use super::child::Setup;

/// A model, a client with its keys, and how inputs are drawn.
pub(crate) struct Work {
    pub(crate) model: Model,
    pub(crate) plan: Plan,
    pub(crate) client: ClientKey,
    pub(crate) key: Vec<u8>,
    pub(crate) hash: Hash,
    pub(crate) name: String,
}

/// An input that was encrypted.
pub(crate) struct Asked {
    pub(crate) input: Vec<f32>,
    pub(crate) request: Request,
}

impl Work {
    pub(crate) fn new(model: &Path) -> Result<Self, Error> {
        let model = Model::load(model)?;
        let plan = model.plan(&PlanOptions::default())?;
        let client = ClientKey::generate(&plan)?;
        let key = client.evaluation_key()?.to_bytes();
        Ok(Work {
            name: model.spec().name.to_string(),
            hash: Hash::of(&key),
            model,
            plan,
            client,
            key,
        })
    }

    /// Draws an input over the whole range of the encoder, and encrypts it.
    pub(crate) fn draw(&self, random: &mut ChaCha20Rng) -> Result<Asked, Error> {
        let client = &self.plan.client;
        let levels = 1u64 << client.input_bits;
        let input: Vec<f32> = (0..client.inputs)
            .map(|value| {
                let level = (random.next_u64() % levels) as i64;
                client.encoder.real((value, client.inputs), level) as f32
            })
            .collect();
        let request = self.client.encrypt(&input)?;
        Ok(Asked { input, request })
    }

    /// Whether a reply decrypts to what the clear run gives.
    pub(crate) fn is_right(&self, asked: &Asked, reply: &[u8]) -> bool {
        let scores = Reply::from_bytes(reply, &self.plan)
            .and_then(|reply| self.client.decrypt(&asked.request, &reply));
        match (scores, self.model.run(&asked.input)) {
            (Ok(encrypted), Ok(clear)) => encrypted == clear,
            (Err(_), _) | (_, Err(_)) => false,
        }
    }
}

/// A stream of random numbers of its own.
pub(crate) fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Makes a token for every tenant, and returns the headers `Authorization`.
pub(crate) fn admit(
    setup: &Setup,
    tenants: impl IntoIterator<Item = String>,
) -> Result<Vec<String>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tokens = runtime.block_on(setup.tokens())?;
    let mut headers = Vec::new();
    for tenant in tenants {
        let token = Token::generate()?;
        runtime.block_on(tokens.add(TokenRecord {
            hash: token.hash(),
            tenant: tenant.parse()?,
            since: SystemTime::now(),
        }))?;
        headers.push(format!("Bearer {}", token.reveal()));
    }
    Ok(headers)
}
