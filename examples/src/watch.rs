//! Windows of what a watch measures while its wearer does one of seven exercises of the shoulder.
//!
//! "Smartwatch" (D. M. Burns and others, arXiv 1802.01489), as seglearn 1.2.5 has it. `data/tune/make.py` cuts it into windows of
//! four seconds, 25 times a second.

use fhe_nn_core::{Error, Floats};
use ndarray::{Array2, Ix2};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::cli;

/// Number of signals: an accelerometer and a gyroscope of three axes each.
pub const SIGNALS: usize = 6;
/// Number of times at which each signal was measured.
pub const STEPS: usize = 100;

/// The standard deviation of each signal over the windows to learn from, within 3%, in units of gravity and in radians a second.
const SPREADS: [f32; SIGNALS] = [0.91, 0.50, 0.55, 1.00, 2.54, 1.09];
/// The standard deviation of changes, as a fraction of those of the signals.
const CHANGE: f32 = 0.1;

/// Windows with their exercises.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    /// One window in each row, `[windows, signals x steps]`, signal by signal.
    pub inputs: Array2<f32>,
    /// The exercise, 0 to 6, of each window.
    pub labels: Vec<u8>,
    /// The person of each window; empty for the test windows.
    pub persons: Vec<u8>,
}

impl Windows {
    /// Windows of seven persons, to learn from, and of three others, to test with.
    ///
    /// # Errors
    /// Those of the file.
    pub fn load() -> Result<(Self, Self), Error> {
        let file = Floats::load(cli::data().join("watch.safetensors"))?;
        Ok((Windows::part(&file, "seen"), Windows::part(&file, "test")))
    }

    fn part(file: &Floats, part: &str) -> Self {
        let bytes = |name: &str| -> Vec<u8> {
            let found = file.get(&format!("{part}.{name}")).into_iter().flatten();
            found.map(|&value| value as u8).collect()
        };
        let inputs = file.get(&format!("{part}.input")).cloned();
        let inputs = inputs.and_then(|inputs| inputs.into_dimensionality::<Ix2>().ok());
        Windows {
            inputs: inputs.expect("the example's own file has windows"),
            labels: bytes("label"),
            persons: bytes("person"),
        }
    }

    /// The windows of these persons, or of all others.
    pub fn of(&self, persons: &[u8], included: bool) -> Self {
        let rows = self.persons.iter().enumerate();
        let chosen = rows.filter(|(_, person)| persons.contains(person) == included);
        let chosen: Vec<usize> = chosen.map(|(row, _)| row).collect();
        let pick = |values: &[u8]| chosen.iter().map(|&row| values[row]).collect();
        Windows {
            inputs: self.inputs.select(ndarray::Axis(0), &chosen),
            labels: pick(&self.labels),
            persons: pick(&self.persons),
        }
    }
}

/// Writes a copy of a window as another wearer might have made it: each signal is a little greater or smaller and lies a little
/// higher or lower, and every measurement has some noise.
///
/// # Shapes
/// `window` and `copy`: 600 values each, signal by signal.
pub fn augment(window: &[f32], copy: &mut [f32], random: &mut ChaCha8Rng) {
    let mut change = || CHANGE * normal(random);
    let signals = window.chunks_exact(STEPS).zip(copy.chunks_exact_mut(STEPS));
    for ((from, to), spread) in signals.zip(SPREADS) {
        let (factor, shift) = (1.0 + change(), spread * change());
        for (to, from) in to.iter_mut().zip(from) {
            *to = factor * from + shift + spread * change();
        }
    }
}

/// A random number of mean 0 and variance 1, nearly normal: a sum of four uniform ones.
fn normal(random: &mut ChaCha8Rng) -> f32 {
    let uniform = |random: &mut ChaCha8Rng| random.next_u32() as f32 / u32::MAX as f32 - 0.5;
    let sum: f32 = (0..4).map(|_| uniform(random)).sum();
    sum * 3f32.sqrt()
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn windows_have_the_spreads_that_changes_are_measured_by() {
        let (seen, test) = Windows::load().expect("the examples have the file");
        assert_eq!(
            (seen.inputs.dim(), test.inputs.dim()),
            ((1522, 600), (707, 600))
        );
        for (signal, spread) in SPREADS.into_iter().enumerate() {
            let own = seen
                .inputs
                .slice(ndarray::s![.., signal * STEPS..(signal + 1) * STEPS]);
            assert!(
                (own.std(0.0) / spread - 1.0).abs() < 0.03,
                "{signal}: {}",
                own.std(0.0)
            );
        }
    }

    #[test]
    fn changes_are_as_large_as_they_are_said_to_be() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let numbers: Vec<f32> = (0..20_000).map(|_| normal(&mut random)).collect();
        let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
        let variance =
            numbers.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / numbers.len() as f32;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03,
            "{mean} {variance}"
        );
    }

    #[test]
    fn persons_are_held_out_whole() {
        let (seen, _) = Windows::load().expect("the examples have the file");
        let (rest, held) = (seen.of(&[6, 7], false), seen.of(&[6, 7], true));
        assert_eq!(rest.labels.len() + held.labels.len(), seen.labels.len());
        assert!(held.persons.iter().all(|person| [6, 7].contains(person)));
        assert!(rest.persons.iter().all(|person| ![6, 7].contains(person)));
    }
}
