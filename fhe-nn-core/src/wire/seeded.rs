//! The travelling form of ciphertexts whose masks are drawn from a seed: bodies, cut to whole bytes.

/// Number of bytes of a seed as it travels.
pub(crate) const SEED: usize = 16;

/// Bodies, and the seed that their masks are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seeded {
    pub(crate) seed: u128,
    /// The most significant bytes of each body, big-endian.
    pub(crate) bodies: Vec<u8>,
}

impl Seeded {
    /// Appends the seed, then the bodies.
    pub(crate) fn write_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.seed.to_le_bytes());
        bytes.extend(&self.bodies);
    }

    /// Reads a seed, and the rest as bodies, from a payload of known length.
    pub(crate) fn read(payload: &[u8]) -> Self {
        let (seed, bodies) = payload
            .split_first_chunk()
            .expect("a payload's length was checked");
        Seeded {
            seed: u128::from_le_bytes(*seed),
            bodies: bodies.to_vec(),
        }
    }
}

/// Writes the `bytes` most significant bytes of each body, rounded to the nearest.
#[cfg(any(test, feature = "client"))]
pub(crate) fn cut(bodies: &[u64], bytes: usize, to: &mut [u8]) {
    let half = if bytes < 8 {
        1u64 << (63 - 8 * bytes)
    } else {
        0
    };
    for (to, body) in to.chunks_exact_mut(bytes).zip(bodies) {
        let rounded = body.wrapping_add(half);
        to.copy_from_slice(&rounded.to_be_bytes()[..bytes]);
    }
}

/// Restores bodies from their most significant bytes.
#[cfg(any(test, feature = "engine"))]
pub(crate) fn restore(from: &[u8], bytes: usize) -> impl Iterator<Item = u64> + '_ {
    from.chunks_exact(bytes).map(move |body| {
        let byte = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
        body.iter().fold(0, byte) << (64 - 8 * bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_within_half_a_step() {
        let bodies = [0, 1, u64::MAX, 0x0123_4567_89ab_cdef, 1 << 63];
        for bytes in 1..=8 {
            let mut cut_bodies = vec![0; bytes * bodies.len()];
            cut(&bodies, bytes, &mut cut_bodies);
            let step = 1u128 << (64 - 8 * bytes);
            for (back, body) in restore(&cut_bodies, bytes).zip(bodies) {
                let error = (back.wrapping_sub(body) as i64).unsigned_abs();
                assert!(2 * u128::from(error) <= step, "{bytes} bytes");
            }
        }
    }
}
