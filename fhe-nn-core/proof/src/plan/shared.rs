//! The small keys that stages with common keys can have.

use crate::noise::KEYSWITCH_MODULUS_BITS;
use crate::plan::bootstrap::Bootstrap;
use crate::plan::cost::MAX_KEYSWITCH_LEVELS;
use crate::plan::keyswitch::Keyswitches;
use crate::plan::layer::Layer;
use crate::plan::reach::switch_variance;

/// A stage that takes its keys over from the stage before: what comes in are the results of its own
/// bootstrap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) layer: &'a Layer,
    pub(super) bootstrap: &'a Bootstrap,
    pub(super) keyswitches: &'a Keyswitches,
}

impl Shared<'_> {
    /// The numbers of levels worth a thought for a small key of `n` dimensions: each leaves more
    /// room than all smaller ones.
    pub(super) fn levels(self, n: u32) -> impl Iterator<Item = u32> {
        let fits = self.layer.fits(self.bootstrap.shape.polynomial_size);
        let left = self.left(n);
        let dimension = self.bootstrap.shape.lwe_dimension();
        let mut least = f64::INFINITY;
        (1..=MAX_KEYSWITCH_LEVELS).filter(move |&levels| {
            let variance = self.keyswitches.variance(dimension, levels, n);
            let less = variance < least;
            least = least.min(variance);
            fits && less && variance <= left
        })
    }

    /// The smallest small key that a keyswitch of so many levels can lead to.
    fn smallest(self, levels: u32) -> Option<u32> {
        if !self.layer.fits(self.bootstrap.shape.polynomial_size) {
            return None;
        }
        let dimension = self.bootstrap.shape.lwe_dimension();
        self.keyswitches
            .smallest(dimension, levels, |n| self.left(n))
    }

    /// What values of a rotation of `n` steps, and the modulus switch, leave to the keyswitch.
    fn left(self, n: u32) -> f64 {
        let n = f64::from(n);
        let switched =
            n * switch_variance(KEYSWITCH_MODULUS_BITS, self.bootstrap.shape.polynomial_size);
        self.layer.room(n * self.bootstrap.step_variance) - switched
    }
}

/// For every stage, bootstrap and number of levels, the smallest small key with which the stage can
/// take its keys over.
pub(super) struct Smallest(Vec<Vec<[Option<u32>; MAX_KEYSWITCH_LEVELS as usize]>>);

impl Smallest {
    pub(super) fn new(
        stages: &[Layer],
        bootstraps: &[Bootstrap],
        keyswitches: &Keyswitches,
    ) -> Self {
        let of_stage = |layer| {
            let with = |bootstrap| Shared {
                layer,
                bootstrap,
                keyswitches,
            };
            let smallest = |bootstrap| {
                core::array::from_fn(|index| with(bootstrap).smallest(index as u32 + 1))
            };
            bootstraps.iter().map(smallest).collect()
        };
        Smallest(stages.iter().map(of_stage).collect())
    }

    /// The small keys that stages from `first` on ask for if they all take over the keys of one
    /// bootstrap: for every number of levels, the largest of the smallest ones of one stage, of two,
    /// and so on. With digits of one base, the keys that fit a stage are an interval: the noise of the
    /// key falls ever less steeply with n, and what is left to it falls in a line. So what can be
    /// shared at all can be shared with one of these, or with the smallest that the stage asks for
    /// whose keys they are, and a larger key is never better.
    pub(super) fn wanted(&self, first: usize, bootstrap: usize) -> Vec<u32> {
        let mut wanted = Vec::new();
        for index in 0..MAX_KEYSWITCH_LEVELS as usize {
            let stages = self.0.iter().skip(first);
            let smallest = stages.map_while(|stage| stage[bootstrap][index]);
            let mut largest = 0;
            for n in smallest {
                if n > largest {
                    largest = n;
                    wanted.push(n);
                }
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}
