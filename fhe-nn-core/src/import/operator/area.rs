//! The area of a tensor that windows cover.

use crate::import::error::{Refusal, refuse};
use crate::import::net::{Net, Source};
use crate::import::place::{View, unpadded};

/// The area of a tensor that windows cover.
pub(super) struct Area {
    pub(super) channels: usize,
    /// The extents with the padding of earlier nodes.
    pub(super) outer: [usize; 2],
    /// The extents without it.
    pub(super) inner: [usize; 2],
    pub(super) pads: [[usize; 2]; 2],
}

impl Area {
    /// The area of a view, which has one axis if `flat`.
    ///
    /// # Errors
    /// A refusal if the view is not all of a tensor, in order.
    pub(super) fn of(net: &mut Net, view: &View, flat: bool) -> Result<Self, Refusal> {
        let shape = view.shape();
        let extents = |shape: &[usize]| match (shape, flat) {
            ([1, _, across], true) => Some([1, *across]),
            ([1, _, down, across], false) => Some([*down, *across]),
            _ => None,
        };
        let Some(outer) = extents(shape) else {
            return refuse(format!("its windows go over shape {shape:?}"));
        };
        let (inside, pads) = unpadded(&view.places);
        let inner = extents(inside.shape()).unwrap_or(outer);
        let own = inside.shape()[1..].to_vec();
        let channels = own[0];
        let whole = match net.bases[view.base].source {
            Source::Input => {
                let order: Vec<u32> = inside.iter().copied().collect();
                net.arrange(&own, &order)?;
                true
            }
            _ => {
                let known = &net.bases[view.base].shape;
                // an area of height 1 may have one axis
                let same = known == &own || (known.len() == 2 && own == [known[0], 1, known[1]]);
                same && view.at(inside).is_whole(known.iter().product())
            }
        };
        if whole {
            Ok(Area {
                channels,
                outer,
                inner,
                pads,
            })
        } else {
            refuse("its windows go over values that were moved about")
        }
    }
}
