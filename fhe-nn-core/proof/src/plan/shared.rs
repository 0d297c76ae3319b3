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
        let left = self.left(n);
        let dimension = self.bootstrap.shape.lwe_dimension();
        let mut least = f64::INFINITY;
        (1..=MAX_KEYSWITCH_LEVELS).filter(move |&levels| {
            let variance = self.keyswitches.variance(dimension, levels, n);
            let less = variance < least;
            least = least.min(variance);
            less && variance <= left
        })
    }

    /// The smallest small key that a keyswitch of so many levels can lead to.
    fn smallest(self, levels: u32) -> Option<u32> {
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

/// For a bootstrap, the small keys that stages from here on ask for if they all have its keys: for
/// every number of levels, the largest of the smallest ones of one stage, of two, and so on. Whatever
/// can be shared can be shared with one of these, or with the smallest that the first stage asks for.
pub(super) fn wanted<'a>(stages: impl Iterator<Item = Shared<'a>> + Clone) -> Vec<u32> {
    let mut wanted = Vec::new();
    for levels in 1..=MAX_KEYSWITCH_LEVELS {
        let mut largest = 0;
        for stage in stages.clone() {
            match stage.smallest(levels) {
                Some(n) if n > largest => {
                    largest = n;
                    wanted.push(n);
                }
                Some(_) => {}
                None => break,
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}
