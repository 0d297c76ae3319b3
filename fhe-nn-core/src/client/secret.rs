//! Secret keys, which never leave this folder.

use tfhe::core_crypto::prelude::*;
use zeroize::Zeroizing;

use super::random;
use crate::Error;

/// A binary LWE key. It is neither `Debug` nor `Serialize`, and it is wiped on drop.
pub(super) struct Secret(Zeroizing<Vec<u64>>);

impl Secret {
    /// Generates a key of uniformly random bits, each drawn from the operating system.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub(super) fn generate(dimension: u32) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; Self::packed_bytes(dimension)]);
        random::fill(&mut bytes)?;
        Ok(Self::unpack(dimension, &bytes))
    }

    /// Returns the number of bytes of a key in a file: eight bits in each.
    pub(super) fn packed_bytes(dimension: u32) -> usize {
        (dimension as usize).div_ceil(8)
    }

    /// Reads a key from bytes, of which there are [`Secret::packed_bytes`], from their lowest bits up.
    pub(super) fn unpack(dimension: u32, bytes: &[u8]) -> Self {
        // allocated at its full size: a vector that grows would leave copies behind
        let mut bits = Zeroizing::new(vec![0; dimension as usize]);
        for (index, bit) in bits.iter_mut().enumerate() {
            *bit = u64::from(bytes[index / 8] >> (index % 8) & 1);
        }
        Secret(bits)
    }

    /// Appends the key's bytes, as [`Secret::unpack`] reads them.
    pub(super) fn pack(&self, to: &mut Vec<u8>) {
        for bits in self.0.chunks(8) {
            let byte = bits
                .iter()
                .rev()
                .fold(0, |byte, &bit| byte << 1 | bit as u8);
            to.push(byte);
        }
    }

    /// Returns the bits of the key, one in each word.
    pub(super) fn bits(&self) -> &[u64] {
        &self.0
    }

    pub(super) fn as_lwe(&self) -> LweSecretKeyView<'_, u64> {
        LweSecretKey::from_container(self.0.as_slice())
    }
}

/// All ones for a bit that is set, and zeros for one that is not: what a word has in common with it is the product of
/// both.
pub(super) fn chosen(bit: u64) -> u64 {
    bit.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_drawn() {
        let keys: Vec<Secret> = (0..64)
            .map(|_| Secret::generate(77).expect("the system has randomness"))
            .collect();
        for bit in 0..77 {
            let ones = keys.iter().filter(|key| key.bits()[bit] == 1).count();
            // all 64 are equal once in 2^63
            assert!((1..64).contains(&ones), "bit {bit} is always the same");
        }
        assert!(keys.iter().all(|key| key.bits().iter().all(|&bit| bit < 2)));
    }

    #[test]
    fn a_key_comes_back_from_its_bytes() {
        for dimension in [1, 8, 77] {
            let key = Secret::generate(dimension).expect("the system has randomness");
            let mut bytes = Vec::new();
            key.pack(&mut bytes);
            assert_eq!(bytes.len(), Secret::packed_bytes(dimension));
            assert_eq!(Secret::unpack(dimension, &bytes).bits(), key.bits());
        }
    }
}
