//! The client: it encodes and encrypts, decrypts and decodes.

use std::sync::Arc;

use fhe_nn_proof::client::Scores;
use fhe_nn_proof::plan::{Fingerprint, Plan};
use fhe_nn_proof::widths::Lattice;
use ndarray::ArrayView2;
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::evaluation::{EvaluationKey, Part, parts};
use super::secret::{Secret, StageSecrets, noise};
use super::seeded::{Seeded, cut};
use super::{KeyId, bootstrap};
use crate::Error;
use crate::encrypted::{Ciphertexts, modulus};
use crate::network::encode;
use crate::wire::{Reply, Request};

/// A client's secret keys with what the client must know: it encodes and encrypts inputs, and
/// decrypts results. It is neither printable nor serializable, and wiped on drop.
pub struct ClientKey {
    plan: Plan,
    fingerprint: Fingerprint,
    id: KeyId,
    input: Secret,
    stages: Vec<Arc<StageSecrets>>,
    /// What scores come under, if not under the last large key.
    output: Option<Secret>,
}

impl ClientKey {
    /// New keys for a plan, from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Plan`] if the plan's parameters are not ones that this crate would choose from: a
    /// plan may come from a server that the client does not trust.
    pub fn generate(plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let mut seeder = new_seeder();
        let id = seeder.seed().0.to_le_bytes();
        let mut generator = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
        let mut secret = |dimension: u32| Secret::generate(dimension, &mut generator);
        let input = secret(plan.input.dimension);
        let mut stages: Vec<Arc<StageSecrets>> = Vec::with_capacity(plan.stages.len());
        for stage in &plan.stages {
            let shared = stages.last().filter(|_| stage.shares_key).map(Arc::clone);
            stages.push(shared.unwrap_or_else(|| {
                Arc::new(StageSecrets {
                    small: stage.keyswitch.map(|_| secret(stage.small_dimension)),
                    large: secret(stage.shape.lwe_dimension()),
                })
            }));
        }
        let output = plan.output.keyswitch.map(|_| secret(plan.output.dimension));
        let fingerprint = crate::wire::fingerprint(plan);
        Ok(ClientKey {
            plan: plan.clone(),
            fingerprint,
            id,
            input,
            stages,
            output,
        })
    }

    /// The key for the server. Takes about a second: the work is spread over all cores.
    pub fn evaluation_key(&self) -> EvaluationKey {
        let mut seeder = new_seeder();
        let seeded = parts(&self.plan)
            .iter()
            .map(|part| match part {
                Part::Keyswitch { index, keyswitch } => {
                    let to = match *index < self.stages.len() {
                        true => self.small(*index),
                        false => self.output_key(),
                    };
                    keyswitch.generate(self.large(*index), to, seeder.as_mut())
                }
                Part::Bootstrap { index, stage } => {
                    let (small, large) = (self.small(*index), self.large(*index + 1));
                    bootstrap::generate(stage, small, large, seeder.as_mut())
                }
            })
            .collect();
        EvaluationKey::new(self.plan.clone(), self.fingerprint, self.id, seeded)
    }

    /// The key that the values before linear layer `index` come under.
    fn large(&self, index: usize) -> &Secret {
        match index.checked_sub(1) {
            Some(before) => &self.stages[before].large,
            None => &self.input,
        }
    }

    /// The small key of a stage.
    fn small(&self, index: usize) -> &Secret {
        self.stages[index].small.as_ref().unwrap_or(&self.input)
    }

    /// The key that scores come under.
    fn output_key(&self) -> &Secret {
        let last = self.large(self.stages.len());
        self.output.as_ref().unwrap_or(last)
    }

    /// Encodes and encrypts one input.
    ///
    /// # Shapes
    /// `input`: the real values of one input in row-major order.
    ///
    /// # Errors
    /// [`Error::InputLength`] and [`Error::InputNotFinite`].
    pub fn encrypt(&self, input: &[f32]) -> Result<Request, Error> {
        let row = ArrayView2::from_shape((1, input.len()), input)
            .expect("one row of the slice's own length");
        let shift = 64 - self.plan.input.modulus_bits;
        let integers = encode(&self.plan.client, row)?;
        let plaintexts = integers.iter().map(|&q| (q as u64).wrapping_shl(shift));
        let plaintexts: Zeroizing<Vec<u64>> = Zeroizing::new(plaintexts.collect());
        let mut seeder = new_seeder();
        let key = self.input.as_lwe();
        let seed = seeder.seed();
        let mut bodies = SeededLweCiphertextList::new(
            0u64,
            key.lwe_dimension().to_lwe_size(),
            LweCiphertextCount(integers.len()),
            seed.into(),
            modulus(),
        );
        encrypt_seeded_lwe_ciphertext_list(
            &key,
            &mut bodies,
            &PlaintextList::from_container(plaintexts.as_slice()),
            noise(self.plan.input.dimension),
            seeder.as_mut(),
        );
        let bytes = self.plan.input.body_bytes() as usize;
        let mut values = Seeded {
            seed: seed.0,
            bodies: vec![0; bytes * self.plan.client.inputs],
        };
        cut(bodies.as_ref(), bytes, &mut values.bodies);
        Ok(Request {
            fingerprint: self.fingerprint,
            id: self.id,
            values,
        })
    }

    /// Decrypts the scores of one inference.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] and [`Error::WrongKey`].
    pub fn decrypt(&self, reply: &Reply) -> Result<Scores, Error> {
        if reply.fingerprint != self.fingerprint {
            return Err(Error::WrongPlan {
                what: "reply",
                of: "the client key",
            });
        }
        if reply.id != self.id {
            return Err(Error::WrongKey {
                what: "reply",
                of: "the client key",
            });
        }
        let client = &self.plan.client;
        let phases = phases(self.output_key(), &reply.scores);
        let meanings = client.widths.iter().zip(&client.lattices);
        let integers = phases
            .zip(meanings)
            .map(|(phase, (&width, &lattice))| decode(phase, width, lattice));
        Ok(client.scores(integers.collect()))
    }

    /// The phases of values before linear layer `index`, to measure their noise.
    #[cfg(test)]
    pub(crate) fn phases<'a>(
        &'a self,
        index: usize,
        values: &'a Ciphertexts,
    ) -> impl Iterator<Item = u64> + 'a {
        phases(self.large(index), values)
    }

    /// The small key of a stage, to measure the noise under it.
    #[cfg(test)]
    pub(crate) fn small_key(&self, index: usize) -> LweSecretKeyView<'_, u64> {
        self.small(index).as_lwe()
    }

    /// The key of scores, to measure the noise under it.
    #[cfg(test)]
    pub(crate) fn scores_key(&self) -> LweSecretKeyView<'_, u64> {
        self.output_key().as_lwe()
    }
}

/// The phases (message plus noise, in units of `2^-64`) of ciphertexts under a key.
fn phases<'a>(secret: &'a Secret, values: &'a Ciphertexts) -> impl Iterator<Item = u64> + 'a {
    values.rows().map(|row| {
        let ciphertext = LweCiphertext::from_container(row, modulus());
        decrypt_lwe_ciphertext(&secret.as_lwe(), &ciphertext).0
    })
}

/// The value of the lattice nearest to a phase, in two's complement of `width` bits.
fn decode(phase: u64, width: u32, lattice: Lattice) -> i64 {
    let distance_bits = 64 - width + lattice.step_bits;
    let offset = (lattice.offset as u64) << (64 - width);
    let half = 1u64 << (distance_bits - 1);
    let nearest = (phase.wrapping_sub(offset).wrapping_add(half) >> distance_bits) << distance_bits;
    (nearest.wrapping_add(offset) as i64) >> (64 - width)
}
