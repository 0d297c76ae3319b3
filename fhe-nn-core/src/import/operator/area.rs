//! The area of a tensor that windows cover.

use fhe_nn_proof::spec::{Padding, Window};
use ndarray::ArrayD;

use crate::import::error::{Refusal, refuse};
use crate::import::net::{Net, Source};
use crate::import::place::{View, unpadded, unrepeated};

/// The area of a tensor that windows cover.
pub(super) struct Area {
    /// The channel of the tensor that each channel of the view is.
    pub(super) order: Vec<usize>,
    /// The channels of the tensor.
    pub(super) channels: usize,
    /// The extents without the padding of earlier nodes.
    pub(super) inner: [usize; 2],
    /// The zeros that earlier nodes added along both axes.
    pub(super) zeros: [Padding; 2],
    /// The edges that earlier nodes repeated along both axes, inside of the zeros.
    pub(super) edges: [Padding; 2],
}

/// The extents of a view that windows go over, with the padding of earlier nodes; the first is 1 if it has one axis.
pub(super) fn extents(view: &View, flat: bool) -> Result<[usize; 2], Refusal> {
    match (view.shape(), flat) {
        ([1, _, across], true) => Ok([1, *across]),
        ([1, _, down, across], false) => Ok([*down, *across]),
        (shape @ [_, _, _, _, _, ..], _) => refuse(format!(
            "its windows have more than two axes: they go over shape {shape:?}"
        )),
        (shape, _) => refuse(format!("its windows go over shape {shape:?}")),
    }
}

/// Fits windows to the axes of the tensor that a view is of, and says whether that has one axis only.
///
/// # Errors
/// A refusal of windows over two axes if the tensor has one.
pub(super) fn fits_axes(net: &Net, view: &View, window: &mut Window) -> Result<bool, Refusal> {
    let flat = net.shape(view.base).len() == 2;
    if flat {
        (window.stride[0], window.dilation[0]) = (1, 1);
        if window.kernel[0] != 1 || window.padding[0] != Padding::NONE {
            return refuse("its windows have two axes, but what they go over has one");
        }
    }
    Ok(flat)
}

impl Area {
    /// The area of a view, which has one axis if `flat`.
    ///
    /// # Errors
    /// A refusal if the channels of the view are not whole ones of a tensor, in order, with their edges repeated at
    /// most.
    pub(super) fn of(net: &mut Net, view: &View, flat: bool) -> Result<Self, Refusal> {
        extents(view, flat)?;
        let (inside, zeros) = unpadded(&view.places);
        let (inside, edges) = unrepeated(&inside);
        let places: Vec<u32> = inside.iter().copied().collect();
        let positions = inside.shape()[2..].iter().product::<usize>().max(1);
        let repeats = |channel: &[u32]| {
            let mut sorted = channel.to_vec();
            sorted.sort_unstable();
            sorted.windows(2).any(|two| two[0] == two[1])
        };
        if places.chunks(positions).any(repeats) {
            return refuse(
                "its windows go over values that are repeated, but only edges in front of a maximum may be",
            );
        }
        let inside = view.at(inside);
        let inner = extents(&inside, flat)?;
        let own = &inside.shape()[1..];
        if let (Source::Input, false) = (&net.bases[view.base].source, net.is_arranged()) {
            let order: Vec<u32> = inside.places.iter().copied().collect();
            net.arrange(own, &order)?;
        }
        let known = net.shape(view.base).to_vec();
        // an area of height 1 may have one axis
        let same = match (known.as_slice(), own) {
            ([_, known @ ..], [_, own @ ..]) if known == own => true,
            ([_, across], [_, 1, own]) | ([_, 1, across], [_, own]) => across == own,
            _ => false,
        };
        let order = same.then(|| channels(&net.places(&inside), known[0]));
        match order.flatten() {
            Some(order) => Ok(Area {
                order,
                channels: known[0],
                inner,
                zeros,
                edges,
            }),
            None => refuse("its windows go over values that were moved about"),
        }
    }

    /// Checks that no edges are repeated.
    ///
    /// # Errors
    /// A refusal if some are.
    pub(super) fn without_edges(self) -> Result<Self, Refusal> {
        if self.edges == [Padding::NONE; 2] {
            Ok(self)
        } else {
            refuse("it adds up edges that a `Pad` repeats: only a maximum may see them")
        }
    }

    /// Whether the view has the channels of the tensor in their order.
    pub(super) fn is_in_order(&self) -> bool {
        self.order.iter().copied().eq(0..self.channels)
    }
}

/// The channel of a tensor that each channel of places is; `None` if one of them is not a whole channel in order.
fn channels(places: &ArrayD<u32>, channels: usize) -> Option<Vec<usize>> {
    let count = places.shape().get(1).copied()?;
    let places: Vec<u32> = places.iter().copied().collect();
    let positions = places.len() / count.max(1);
    let of = |own: &[u32]| {
        let first = *own.first()? as usize;
        let channel = first / positions;
        let is_whole = own
            .iter()
            .copied()
            .eq(first as u32..(first + positions) as u32);
        (is_whole && first.is_multiple_of(positions) && channel < channels).then_some(channel)
    };
    places.chunks(positions.max(1)).map(of).collect()
}
