//! The small keys that stages can share.

use crate::plan::range::MAX_KEYSWITCH_LEVELS;
use crate::search::keyswitches::Keyswitches;
use crate::search::layer::Layer;
use crate::search::rotation::Rotation;

/// A stage that takes over the keys of the stage before: its inputs are results of the bootstrap
/// that it runs itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) layer: &'a Layer,
    pub(super) rotation: &'a Rotation,
    pub(super) keyswitches: &'a Keyswitches,
}

impl Shared<'_> {
    /// The numbers of levels worth trying for a small key of `n` dimensions: each adds less noise
    /// than all smaller numbers.
    pub(super) fn levels(self, n: u32) -> impl Iterator<Item = u32> {
        let fits = self.layer.fits(self.rotation.table_size());
        let left = self.left(n);
        let dimension = self.rotation.lwe_dimension();
        let mut least = f64::INFINITY;
        (1..=MAX_KEYSWITCH_LEVELS).filter(move |&levels| {
            let variance = self.keyswitches.variance(dimension, levels, n);
            let less = variance < least;
            least = least.min(variance);
            fits && less && variance <= left
        })
    }

    /// The smallest small key that a keyswitch of this number of levels can reach.
    fn smallest(self, levels: u32) -> Option<u32> {
        if !self.layer.fits(self.rotation.table_size()) {
            return None;
        }
        let dimension = self.rotation.lwe_dimension();
        self.keyswitches
            .smallest(dimension, levels, |n| self.left(n))
    }

    /// The variance that results of a rotation of `n` steps and the modulus switch leave to the
    /// keyswitch.
    fn left(self, n: u32) -> f64 {
        let switched = f64::from(n) * self.rotation.switch.keyswitched;
        let inputs = self.rotation.variance(n, self.layer.shared_before);
        self.layer.room(inputs) - switched
    }
}

/// Number of stages, next to the one whose keys they take over, for which every small key that they
/// ask for is tried.
const NEIGHBOURS: usize = 2;

/// For every stage, rotation and number of levels, the smallest small key with which the stage can
/// take over keys.
pub(super) struct Smallest {
    stages: Vec<Vec<[Option<u32>; MAX_KEYSWITCH_LEVELS as usize]>>,
}

impl Smallest {
    pub(super) fn new(stages: &[Layer], rotations: &[Rotation], keyswitches: &Keyswitches) -> Self {
        let of_stage = |layer| {
            let with = |rotation| Shared {
                layer,
                rotation,
                keyswitches,
            };
            let smallest =
                |rotation| core::array::from_fn(|index| with(rotation).smallest(index as u32 + 1));
            rotations.iter().map(smallest).collect()
        };
        Smallest {
            stages: stages.iter().map(of_stage).collect(),
        }
    }

    /// The small keys that stages from `first` on ask for if they all take over the keys of one
    /// rotation, each by one of the rotations that are `alike`.
    ///
    /// For every number of levels these are the smallest key of the first stage, the smallest key
    /// that serves the first two, and so on, whatever the number of polynomials that each stage
    /// spreads its tables over. With digits of a fixed base, the keys that serve a stage form an
    /// interval: the noise of the keyswitching key falls less and less steeply with n, while the
    /// room left to it falls linearly. So keys that can be shared at all can be shared at one of
    /// these sizes, or at the smallest size that their owner asks for; a larger key is never better. All
    /// stages whose tables have several polynomials are supposed to have the same companion modulus switch.
    pub(super) fn wanted(&self, first: usize, alike: &[usize]) -> Vec<u32> {
        let mut wanted = Vec::new();
        for level in 0..MAX_KEYSWITCH_LEVELS as usize {
            let (mut largest, mut seen) = (0, 0);
            for stage in self.stages.iter().skip(first) {
                // the smallest that the stage asks for; its neighbours may ask for larger ones too
                let smallest = alike.iter().filter_map(|&index| stage[index][level]);
                let Some(least) = smallest.clone().min() else {
                    break;
                };
                if least > largest {
                    largest = least;
                    wanted.push(least);
                }
                seen += 1;
                if seen <= NEIGHBOURS {
                    wanted.extend(smallest);
                }
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }
}
