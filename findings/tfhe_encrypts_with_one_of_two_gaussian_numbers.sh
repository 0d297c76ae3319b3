#!/usr/bin/env bash
# tfhe draws the noise of a ciphertext as one number of each Gaussian pair, and throws the other away.
#
# What one would guess: the polar method makes two independent numbers at once, and a library that draws millions of
#   them for a key uses both, as its function `fill_slice_with_random_gaussian` does.
# What is true: encryption draws by `fill_slice_with_random_from_distribution`, whose number i is number 2 i of the
#   other function under the same seed; the probe below shows it on an encrypted zero. So every element of noise takes
#   two words of AES, or 2.5 with those that the method rejects, and the generator hands these out a byte at a time.
# Since when: 1.8.2 behaves so, which is the version that is tried here; older ones were not.
# Why it matters: two functions that both fill a slice with Gaussian numbers from a seed give different streams, so a
#   reimplementation that is to agree with tfhe's ciphertexts must follow the second. And where tfhe makes a key, noise
#   takes longer than masks, which need one word for each element.
#
# Needs cargo and the registry.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cargo new --quiet --vcs none probe 2>/dev/null
cd probe
cargo add --quiet tfhe@=1.8.2 2>/dev/null
cat >src/main.rs <<'RUST'
use tfhe::core_crypto::commons::math::random::{RandomGenerator, Seed, Seeder};
use tfhe::core_crypto::prelude::*;

struct Seven;

impl Seeder for Seven {
    fn seed(&mut self) -> Seed {
        Seed(7)
    }
    fn is_available() -> bool {
        true
    }
}

fn main() {
    let deviation = 1e-5;
    let mut pairs = vec![0u64; 2_048];
    let mut generator = RandomGenerator::<DefaultRandomGenerator>::new(Seed(7));
    generator.fill_slice_with_random_gaussian(&mut pairs, 0.0, deviation);

    // under a key of zeros, the body of an encrypted zero is its noise
    let modulus = CiphertextModulus::new_native();
    let (dimension, size) = (GlweDimension(1), PolynomialSize(1_024));
    let key = GlweSecretKey::new_empty_key(0u64, dimension, size);
    let mut ciphertext = GlweCiphertext::new(0u64, dimension.to_glwe_size(), size, modulus);
    let mut generator = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(Seed(0), &mut Seven);
    encrypt_glwe_ciphertext(
        &key,
        &mut ciphertext,
        &PlaintextList::new(0u64, PlaintextCount(size.0)),
        Gaussian::from_standard_dev(StandardDev(deviation), 0.0),
        &mut generator,
    );
    let body = ciphertext.get_body();
    let noise = body.as_ref();
    let first: Vec<u64> = pairs.iter().copied().step_by(2).collect();
    println!("the noise is the first number of each pair: {}", noise == first);
    println!("the noise is all numbers of the pairs: {}", noise == &pairs[..size.0]);
}
RUST
printed=$(cargo run --quiet 2>/dev/null)
echo "tfhe 1.8.2"
echo "$printed"
expected="the noise is the first number of each pair: true
the noise is all numbers of the pairs: false"
[ "$printed" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
