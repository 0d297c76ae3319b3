//! The same work in plain calls of tfhe: every bootstrap of a network is one of tfhe's, every keyswitch is one of tfhe's,
//! spread over the same threads. The parameters are those that plans had before steps of two key bits (commit 5d07ebb):
//! tfhe takes one bit a step, for which they are the better ones.

use rayon::prelude::*;
use tfhe::core_crypto::fft_impl::fft64::math::fft::Fft;
use tfhe::core_crypto::prelude::*;

/// The bootstraps of one stage.
pub(crate) struct Bootstraps {
    count: u32,
    /// Dimension of their inputs, and levels and logarithm of the base of the keyswitch from there.
    keyswitch: Option<(usize, usize, usize)>,
    /// Dimension of the small key.
    small: usize,
    /// Number of polynomials of a mask, and their size.
    shape: (usize, usize),
    /// Levels and logarithm of the base.
    digits: (usize, usize),
}

/// The bootstraps of [`Digits`](fhe_nn_examples::networks::Digits).
pub(crate) const DIGITS: [Bootstraps; 1] = [Bootstraps {
    count: 60,
    keyswitch: None,
    small: 654,
    shape: (1, 2048),
    digits: (2, 15),
}];

/// The bootstraps of [`TwoHidden`](fhe_nn_benches::TwoHidden).
pub(crate) const TWO_HIDDEN: [Bootstraps; 2] = [
    Bootstraps {
        count: 64,
        keyswitch: None,
        small: 717,
        shape: (1, 2048),
        digits: (1, 23),
    },
    Bootstraps {
        count: 64,
        keyswitch: Some((2048, 7, 2)),
        small: 786,
        shape: (2, 1024),
        digits: (2, 15),
    },
];

/// Keys and inputs of the bootstraps of one stage. The encrypted values have no influence on the time.
struct PlainStage {
    count: u32,
    keyswitch: Option<LweKeyswitchKeyOwned<u64>>,
    bootstrap: FourierLweBootstrapKeyOwned,
    input: LweCiphertextOwned<u64>,
    table: GlweCiphertextOwned<u64>,
}

/// The work of one inference.
pub(crate) fn work(stages: &[Bootstraps]) -> impl Fn() + use<> {
    let stages: Vec<PlainStage> = stages.iter().map(PlainStage::new).collect();
    move || {
        for stage in &stages {
            (0..stage.count).into_par_iter().for_each_init(
                || Buffers::new(stage),
                |buffers, _| stage.bootstrap(buffers),
            );
        }
    }
}

impl PlainStage {
    fn new(stage: &Bootstraps) -> Self {
        let modulus = CiphertextModulus::new_native();
        let n = LweDimension(stage.small);
        let glwe = GlweDimension(stage.shape.0);
        let size = PolynomialSize(stage.shape.1);
        let (levels, base_log) = stage.digits;
        let mut bootstrap = FourierLweBootstrapKeyOwned::new(
            n,
            glwe.to_glwe_size(),
            size,
            DecompositionBaseLog(base_log),
            DecompositionLevelCount(levels),
        );
        let random = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (i, x) in bootstrap.as_mut_view().data().iter_mut().enumerate() {
            x.re = random(2 * i) as i64 as f64;
            x.im = random(2 * i + 1) as i64 as f64;
        }
        let keyswitch = stage.keyswitch.map(|(before, levels, base_log)| {
            let mut key = LweKeyswitchKey::new(
                0u64,
                DecompositionBaseLog(base_log),
                DecompositionLevelCount(levels),
                LweDimension(before),
                n,
                modulus,
            );
            key.as_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(i, x)| *x = random(i));
            key
        });
        let dimension = match stage.keyswitch {
            Some((before, ..)) => LweDimension(before),
            None => n,
        };
        let mut input = LweCiphertext::new(0u64, dimension.to_lwe_size(), modulus);
        input
            .as_mut()
            .iter_mut()
            .enumerate()
            .for_each(|(i, x)| *x = random(i));
        PlainStage {
            count: stage.count,
            keyswitch,
            bootstrap,
            input,
            table: GlweCiphertext::new(1u64 << 59, glwe.to_glwe_size(), size, modulus),
        }
    }

    fn bootstrap(&self, buffers: &mut Buffers) {
        let input = match &self.keyswitch {
            Some(key) => {
                keyswitch_lwe_ciphertext(key, &self.input, &mut buffers.switched);
                &buffers.switched
            }
            None => &self.input,
        };
        programmable_bootstrap_lwe_ciphertext_mem_optimized(
            input,
            &mut buffers.output,
            &self.table,
            &self.bootstrap,
            buffers.fft.as_view(),
            buffers.computation.stack(),
        );
    }
}

/// The buffers of one thread.
struct Buffers {
    fft: Fft,
    computation: ComputationBuffers,
    switched: LweCiphertextOwned<u64>,
    output: LweCiphertextOwned<u64>,
}

impl Buffers {
    fn new(stage: &PlainStage) -> Self {
        let (key, modulus) = (&stage.bootstrap, CiphertextModulus::new_native());
        let fft = Fft::new(key.polynomial_size());
        let mut computation = ComputationBuffers::new();
        computation.resize(
            programmable_bootstrap_lwe_ciphertext_mem_optimized_requirement::<u64>(
                key.glwe_size(),
                key.polynomial_size(),
                fft.as_view(),
            )
            .unaligned_bytes_required(),
        );
        Buffers {
            fft,
            computation,
            switched: LweCiphertext::new(0, key.input_lwe_dimension().to_lwe_size(), modulus),
            output: LweCiphertext::new(0, key.output_lwe_dimension().to_lwe_size(), modulus),
        }
    }
}
