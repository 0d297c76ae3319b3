//! The same work in plain calls of tfhe. Every bootstrap of a plan is one of tfhe's at the same
//! parameters, every keyswitch of the plan is one of tfhe's, and the work is spread over the same
//! threads.

use fhe_nn_core::Plan;
use fhe_nn_core::plan::Bootstrap;
use rayon::prelude::*;
use tfhe::core_crypto::fft_impl::fft64::math::fft::Fft;
use tfhe::core_crypto::prelude::*;

/// Keys and inputs of the bootstraps of one stage. The encrypted values have no influence on the time.
struct PlainStage {
    bootstraps: u32,
    keyswitch: Option<LweKeyswitchKeyOwned<u64>>,
    bootstrap: FourierLweBootstrapKeyOwned,
    input: LweCiphertextOwned<u64>,
    table: GlweCiphertextOwned<u64>,
}

/// The work of one inference.
pub(crate) fn work(plan: &Plan) -> impl Fn() {
    let stages: Vec<PlainStage> = plan
        .stages
        .iter()
        .zip(plan.dimensions())
        .map(|(stage, before)| PlainStage::new(stage.sums.neurons, &stage.bootstrap, before))
        .collect();
    move || {
        for stage in &stages {
            (0..stage.bootstraps).into_par_iter().for_each_init(
                || Buffers::new(stage),
                |buffers, _| stage.bootstrap(buffers),
            );
        }
    }
}

impl PlainStage {
    fn new(bootstraps: u32, plan: &Bootstrap, before: u32) -> Self {
        assert_eq!(plan.extension, 1, "tfhe spreads no tables");
        let modulus = CiphertextModulus::new_native();
        let n = LweDimension(plan.small_dimension as usize);
        let glwe = GlweDimension(plan.shape.dimension as usize);
        let size = PolynomialSize(plan.shape.polynomial_size as usize);
        let mut bootstrap = FourierLweBootstrapKeyOwned::new(
            n,
            glwe.to_glwe_size(),
            size,
            DecompositionBaseLog(plan.digits.base_log as usize),
            DecompositionLevelCount(plan.digits.levels as usize),
        );
        let random = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for (i, x) in bootstrap.as_mut_view().data().iter_mut().enumerate() {
            x.re = random(2 * i) as i64 as f64;
            x.im = random(2 * i + 1) as i64 as f64;
        }
        let keyswitch = plan.keyswitch.map(|digits| {
            let mut key = LweKeyswitchKey::new(
                0u64,
                DecompositionBaseLog(digits.base_log as usize),
                DecompositionLevelCount(digits.levels as usize),
                LweDimension(before as usize),
                n,
                modulus,
            );
            key.as_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(i, x)| *x = random(i));
            key
        });
        let dimension = match plan.keyswitch {
            Some(_) => LweDimension(before as usize),
            None => n,
        };
        let mut input = LweCiphertext::new(0u64, dimension.to_lwe_size(), modulus);
        input
            .as_mut()
            .iter_mut()
            .enumerate()
            .for_each(|(i, x)| *x = random(i));
        PlainStage {
            bootstraps,
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
