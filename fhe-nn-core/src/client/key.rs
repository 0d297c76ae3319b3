//! The client: it encodes and encrypts, decrypts and decodes.

use std::collections::{BTreeMap, BTreeSet};

use fhe_nn_proof::client::Scores;
use fhe_nn_proof::plan::{Plan, torus_step};
use ndarray::ArrayView2;
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::secret::{Secret, noise};
use super::{bootstrap, keyswitch};
use crate::Error;
use crate::masks::modulus;
use crate::wire::{
    Ciphertexts, EvaluationKey, Header, KeyPart, Reply, Request, Seeded, cut, key_parts,
};

/// A client's secret keys with what the client must know: it encodes and encrypts inputs, and
/// decrypts results. It is neither printable nor serializable, and wiped on drop.
pub struct ClientKey {
    plan: Plan,
    header: Header,
    /// By dimension.
    large: BTreeMap<u32, Secret>,
    small: BTreeMap<u32, Secret>,
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
        let mut all = |dimensions: BTreeSet<u32>| -> BTreeMap<u32, Secret> {
            let dimensions = dimensions.into_iter();
            dimensions
                .map(|dimension| (dimension, secret(dimension)))
                .collect()
        };
        let under_small = plan.small_key_of_inputs().is_some();
        let large = all(plan.dimensions().skip(under_small.into()).collect());
        let bootstraps = plan.every_bootstrap();
        let small = all(bootstraps
            .map(|(_, bootstrap)| bootstrap.small_dimension)
            .collect());
        let output = plan.output.keyswitch.map(|_| secret(plan.output.dimension));
        let header = Header {
            fingerprint: plan.fingerprint(),
            id,
        };
        Ok(ClientKey {
            plan: plan.clone(),
            header,
            large,
            small,
            output,
        })
    }

    /// The key for the server. Takes about a second: the work is spread over all cores.
    pub fn evaluation_key(&self) -> EvaluationKey {
        let mut seeder = new_seeder();
        let mut payload = Vec::new();
        for part in key_parts(&self.plan) {
            let key = match part {
                KeyPart::Keyswitch(key) => {
                    let (from, to) = (self.large(key.from), self.small(key.to));
                    keyswitch::generate(&key, from, to, seeder.as_mut())
                }
                KeyPart::Scores(key) => {
                    let (from, to) = (self.last_key(), self.output_key());
                    keyswitch::generate(&key, from, to, seeder.as_mut())
                }
                KeyPart::Bootstrap(key) => {
                    let small = self.small(key.small_dimension);
                    let large = self.large(key.shape.lwe_dimension());
                    bootstrap::generate(key, small, large, seeder.as_mut())
                }
            };
            key.write_to(&mut payload);
        }
        EvaluationKey {
            plan: self.plan.clone(),
            header: self.header,
            payload,
        }
    }

    fn large(&self, dimension: u32) -> &Secret {
        self.large
            .get(&dimension)
            .expect("there is a large key of every dimension of the plan")
    }

    fn small(&self, dimension: u32) -> &Secret {
        self.small
            .get(&dimension)
            .expect("there is a small key of every dimension of the plan")
    }

    /// The key that inputs come under.
    fn input(&self) -> &Secret {
        match self.plan.small_key_of_inputs() {
            Some(dimension) => self.small(dimension),
            None => self.large(self.plan.input.dimension),
        }
    }

    /// The key that the values come under of which the scores are sums.
    fn last_key(&self) -> &Secret {
        match self.plan.output.sums.sources.first() {
            Some(&source) if source > 0 => self.large(self.plan.dimension_of(source)),
            _ => self.input(),
        }
    }

    /// The key that scores come under.
    fn output_key(&self) -> &Secret {
        self.output.as_ref().unwrap_or_else(|| self.last_key())
    }

    /// Encodes and encrypts one input.
    ///
    /// # Shapes
    /// `input`: the real values of one input in row-major order.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn encrypt(&self, input: &[f32]) -> Result<Request, Error> {
        let row = ArrayView2::from_shape((1, input.len()), input)
            .expect("one row of the slice's own length");
        let step = torus_step(self.plan.input_modulus());
        let integers = self.plan.client.encode_batch(row)?;
        let plaintexts = integers.iter().map(|&q| (q as u64).wrapping_mul(step));
        let plaintexts: Zeroizing<Vec<u64>> = Zeroizing::new(plaintexts.collect());
        let mut seeder = new_seeder();
        let key = self.input().as_lwe();
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
            bodies: vec![0; bytes * self.plan.client.integers()],
        };
        cut(bodies.as_ref(), bytes, &mut values.bodies);
        Ok(Request {
            header: self.header,
            values,
        })
    }

    /// Decrypts the scores of one inference.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] and [`Error::WrongKey`].
    pub fn decrypt(&self, reply: &Reply) -> Result<Scores, Error> {
        reply
            .header
            .matches(&self.header, "reply", "the client key")?;
        let client = &self.plan.client;
        let phases = phases(self.output_key(), &reply.scores);
        let meanings = client.widths.iter().zip(&*client.lattices);
        let integers = phases
            .zip(meanings)
            .map(|(phase, (&width, &lattice))| self.plan.output.decode(phase, width, lattice));
        Ok(client.scores(integers.collect()))
    }

    /// The phases of values before linear layer `index`, to measure their noise.
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
                self.large(shape.lwe_dimension())
            }
        };
        phases(key, values)
    }

    /// The small key of a stage, to measure the noise under it.
    #[cfg(test)]
    pub(crate) fn small_key(&self, index: usize) -> LweSecretKeyView<'_, u64> {
        let stage = &self.plan.stages[index];
        self.small(stage.bootstrap.small_dimension).as_lwe()
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
