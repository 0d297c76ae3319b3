//! The small keys that stages with common keys can have.

use crate::noise::KEYSWITCH_MODULUS_BITS;
use crate::plan::cost::MAX_KEYSWITCH_LEVELS;
use crate::plan::keyswitch::Keyswitches;
use crate::plan::layer::Layer;
use crate::plan::reach::switch_variance;
use crate::plan::rotation::Rotation;

/// A stage that takes its keys over from the stage before: what comes in are the results of its own
/// bootstrap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) layer: &'a Layer,
    pub(super) rotation: &'a Rotation,
    pub(super) keyswitches: &'a Keyswitches,
}

impl Shared<'_> {
    /// The numbers of levels worth a thought for a small key of `n` dimensions: each leaves more
    /// room than all smaller ones.
    pub(super) fn levels(self, n: u32) -> impl Iterator<Item = u32> {
        let fits = self.layer.fits(self.rotation.table_size());
        let left = self.left(n);
        let dimension = self.rotation.shape.lwe_dimension();
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
        if !self.layer.fits(self.rotation.table_size()) {
            return None;
        }
        let dimension = self.rotation.shape.lwe_dimension();
        self.keyswitches
            .smallest(dimension, levels, |n| self.left(n))
    }

    /// What values of a rotation of `n` steps, and the modulus switch, leave to the keyswitch.
    fn left(self, n: u32) -> f64 {
        let n = f64::from(n);
        let switched = n * switch_variance(KEYSWITCH_MODULUS_BITS, self.rotation.table_size());
        self.layer.room(n * self.rotation.step_variance) - switched
    }
}

/// Stages whose every wish is tried, those next to the one whose keys they take over.
const NEIGHBOURS: usize = 2;

/// For every stage, rotation and number of levels, the smallest small key with which the stage can
/// take its keys over.
pub(super) struct Smallest<'a> {
    rotations: &'a [Rotation],
    stages: Vec<Vec<[Option<u32>; MAX_KEYSWITCH_LEVELS as usize]>>,
}

impl<'a> Smallest<'a> {
    pub(super) fn new(
        stages: &[Layer],
        rotations: &'a [Rotation],
        keyswitches: &Keyswitches,
    ) -> Self {
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
            rotations,
            stages: stages.iter().map(of_stage).collect(),
        }
    }

    /// The small keys that stages from `first` on ask for if they all take over the keys of one
    /// rotation: for every number of levels, the largest of the smallest ones of one stage, of two,
    /// and so on, whatever the number of polynomials that each spreads its tables over. With digits of
    /// one base, the keys that fit a stage are an interval: the noise of the key falls ever less
    /// steeply with n, and what is left to it falls in a line. So what can be shared at all can be
    /// shared with one of these, or with the smallest that the stage asks for whose keys they are, and
    /// a larger key is never better.
    pub(super) fn wanted(&self, first: usize, rotation: usize) -> Vec<u32> {
        let key = self.rotations[rotation].key;
        let alike = self.rotations.iter().enumerate();
        let alike = alike.filter(|(_, rotation)| rotation.key == key);
        let alike: Vec<usize> = alike.map(|(index, _)| index).collect();
        let mut wanted = Vec::new();
        for level in 0..MAX_KEYSWITCH_LEVELS as usize {
            let (mut largest, mut seen) = (0, 0);
            for stage in self.stages.iter().skip(first) {
                // the fewest that the stage asks for, and more that its neighbours may ask for as well
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
