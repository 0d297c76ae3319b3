//! What windows go over.

use super::error::{Refusal, refuse};
use super::net::{Net, Source};
use super::signal::Signal;
use super::windows::unpadded;

/// The area of a tensor that windows go over.
pub(super) struct Area {
    pub(super) channels: usize,
    /// With the padding of nodes before.
    pub(super) outer: [usize; 2],
    pub(super) inner: [usize; 2],
    pub(super) pads: [[usize; 2]; 2],
}

impl Area {
    /// # Errors
    /// A refusal if the signal is not all of a tensor, in order.
    pub(super) fn of(net: &mut Net, signal: &Signal, flat: bool) -> Result<Self, Refusal> {
        let shape = signal.shape();
        let extents = |shape: &[usize]| match (shape, flat) {
            ([1, _, across], true) => Some([1, *across]),
            ([1, _, down, across], false) => Some([*down, *across]),
            _ => None,
        };
        let Some(outer) = extents(shape) else {
            return refuse(format!("its windows go over shape {shape:?}"));
        };
        let (inside, pads) = unpadded(&signal.places);
        let inner = extents(inside.shape()).unwrap_or(outer);
        let own = inside.shape()[1..].to_vec();
        let channels = own[0];
        let whole = match net.bases[signal.base].source {
            Source::Input => {
                let order: Vec<u32> = inside.iter().copied().collect();
                net.arrange(&own, &order)?;
                true
            }
            _ => {
                let known = &net.bases[signal.base].shape;
                // of height 1, or along one axis
                let same = known == &own || (known.len() == 2 && own == [known[0], 1, known[1]]);
                same && signal.at(inside).is_whole(known.iter().product())
            }
        };
        match whole {
            true => Ok(Area {
                channels,
                outer,
                inner,
                pads,
            }),
            false => refuse("its windows go over values that were moved about"),
        }
    }
}
