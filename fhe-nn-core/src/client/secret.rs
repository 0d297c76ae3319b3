//! Secret keys, which never leave this folder.

use fhe_nn_proof::noise::secure_variance;
use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

/// A binary LWE key. Neither `Debug` nor `Serialize`; wiped on drop.
pub(super) struct Secret(Zeroizing<Vec<u64>>);

impl Secret {
    pub(super) fn generate(
        dimension: u32,
        generator: &mut SecretRandomGenerator<DefaultRandomGenerator>,
    ) -> Self {
        let dimension = LweDimension(dimension as usize);
        let key = LweSecretKeyOwned::generate_new_binary(dimension, generator);
        Secret(Zeroizing::new(key.into_container()))
    }

    /// The key bits, one a word.
    pub(super) fn bits(&self) -> &[u64] {
        &self.0
    }

    pub(super) fn as_lwe(&self) -> LweSecretKeyView<'_, u64> {
        LweSecretKey::from_container(self.0.as_slice())
    }
}

/// Fresh noise for a key of this dimension.
pub(super) fn noise(dimension: u32) -> Gaussian<f64> {
    Gaussian::from_dispersion_parameter(Variance(secure_variance(dimension)), 0.0)
}
