//! Keyswitching keys: how they are made, and how a server expands them.

use fhe_nn_proof::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, secure_variance_of};
use tfhe::core_crypto::commons::math::random::{Seed, Seeder};
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::secret::Secret;
use super::seeded::{Seeded, cut, restore};
use crate::encrypted::KeyswitchKey;

/// What a plan says of a keyswitching key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Keyswitch {
    /// Dimension of the key that it leads from.
    pub(super) from: u32,
    /// Dimension of the key that it leads to.
    pub(super) to: u32,
    pub(super) digits: Decomposition,
    /// Bytes of a body as it travels.
    pub(super) body_bytes: u32,
}

impl Keyswitch {
    /// Encryptions of the bits of one key under another, modulo `2^32`.
    pub(super) fn generate(&self, from: &Secret, to: &Secret, seeder: &mut dyn Seeder) -> Seeded {
        let short: Zeroizing<Vec<u32>> =
            Zeroizing::new(to.bits().iter().map(|&bit| bit as u32).collect());
        let to = LweSecretKey::from_container(short.as_slice());
        let seed = seeder.seed();
        let mut key = self.seeded(vec![0; self.bodies()], seed);
        let variance = secure_variance_of(self.to, KEYSWITCH_MODULUS_BITS);
        let fresh = Gaussian::from_dispersion_parameter(Variance(variance), 0.0);
        generate_seeded_lwe_keyswitch_key(&from.as_lwe(), &to, &mut key, fresh, seeder);
        let wide: Vec<u64> = key.as_ref().iter().map(|&x| u64::from(x) << 32).collect();
        let mut bodies = vec![0; self.bodies() * self.body_bytes as usize];
        cut(&wide, self.body_bytes as usize, &mut bodies);
        Seeded {
            seed: seed.0,
            bodies,
        }
    }

    /// Draws the masks from the seed. `read` fills in the bodies that travelled.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn expand<E>(
        &self,
        seed: u128,
        read: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<KeyswitchKey, E> {
        let mut bodies = vec![0; self.bytes()];
        read(&mut bodies)?;
        let bodies = restore(&bodies, self.body_bytes as usize);
        let bodies = bodies.map(|body| (body >> 32) as u32).collect();
        let key = self
            .seeded(bodies, Seed(seed))
            .as_view()
            .par_decompress_into_lwe_keyswitch_key();
        let (from, to) = (self.from as usize, self.to as usize);
        Ok(KeyswitchKey::new(from, to, self.digits, key.as_ref()))
    }

    /// Bytes of the key as it travels, without the seed.
    pub(super) fn bytes(&self) -> usize {
        self.bodies() * self.body_bytes as usize
    }

    fn bodies(&self) -> usize {
        self.from as usize * self.digits.levels as usize
    }

    fn seeded(&self, bodies: Vec<u32>, seed: Seed) -> SeededLweKeyswitchKeyOwned<u32> {
        SeededLweKeyswitchKey::from_container(
            bodies,
            DecompositionBaseLog(self.digits.base_log as usize),
            DecompositionLevelCount(self.digits.levels as usize),
            LweDimension(self.to as usize).to_lwe_size(),
            seed.into(),
            CiphertextModulus::new_native(),
        )
    }
}
