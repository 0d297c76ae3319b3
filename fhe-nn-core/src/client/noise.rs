//! Noise of fresh ciphertexts, from a seed.
//!
//! The seed gives the same noise as in tfhe (`core_crypto::commons::math::random::gaussian`): words of its generator,
//! the polar method of Marsaglia, one of the two numbers of each pair, rounded to the torus. There the bytes of words
//! come one at a time, which takes most of the time of noise.

use zeroize::Zeroizing;

use crate::masks::Stream;

/// A source of noise. The words that it keeps are wiped on drop.
pub(super) struct Noise {
    stream: Stream,
    /// The words of the stream among which the next one is. They are drawn together, when the first of them is needed.
    words: Zeroizing<[u64; AT_ONCE]>,
    /// The number of the word that is used next.
    next: usize,
    /// In turns of the torus.
    deviation: f64,
}

/// Number of words that are drawn at once.
const AT_ONCE: usize = 256;

impl Noise {
    /// Starts the noise of a seed, with a mean of 0 and a variance in squares of a turn of the torus.
    pub(super) fn new(seed: u128, variance: f64) -> Self {
        Noise {
            stream: Stream::new(seed),
            words: Zeroizing::new([0; AT_ONCE]),
            next: 0,
            deviation: variance.sqrt(),
        }
    }

    /// Draws an element of the torus.
    pub(super) fn draw(&mut self) -> u64 {
        torus(self.normal())
    }

    /// Draws a real number of the distribution.
    fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (self.uniform(), self.uniform());
            let square = u * u + v * v;
            if square > 0.0 && square < 1.0 {
                return u * (self.deviation * (-2.0 * square.ln() / square).sqrt());
            }
        }
    }

    /// Draws a real number between -1 and 1.
    fn uniform(&mut self) -> f64 {
        let place = self.next % AT_ONCE;
        if place == 0 {
            self.stream.fill(self.next, self.words.as_mut_slice());
        }
        self.next += 1;
        self.words[place] as i64 as f64 / 9_223_372_036_854_775_808.0
    }
}

/// The element of the torus that is nearest to a number of turns.
fn torus(turns: f64) -> u64 {
    let rest = turns - turns.round();
    (rest * 18_446_744_073_709_551_616.0).round() as i64 as u64
}

#[cfg(test)]
mod tests {
    use tfhe::core_crypto::commons::math::random::{RandomGenerator, Seed};
    use tfhe::core_crypto::prelude::*;

    use super::*;

    #[test]
    fn noise_is_that_of_tfhe() {
        for (seed, variance) in [(0, 0.01), (1, 8.41e-30), (u128::MAX, 1e-10)] {
            let distribution = Gaussian::from_dispersion_parameter(Variance(variance), 0.0);
            let mut generator = RandomGenerator::<DefaultRandomGenerator>::new(Seed(seed));
            let mut expected = vec![0u64; 1_000];
            generator.fill_slice_with_random_from_distribution(&mut expected, distribution);
            let mut noise = Noise::new(seed, variance);
            let own: Vec<u64> = (0..1_000).map(|_| noise.draw()).collect();
            assert_eq!(own, expected);
        }
    }
}
