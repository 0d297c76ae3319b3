//! Sizes of keys and messages. A plan from outside may hold any numbers, so sizes saturate.

use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, body_bytes, secure_variance,
    secure_variance_of,
};
use crate::plan::bootstrap::Bootstrap;
use crate::plan::output::OutputPlan;
use crate::plan::{InputPlan, Plan};

impl InputPlan {
    /// Number of bytes that the body of an encrypted input has on the wire.
    pub fn body_bytes(&self) -> u32 {
        body_bytes(secure_variance(self.dimension), MODULUS_BITS)
    }
}

impl Bootstrap {
    /// Number of bytes that a body of the bootstrapping key has on the wire.
    pub fn body_bytes(&self) -> u32 {
        body_bytes(secure_variance(self.shape.lwe_dimension()), MODULUS_BITS)
    }

    /// Number of bytes that a body of the keyswitching key has on the wire.
    pub fn keyswitch_body_bytes(&self) -> u32 {
        keyswitch_body_bytes(self.small_dimension)
    }

    /// Number of bytes of the bootstrapping key on the wire: the bodies, without the seed. In a plan that
    /// [`Plan::validate`] accepts, they are below 2^31, so they fit the memory of a 32-bit machine.
    pub fn key_bytes(&self) -> u64 {
        self.bodies().saturating_mul(self.body_bytes().into())
    }

    /// Number of bytes of the keyswitching key on the wire: the bodies, without the seed; 0 if there
    /// is none. `from` is the dimension of the key before.
    pub fn keyswitch_key_bytes(&self, from: u32) -> u64 {
        keyswitch_bodies(self.keyswitch, from).saturating_mul(self.keyswitch_body_bytes().into())
    }

    /// Number of bytes of the bootstrapping key in a server's memory. In Fourier form, every body
    /// becomes `k + 1` polynomials of 8 bytes a coefficient.
    pub(crate) fn memory_bytes(&self) -> u64 {
        product([8, self.bodies(), u64::from(self.shape.dimension) + 1])
    }

    /// Number of bytes of the keyswitching key in a server's memory.
    fn keyswitch_memory_bytes(&self, from: u32) -> u64 {
        let bodies = keyswitch_bodies(self.keyswitch, from);
        bodies.saturating_mul(keyswitch_row_bytes(self.small_dimension))
    }

    /// Number of bodies of the bootstrapping key: those of a polynomial for each row of its ciphertexts.
    fn bodies(&self) -> u64 {
        product([
            self.rows().into(),
            self.key_ciphertexts().into(),
            self.shape.polynomial_size.into(),
        ])
    }
}

impl OutputPlan {
    /// Number of bytes that a body of the keyswitching key has on the wire.
    pub fn keyswitch_body_bytes(&self) -> u32 {
        keyswitch_body_bytes(self.dimension)
    }

    /// Number of bytes of the scores' keyswitching key on the wire: the bodies, without the seed; 0
    /// if there is none. `input_dimension` is the dimension of the key before.
    pub fn keyswitch_key_bytes(&self, input_dimension: u32) -> u64 {
        keyswitch_bodies(self.keyswitch, input_dimension)
            .saturating_mul(self.keyswitch_body_bytes().into())
    }
}

impl Plan {
    /// Number of bytes of an evaluation key on the wire, without header and seeds. Keys that
    /// bootstraps share are sent once.
    pub fn evaluation_key_bytes(&self) -> u64 {
        let output = self.output.keyswitch_key_bytes(self.last_dimension());
        self.keys(output, Bootstrap::key_bytes, Bootstrap::keyswitch_key_bytes)
    }

    /// Number of bytes of an evaluation key in a server's memory.
    pub fn evaluation_memory_bytes(&self) -> u64 {
        let output = &self.output;
        let bodies = keyswitch_bodies(output.keyswitch, self.last_dimension());
        let output = bodies.saturating_mul(keyswitch_row_bytes(output.dimension));
        self.keys(
            output,
            Bootstrap::memory_bytes,
            Bootstrap::keyswitch_memory_bytes,
        )
    }

    /// Number of bytes of all keys: those of the scores' key are given, and every key of a bootstrap
    /// counts where it is new.
    fn keys(
        &self,
        output: u64,
        bootstrapping: fn(&Bootstrap) -> u64,
        keyswitching: fn(&Bootstrap, u32) -> u64,
    ) -> u64 {
        let mut bytes = output;
        for (from, bootstrap, is_new) in self.new_keys() {
            if is_new.bootstrapping {
                bytes = bytes.saturating_add(bootstrapping(bootstrap));
            }
            if is_new.keyswitching {
                bytes = bytes.saturating_add(keyswitching(bootstrap, from));
            }
        }
        bytes
    }

    /// Every bootstrap with the dimension of the key before it, and which of its keys no earlier
    /// bootstrap has.
    pub fn new_keys(&self) -> Vec<(u32, &Bootstrap, NewKeys)> {
        let mut all: Vec<(u32, &Bootstrap, NewKeys)> = Vec::new();
        for (from, bootstrap) in self.every_bootstrap() {
            let mut is_new = NewKeys {
                bootstrapping: true,
                keyswitching: bootstrap.keyswitch.is_some(),
            };
            for (earlier_from, earlier, _) in &all {
                is_new.bootstrapping &= !earlier.shares_key(bootstrap);
                is_new.keyswitching &= (*earlier_from, earlier.keyswitch, earlier.small_dimension)
                    != (from, bootstrap.keyswitch, bootstrap.small_dimension);
            }
            all.push((from, bootstrap, is_new));
        }
        all
    }

    /// Number of bytes of one encrypted input on the wire: the bodies, without header and seed.
    pub fn request_bytes(&self) -> u64 {
        product([
            self.client.integers() as u64,
            self.input.body_bytes().into(),
        ])
    }

    /// Number of bytes of one encrypted result on the wire, without the header: a string of bits,
    /// with `dimension + 1` elements of `element_bits` bits for each score.
    pub fn reply_bytes(&self) -> u64 {
        let output = &self.output;
        let bits = product([
            output.sums.neurons.into(),
            u64::from(output.dimension) + 1,
            output.element_bits.into(),
        ]);
        bits.div_ceil(8)
    }
}

/// The keys of a bootstrap that no earlier bootstrap has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewKeys {
    /// Whether the bootstrapping key is new.
    pub bootstrapping: bool,
    /// Whether the keyswitching key is new.
    pub keyswitching: bool,
}

/// Number of bytes that a body of a keyswitching key to `n` dimensions has on the wire.
pub(crate) fn keyswitch_body_bytes(n: u32) -> u32 {
    let variance = secure_variance_of(n, KEYSWITCH_MODULUS_BITS);
    body_bytes(variance, KEYSWITCH_MODULUS_BITS)
}

/// Number of bytes that a server's memory has for every body of a keyswitching key to `n` dimensions: `n + 1` elements
/// of 4 bytes.
pub(crate) fn keyswitch_row_bytes(n: u32) -> u64 {
    product([4, u64::from(n) + 1])
}

/// Number of bodies of a keyswitching key.
fn keyswitch_bodies(digits: Option<Decomposition>, input_dimension: u32) -> u64 {
    digits.map_or(0, |digits| {
        product([digits.levels.into(), input_dimension.into()])
    })
}

fn product<const N: usize>(factors: [u64; N]) -> u64 {
    factors.into_iter().fold(1, u64::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{cost, range};

    /// The engine and the client count the elements of a key in `usize`, which has 32 bits in a browser.
    #[test]
    fn the_greatest_valid_keys_fit_the_memory_of_a_32_bit_machine() {
        let digits = |levels| Decomposition {
            base_log: 1,
            levels,
        };
        let shapes = cost::SHAPES.map(|(shape, ..)| shape);
        let from = shapes.map(|shape| shape.lwe_dimension()).into_iter().max();
        for shape in shapes {
            let largest = Bootstrap {
                shape,
                digits: digits(range::MAX_BOOTSTRAP_LEVELS),
                body: None,
                small_dimension: *range::SMALL_DIMENSIONS.end(),
                extension: 1,
                keyswitch: Some(digits(range::MAX_KEYSWITCH_LEVELS)),
                key_bits: range::MAX_KEY_BITS,
                companion: 0,
            };
            for bytes in [
                largest.key_bytes(),
                largest.memory_bytes(),
                largest.keyswitch_key_bytes(from.unwrap_or(0)),
                largest.keyswitch_memory_bytes(from.unwrap_or(0)),
            ] {
                assert!(bytes < 1 << 31, "{shape:?}: {bytes} bytes");
            }
        }
    }
}
