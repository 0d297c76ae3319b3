//! Who may do what: the client's secret keys, and the evaluation key that a server sees.

use fhe_nn_proof::client::Scores;
use fhe_nn_proof::noise::secure_variance;
use fhe_nn_proof::plan::{Fingerprint, Plan, Stage};
use fhe_nn_proof::widths::Lattice;
use ndarray::ArrayView2;
use tfhe::core_crypto::commons::math::random::Seeder;
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use crate::Error;
use crate::encrypted::{Ciphertexts, modulus};
use crate::network::encode;
use crate::wire::{Reply, Request};

/// Tells keys apart: a random number, the same in a client key, its evaluation key and everything
/// encrypted under it. It is public.
pub(crate) type KeyId = [u8; 16];

/// A client's secret keys with what the client must know: it encodes and encrypts inputs, and
/// decrypts results. It is neither printable nor serializable, and wiped on drop.
pub struct ClientKey {
    plan: Plan,
    fingerprint: Fingerprint,
    id: KeyId,
    input: Secret,
    stages: Vec<StageSecrets>,
}

/// All that a server ever sees: bootstrapping and keyswitching keys, which let it compute on
/// ciphertexts and decrypt none.
pub struct EvaluationKey {
    pub(crate) plan: Plan,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    pub(crate) stages: Vec<StageKey>,
}

/// The evaluation keys of one stage: as they travel, and expanded.
pub(crate) struct StageKey {
    pub(crate) seeded: SeededStageKey,
    pub(crate) keyswitch: Option<LweKeyswitchKeyOwned<u64>>,
    pub(crate) bootstrap: FourierLweBootstrapKeyOwned,
}

/// The evaluation keys of one stage as they travel.
pub(crate) struct SeededStageKey {
    pub(crate) keyswitch: Option<Seeded<SeededLweKeyswitchKeyOwned<u64>>>,
    pub(crate) bootstrap: Seeded<SeededLweBootstrapKeyOwned<u64>>,
}

/// Bodies, and the seed that their masks are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seeded<T> {
    pub(crate) seed: u128,
    pub(crate) bodies: T,
}

/// A binary LWE key. Neither `Debug` nor `Serialize`; wiped on drop.
struct Secret(Zeroizing<Vec<u64>>);

struct StageSecrets {
    /// None if inputs come under this key.
    small: Option<Secret>,
    large: Secret,
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
        let stages = plan
            .stages
            .iter()
            .map(|stage| StageSecrets {
                small: stage.keyswitch.map(|_| secret(stage.small_dimension)),
                large: secret(stage.shape.lwe_dimension()),
            })
            .collect();
        let fingerprint = crate::wire::fingerprint(plan);
        Ok(ClientKey {
            plan: plan.clone(),
            fingerprint,
            id,
            input,
            stages,
        })
    }

    /// The key for the server. Takes about a second: the work is spread over all cores.
    pub fn evaluation_key(&self) -> EvaluationKey {
        let mut seeder = new_seeder();
        let mut before = &self.input;
        let mut stages = Vec::with_capacity(self.stages.len());
        for (stage, secrets) in self.plan.stages.iter().zip(&self.stages) {
            let seeded = SeededStageKey::generate(stage, before, secrets, seeder.as_mut());
            stages.push(StageKey::expand(seeded));
            before = &secrets.large;
        }
        EvaluationKey {
            plan: self.plan.clone(),
            fingerprint: self.fingerprint,
            id: self.id,
            stages,
        }
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
        let plaintexts: Vec<u64> = encode(&self.plan.client, row)?
            .iter()
            .map(|&q| (q as u64).wrapping_shl(shift))
            .collect();
        let mut seeder = new_seeder();
        let key = self.input.as_lwe();
        let seed = seeder.seed();
        let mut bodies = SeededLweCiphertextList::new(
            0u64,
            key.lwe_dimension().to_lwe_size(),
            LweCiphertextCount(plaintexts.len()),
            seed.into(),
            modulus(),
        );
        encrypt_seeded_lwe_ciphertext_list(
            &key,
            &mut bodies,
            &PlaintextList::from_container(plaintexts),
            noise(self.plan.input.dimension),
            seeder.as_mut(),
        );
        let values = Seeded {
            seed: seed.0,
            bodies,
        };
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
        let phases = self.phases(self.stages.len(), &reply.scores);
        let meanings = client.widths.iter().zip(&client.lattices);
        let integers = phases
            .zip(meanings)
            .map(|(phase, (&width, &lattice))| decode(phase, width, lattice));
        Ok(client.scores(integers.collect()))
    }

    /// The phases (message plus noise, in units of `2^-64`) of ciphertexts under the large key of
    /// stage `index - 1`, or under the inputs' key if `index` is 0.
    pub(crate) fn phases<'a>(
        &'a self,
        index: usize,
        values: &'a Ciphertexts,
    ) -> impl Iterator<Item = u64> + 'a {
        let secret = if index == 0 {
            &self.input
        } else {
            &self.stages[index - 1].large
        };
        values.rows().map(|row| {
            let ciphertext = LweCiphertext::from_container(row, modulus());
            decrypt_lwe_ciphertext(&secret.as_lwe(), &ciphertext).0
        })
    }

    /// The small key of a stage, to measure the noise under it.
    #[cfg(test)]
    pub(crate) fn small_key(&self, index: usize) -> LweSecretKeyView<'_, u64> {
        let small = self.stages[index].small.as_ref();
        small.unwrap_or(&self.input).as_lwe()
    }
}

/// The value of the lattice nearest to a phase, in two's complement of `width` bits.
fn decode(phase: u64, width: u32, lattice: Lattice) -> i64 {
    let distance_bits = 64 - width + lattice.step_bits;
    let offset = (lattice.offset as u64) << (64 - width);
    let half = 1u64 << (distance_bits - 1);
    let nearest = (phase.wrapping_sub(offset).wrapping_add(half) >> distance_bits) << distance_bits;
    (nearest.wrapping_add(offset) as i64) >> (64 - width)
}

impl EvaluationKey {
    /// The plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

impl SeededStageKey {
    fn generate(
        stage: &Stage,
        before: &Secret,
        secrets: &StageSecrets,
        seeder: &mut dyn Seeder,
    ) -> Self {
        let small = secrets.small.as_ref().unwrap_or(before).as_lwe();
        let size = PolynomialSize(stage.shape.polynomial_size as usize);
        let large = GlweSecretKey::from_container(secrets.large.0.as_slice(), size);
        let keyswitch = stage.keyswitch.map(|digits| {
            let seed = seeder.seed();
            let mut bodies = SeededLweKeyswitchKey::new(
                0u64,
                DecompositionBaseLog(digits.base_log as usize),
                DecompositionLevelCount(digits.levels as usize),
                before.as_lwe().lwe_dimension(),
                small.lwe_dimension(),
                seed.into(),
                modulus(),
            );
            let fresh = noise(stage.small_dimension);
            generate_seeded_lwe_keyswitch_key(&before.as_lwe(), &small, &mut bodies, fresh, seeder);
            Seeded {
                seed: seed.0,
                bodies,
            }
        });
        let seed = seeder.seed();
        let mut bodies = SeededLweBootstrapKey::new(
            0u64,
            large.glwe_dimension().to_glwe_size(),
            size,
            DecompositionBaseLog(stage.digits.base_log as usize),
            DecompositionLevelCount(stage.digits.levels as usize),
            small.lwe_dimension(),
            seed.into(),
            modulus(),
        );
        let fresh = noise(stage.shape.lwe_dimension());
        par_generate_seeded_lwe_bootstrap_key(&small, &large, &mut bodies, fresh, seeder);
        let bootstrap = Seeded {
            seed: seed.0,
            bodies,
        };
        SeededStageKey {
            keyswitch,
            bootstrap,
        }
    }
}

impl StageKey {
    /// Draws the masks from their seeds, and brings the bootstrapping key into Fourier form.
    pub(crate) fn expand(seeded: SeededStageKey) -> Self {
        let standard = seeded
            .bootstrap
            .bodies
            .as_view()
            .par_decompress_into_lwe_bootstrap_key();
        let mut bootstrap = FourierLweBootstrapKeyOwned::new(
            standard.input_lwe_dimension(),
            standard.glwe_size(),
            standard.polynomial_size(),
            standard.decomposition_base_log(),
            standard.decomposition_level_count(),
        );
        par_convert_standard_lwe_bootstrap_key_to_fourier(&standard, &mut bootstrap);
        let keyswitch = seeded
            .keyswitch
            .as_ref()
            .map(|key| key.bodies.as_view().par_decompress_into_lwe_keyswitch_key());
        StageKey {
            seeded,
            keyswitch,
            bootstrap,
        }
    }
}

impl Secret {
    fn generate(
        dimension: u32,
        generator: &mut SecretRandomGenerator<DefaultRandomGenerator>,
    ) -> Self {
        let dimension = LweDimension(dimension as usize);
        let key = LweSecretKeyOwned::generate_new_binary(dimension, generator);
        Secret(Zeroizing::new(key.into_container()))
    }

    fn as_lwe(&self) -> LweSecretKeyView<'_, u64> {
        LweSecretKey::from_container(self.0.as_slice())
    }
}

/// Fresh noise for a key of this dimension.
fn noise(dimension: u32) -> Gaussian<f64> {
    Gaussian::from_dispersion_parameter(Variance(secure_variance(dimension)), 0.0)
}
