//! The evaluation key: what a server computes with.

use fhe_nn_proof::plan::{Fingerprint, Plan, Stage};
use tfhe::core_crypto::commons::math::random::Seeder;
use tfhe::core_crypto::prelude::*;

use super::KeyId;
use super::secret::{Secret, StageSecrets, noise};
use crate::encrypted::modulus;

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

impl EvaluationKey {
    /// The plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

impl SeededStageKey {
    pub(super) fn generate(
        stage: &Stage,
        before: &Secret,
        secrets: &StageSecrets,
        seeder: &mut dyn Seeder,
    ) -> Self {
        let small = secrets.small.as_ref().unwrap_or(before).as_lwe();
        let size = PolynomialSize(stage.shape.polynomial_size as usize);
        let large = GlweSecretKey::from_container(secrets.large.bits(), size);
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
