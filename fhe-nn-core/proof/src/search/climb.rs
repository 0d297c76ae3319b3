//! The way up to the smallest keys that serve less and less room.

use crate::plan::range::{MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS};
use crate::search::keyswitches::Keyswitches;

/// For each number of levels, the smallest key that served last. Where less room is left, no smaller key serves, so
/// the next search begins there.
#[derive(Debug)]
pub(super) struct Climb {
    /// `None` where no key serves.
    least: [Option<u32>; MAX_KEYSWITCH_LEVELS as usize],
}

impl Climb {
    pub(super) fn new() -> Self {
        Climb {
            least: [Some(*SMALL_DIMENSIONS.start()); MAX_KEYSWITCH_LEVELS as usize],
        }
    }

    /// A size below which no key serves.
    pub(super) fn least(&self, levels: u32) -> Option<u32> {
        self.least[levels as usize - 1]
    }

    /// The fewest levels with which a key may serve, and a size below which none serves with any.
    pub(super) fn lowest(&self) -> Option<(u32, u32)> {
        let levels = (1..).zip(&self.least).find(|(_, least)| least.is_some());
        let least = self.least.iter().flatten().min();
        levels.zip(least).map(|((levels, _), &n)| (levels, n))
    }

    /// [`Keyswitches::smallest`] where no more room is left than there was before.
    pub(super) fn smallest(
        &mut self,
        keyswitches: &Keyswitches,
        (dimension, levels): (u32, u32),
        left: impl Fn(u32) -> f64,
    ) -> Option<u32> {
        let own = &mut self.least[levels as usize - 1];
        *own = own.and_then(|from| keyswitches.smallest_from(from, (dimension, levels), left));
        *own
    }
}
