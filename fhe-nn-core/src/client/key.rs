//! The client's key, which encodes and encrypts inputs, and decrypts and decodes scores.

use fhe_nn_proof::client::Scores;
use fhe_nn_proof::plan::{Plan, torus_step};
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::secret::Secret;
use super::secrets::Secrets;
use super::{bootstrap, input, keyswitch, random};
use crate::Error;
use crate::masks::modulus;
use crate::watch::Watch;
use crate::wire::{Ciphertexts, EvaluationKey, Header, KeyPart, Reply, Request, SEED, key_parts};

/// A client's secret keys, with everything that the client must know to encode and encrypt inputs and to
/// decrypt results. It is neither printable nor serializable, and it is wiped on drop.
///
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let plan = majority.plan(&PlanOptions::default())?;
///
/// let client = ClientKey::generate(&plan)?;
/// let server = ServerKey::new(&client.evaluation_key()?);
///
/// let input = [1.0, 0.0, 1.0];
/// let request = client.encrypt(&input)?;
/// let reply = majority.run_encrypted(&server, &request)?;
/// assert_eq!(client.decrypt(&request, &reply)?, majority.run(&input)?);
/// # Ok(())
/// # }
/// ```
pub struct ClientKey {
    plan: Plan,
    header: Header,
    secrets: Secrets,
}

impl ClientKey {
    /// The largest evaluation key that [`ClientKey::generate`] makes, in bytes as it travels: 4 GB.
    pub const MAX_KEY_BYTES: u64 = 4_000_000_000;

    /// Generates new keys for a plan. All randomness comes from the operating system.
    ///
    /// # Errors
    /// [`Error::Plan`] if the plan's parameters are not ones that this crate would choose from, since a
    /// plan may come from a server that the client does not trust; [`Error::KeysTooLarge`] if the plan
    /// asks for an evaluation key of more than [`ClientKey::MAX_KEY_BYTES`]; [`Error::Randomness`].
    pub fn generate(plan: &Plan) -> Result<Self, Error> {
        Self::generate_within(plan, Self::MAX_KEY_BYTES)
    }

    /// Generates new keys for a plan whose evaluation key has at most `limit` bytes as it travels.
    ///
    /// # Errors
    /// Those of [`ClientKey::generate`], with this limit.
    pub fn generate_within(plan: &Plan, limit: u64) -> Result<Self, Error> {
        plan.validate()?;
        let bytes = plan.evaluation_key_bytes();
        if bytes > limit {
            return Err(Error::KeysTooLarge { bytes, limit });
        }
        let mut id = [0; 16];
        random::fill(&mut id)?;
        let header = Header {
            fingerprint: plan.fingerprint(),
            id,
        };
        Ok(Self::of(plan.clone(), header, Secrets::generate(plan)?))
    }

    /// Makes a key of its parts.
    pub(super) fn of(plan: Plan, header: Header, secrets: Secrets) -> Self {
        ClientKey {
            plan,
            header,
            secrets,
        }
    }

    /// Returns the plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Checks that the key was made for a plan.
    ///
    /// # Errors
    /// [`Error::KeyOfAnotherPlan`] if it was not.
    pub fn check(&self, plan: &Plan) -> Result<(), Error> {
        if self.header.fingerprint == plan.fingerprint() {
            return Ok(());
        }
        Err(Error::KeyOfAnotherPlan {
            key: self.plan.client.network.to_string(),
            key_plan: self.header.fingerprint,
            network: plan.client.network.to_string(),
            plan: plan.fingerprint(),
        })
    }

    /// Generates the key for the server. This takes about a second, with the work spread over all cores.
    ///
    /// # Errors
    /// [`Error::Randomness`]; [`Error::Malformed`] if the key is larger than the machine can address.
    pub fn evaluation_key(&self) -> Result<EvaluationKey, Error> {
        self.evaluation_key_watched(Watch::new())
    }

    /// Generates the key for the server, with progress in bytes and cancellation.
    ///
    /// # Errors
    /// Those of [`ClientKey::evaluation_key`], and [`Error::Cancelled`].
    pub fn evaluation_key_watched(&self, watch: Watch<'_>) -> Result<EvaluationKey, Error> {
        let count = watch.count(EvaluationKey::payload_bytes(&self.plan)?);
        let mut payload = Vec::with_capacity(EvaluationKey::payload_bytes(&self.plan)?);
        for part in key_parts(&self.plan) {
            let key = match part {
                KeyPart::Keyswitch(key) => {
                    let (from, to) = (self.secrets.large(key.from), self.secrets.small(key.to));
                    keyswitch::generate(&key, from, to, &count)?
                }
                KeyPart::Scores(key) => {
                    let (from, to) = (self.last_key(), self.output_key());
                    keyswitch::generate(&key, from, to, &count)?
                }
                KeyPart::Bootstrap(key) => {
                    let small = self.secrets.small(key.small_dimension);
                    let large = self.secrets.large(key.shape.lwe_dimension());
                    bootstrap::generate(key, small, large, &count)?
                }
            };
            key.write_to(&mut payload);
            count.done(SEED);
        }
        Ok(EvaluationKey::new(self.plan.clone(), self.header, payload))
    }

    /// Returns the key that inputs are encrypted under.
    fn input(&self) -> &Secret {
        match self.plan.small_key_of_inputs() {
            Some(dimension) => self.secrets.small(dimension),
            None => self.secrets.large(self.plan.input.dimension),
        }
    }

    /// Returns the key of the values that the scores are sums of.
    fn last_key(&self) -> &Secret {
        match self.plan.output.sums.sources.first() {
            Some(&source) if source > 0 => self.secrets.large(self.plan.dimension_of(source)),
            _ => self.input(),
        }
    }

    /// Returns the key that scores are encrypted under.
    fn output_key(&self) -> &Secret {
        self.secrets.output().unwrap_or_else(|| self.last_key())
    }

    /// Encodes and encrypts one input. The encoded values are wiped; the input itself is the caller's.
    ///
    /// # Shapes
    /// `input`: the real values of one input in row-major order.
    ///
    /// # Errors
    /// [`Error::Input`] and [`Error::Randomness`].
    pub fn encrypt(&self, input: &[f32]) -> Result<Request, Error> {
        let step = torus_step(self.plan.input_modulus());
        let client = &self.plan.client;
        let mut integers = Zeroizing::new(vec![0; client.integers()]);
        client.encode_into(input, &mut integers)?;
        let plaintexts = integers.iter().map(|&q| (q as u64).wrapping_mul(step));
        let plaintexts: Zeroizing<Vec<u64>> = Zeroizing::new(plaintexts.collect());
        let values = input::encrypt(&self.plan.input, self.input(), &plaintexts)?;
        Ok(Request {
            header: self.header,
            values,
            clamped: Some(client.clamped(input)),
        })
    }

    /// Decrypts the scores of one inference from the reply to this request.
    ///
    /// The server copies a random number of the request into its reply, so a reply that was mixed up or
    /// replayed is refused. This does not protect against a server that lies, and messages need a channel
    /// that authenticates them, such as TLS. The decrypted phases are wiped; the scores are the caller's.
    ///
    /// # Errors
    /// [`Error::WrongPlan`], [`Error::WrongKey`] and [`Error::WrongRequest`].
    pub fn decrypt(&self, request: &Request, reply: &Reply) -> Result<Scores, Error> {
        let (what, of) = ("reply", "the client key");
        reply.header.matches(&self.header, what, of)?;
        request.header.matches(&self.header, "request", of)?;
        if reply.request != request.values.seed {
            return Err(Error::WrongRequest);
        }
        Ok(self.scores(&reply.scores))
    }

    /// Returns the scores that ciphertexts stand for.
    pub(crate) fn scores(&self, ciphertexts: &Ciphertexts) -> Scores {
        let client = &self.plan.client;
        let phases: Zeroizing<Vec<u64>> =
            Zeroizing::new(phases(self.output_key(), ciphertexts).collect());
        let meanings = client.widths.iter().zip(&*client.lattices);
        let integers = phases
            .iter()
            .zip(meanings)
            .map(|(&phase, (&width, &lattice))| self.plan.output.decode(phase, width, lattice));
        client.scores(integers.collect())
    }

    /// Returns the phases of values before linear layer `index`, to measure their noise.
    #[cfg(test)]
    pub(crate) fn phases<'a>(
        &'a self,
        index: usize,
        values: &'a Ciphertexts,
    ) -> impl Iterator<Item = u64> + 'a {
        let key = match index.checked_sub(1) {
            None => self.input(),
            Some(before) => {
                let shape = self.plan.stages[before].bootstrap.shape;
                self.secrets.large(shape.lwe_dimension())
            }
        };
        phases(key, values)
    }

    /// Returns the small key of a stage, to measure the noise under it.
    #[cfg(test)]
    pub(crate) fn small_key(&self, index: usize) -> LweSecretKeyView<'_, u64> {
        let stage = &self.plan.stages[index];
        self.secrets.small(stage.bootstrap.small_dimension).as_lwe()
    }

    /// Returns the key of the scores, to measure the noise under it.
    #[cfg(test)]
    pub(crate) fn scores_key(&self) -> LweSecretKeyView<'_, u64> {
        self.output_key().as_lwe()
    }
}

/// Returns the phases (message plus noise, in units of `2^-64`) of ciphertexts under a key.
fn phases<'a>(secret: &'a Secret, values: &'a Ciphertexts) -> impl Iterator<Item = u64> + 'a {
    values.rows().map(|row| {
        let ciphertext = LweCiphertext::from_container(row, modulus());
        decrypt_lwe_ciphertext(&secret.as_lwe(), &ciphertext).0
    })
}
