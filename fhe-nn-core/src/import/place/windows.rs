//! The windows of a node. Its attributes say where they are, and nodes before it may have padded what they go over.

use fhe_nn_proof::spec::{Padding, Window};
use fhe_nn_proof::widths::MAX_VALUES;
use ndarray::{ArrayD, Axis, Slice};

use super::view::NOTHING;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::Node;

/// The windows of a node along two axes. If there is only one axis, it is the second, and the first has one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Windows {
    /// The windows over an area of one channel.
    pub(crate) window: Window,
    /// The positions behind the padding of the node that its windows see in addition, along each axis: `ceil_mode`
    /// adds a window where there is no room for all of it.
    pub(crate) beyond: [usize; 2],
}

impl Windows {
    /// The windows of a node over an area, which has one axis if `flat`.
    pub(crate) fn of(
        node: &Node,
        kernel: &[usize],
        area: [usize; 2],
        flat: bool,
    ) -> Result<Self, Refusal> {
        let axes = if flat { 1 } else { 2 };
        if kernel.len() != axes {
            return refuse(format!(
                "its kernel is {kernel:?}, but windows have {axes} axes"
            ));
        }
        let both = |given: Vec<usize>, missing: usize| match given.as_slice() {
            [across] => [missing, *across],
            [down, across, ..] => [*down, *across],
            [] => [missing, missing],
        };
        let kernel = both(kernel.to_vec(), 1);
        let stride = both(node.sizes("strides", axes, 1)?, 1);
        let dilation = both(node.sizes("dilations", axes, 1)?, 1);
        if [kernel, stride, dilation].as_flattened().contains(&0) {
            return refuse("its kernel, stride or dilation is 0");
        }
        let mut windows = Windows {
            window: Window {
                input: area,
                kernel,
                stride,
                dilation,
                ..Window::each(1, 1, 1)
            },
            beyond: [0, 0],
        };
        let window = &mut windows.window;
        let reach = |axis: usize| dilation[axis].saturating_mul(kernel[axis] - 1) + 1;
        let automatic = |upper: bool| {
            [0, 1].map(|axis| {
                let windows = area[axis].div_ceil(stride[axis]);
                let needed =
                    ((windows - 1) * stride[axis] + reach(axis)).saturating_sub(area[axis]);
                let (small, large) = (needed / 2, needed.div_ceil(2));
                let (near, far) = if upper {
                    (small, large)
                } else {
                    (large, small)
                };
                Padding { near, far }
            })
        };
        window.padding = match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => {
                let pads = node.sizes("pads", 2 * axes, 0)?;
                let padding = |near: usize, far: usize| Padding { near, far };
                match *pads.as_slice() {
                    [left, right] => [Padding::NONE, padding(left, right)],
                    [top, left, bottom, right] => [padding(top, bottom), padding(left, right)],
                    _ => [Padding::NONE; 2],
                }
            }
            "SAME_UPPER" => automatic(true),
            "SAME_LOWER" => automatic(false),
            "VALID" => [Padding::NONE; 2],
            other => return refuse(format!("`auto_pad` is `{other}`")),
        };
        let ceil = node.integer("ceil_mode", 0) != 0;
        for axis in [0, 1] {
            let Some(room) = window.padded(axis).checked_sub(reach(axis)) else {
                return refuse("its kernel is larger than the padded input");
            };
            let next = (room / stride[axis] + 1) * stride[axis];
            // a last window begins at a value or in front of all
            let begins = next < area[axis] + window.padding[axis].near;
            if ceil && begins && !room.is_multiple_of(stride[axis]) {
                windows.beyond[axis] = next - room;
                window.padding[axis].far += next - room;
            }
        }
        Ok(windows)
    }

    /// The same windows along the second axis alone, if the other axis has one value and one tap.
    pub(crate) fn along_one_axis(mut self) -> Option<Self> {
        let window = &mut self.window;
        let is_idle = |window: &Window, axis: usize| {
            let tap = window.input[axis] == 1 && window.kernel[axis] == 1;
            tap && window.padding[axis] == Padding::NONE
        };
        if window.input[0] == window.input[1] {
            return None;
        }
        if is_idle(window, 1) {
            window.input.swap(0, 1);
            window.kernel.swap(0, 1);
            window.stride.swap(0, 1);
            window.padding.swap(0, 1);
            window.dilation.swap(0, 1);
            self.beyond.swap(0, 1);
        }
        is_idle(&self.window, 0).then_some(self)
    }

    /// The number of taps of each window along an axis that are on values, or on padding as well if `padding` counts.
    pub(crate) fn counted(&self, axis: usize, padding: bool) -> Vec<usize> {
        let window = &self.window;
        let Padding { near, far } = window.padding[axis];
        let values = near..near + window.input[axis];
        let counted = if padding {
            0..values.end + far - self.beyond[axis]
        } else {
            values
        };
        let taps = |index: usize| {
            let start = index * window.stride[axis];
            (0..window.kernel[axis]).map(move |tap| start + tap * window.dilation[axis])
        };
        (0..window.output()[axis])
            .map(|index| taps(index).filter(|tap| counted.contains(tap)).count())
            .collect()
    }
}

/// Checks that the results of windows are not more than a tensor may have.
///
/// # Errors
/// A refusal if they are.
pub(crate) fn fits_a_tensor(window: &Window, outputs: usize) -> Result<(), Refusal> {
    let [down, across] = window.output();
    let values = outputs.saturating_mul(down).saturating_mul(across);
    if values as u64 > MAX_VALUES {
        return refuse(format!(
            "it has {values} results, but at most {MAX_VALUES} are supported"
        ));
    }
    Ok(())
}

/// The windows over what is inside of the padding of earlier nodes.
pub(crate) fn inside(mut window: Window, inner: [usize; 2], pads: [Padding; 2]) -> Window {
    window.input = inner;
    for (own, more) in window.padding.iter_mut().zip(pads) {
        own.near += more.near;
        own.far += more.far;
    }
    window
}

/// The same windows with the same padding at both ends, along the axes where that is possible: no window sees the
/// positions that come to the far end or leave it.
pub(crate) fn evened(window: Window) -> Window {
    let mut even = window;
    for axis in [0, 1] {
        even.padding[axis] = Padding::both(window.padding[axis].near);
        if even.padded(axis) < even.reach(axis) || even.output()[axis] != window.output()[axis] {
            even.padding[axis] = window.padding[axis];
        }
    }
    even
}

/// Windows that see the same and are not filled by padding, thanks to further taps, and the index that the first tap
/// has in them, down and across.
pub(crate) fn with_more_taps(mut window: Window) -> (Window, [usize; 2]) {
    let mut first = [0, 0];
    for axis in [0, 1] {
        let (reach, dilation) = (window.reach(axis), window.dilation[axis]);
        let more = |padding: usize| (padding + 1).saturating_sub(reach).div_ceil(dilation);
        let Padding { near, far } = window.padding[axis];
        let (ahead, behind) = (more(far), more(near));
        window.kernel[axis] += ahead + behind;
        window.padding[axis] = Padding {
            near: near + ahead * dilation,
            far: far + behind * dilation,
        };
        first[axis] = ahead;
    }
    (window, first)
}

/// Whether a maximum over windows stays the same without the edges that an earlier node repeated in front of an axis
/// and behind it: a window that sees a repeated edge sees the edge itself.
pub(crate) fn see_edges(window: &Window, axis: usize, edges: Padding) -> bool {
    let (near, values) = (window.padding[axis].near, window.input[axis]);
    let (first, last) = (near, near + values - 1);
    (0..window.output()[axis]).all(|index| {
        let start = index * window.stride[axis];
        let taps = || (0..window.kernel[axis]).map(|tap| start + tap * window.dilation[axis]);
        let sees = |from: usize, to: usize| taps().any(|tap| (from..to).contains(&tap));
        (!sees(first - edges.near, first) || taps().any(|tap| tap == first))
            && (!sees(last + 1, last + 1 + edges.far) || taps().any(|tap| tap == last))
    })
}

/// The axes of `[1, C, H, W]` or `[1, C, L]` that windows move along, with their index among two.
fn moved_axes(rank: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = 4 - rank.min(4);
    (2..rank.min(4)).map(move |axis| (axis, axis - 2 + first))
}

/// The places inside the padding of `[1, C, H, W]` or `[1, C, L]`, and the size of the padding along both axes.
pub(crate) fn unpadded(places: &ArrayD<u32>) -> (ArrayD<u32>, [Padding; 2]) {
    stripped(places, |inner, axis, index, _| {
        let slice = inner.index_axis(Axis(axis), index);
        slice.iter().all(|&place| place == NOTHING)
    })
}

/// The places without repeated edges, and how often edges are repeated along both axes.
pub(crate) fn unrepeated(places: &ArrayD<u32>) -> (ArrayD<u32>, [Padding; 2]) {
    stripped(places, |inner, axis, index, next| {
        inner.index_axis(Axis(axis), index) == inner.index_axis(Axis(axis), next)
    })
}

/// The places without those at the ends of axes that are to go, and how many went. `goes` is given an axis, the index
/// at an end, and the index beside it.
fn stripped(
    places: &ArrayD<u32>,
    goes: impl Fn(&ArrayD<u32>, usize, usize, usize) -> bool,
) -> (ArrayD<u32>, [Padding; 2]) {
    let mut inner = places.clone();
    let mut pads = [Padding::NONE; 2];
    for (axis, own) in moved_axes(places.ndim()) {
        while inner.shape()[axis] > 1 && goes(&inner, axis, 0, 1) {
            inner.slice_axis_inplace(Axis(axis), Slice::from(1..));
            pads[own].near += 1;
        }
        while inner.shape()[axis] > 1
            && goes(
                &inner,
                axis,
                inner.shape()[axis] - 1,
                inner.shape()[axis] - 2,
            )
        {
            inner.slice_axis_inplace(Axis(axis), Slice::from(..-1));
            pads[own].far += 1;
        }
    }
    (inner, pads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize, near: usize, far: usize) -> Window {
        Window {
            input: [1, 8],
            kernel: [1, kernel],
            stride: [1, stride],
            padding: [Padding::NONE, Padding { near, far }],
            ..Window::each(1, 1, 1)
        }
    }

    #[test]
    fn padding_that_no_window_sees_is_evened() {
        // 8 values in windows of 3, 2 apart: the last position in front of the end is not seen
        assert_eq!(evened(window(3, 2, 1, 0)), window(3, 2, 1, 1));
        assert_eq!(evened(window(3, 2, 0, 1)), window(3, 2, 0, 1));
        assert_eq!(evened(window(2, 2, 0, 1)), window(2, 2, 0, 0));
    }

    #[test]
    fn windows_in_wide_padding_get_more_taps() {
        for (near, far) in [(1, 1), (3, 0), (0, 2), (4, 5)] {
            let (narrow, dilation) = (window(2, 1, near, far), 2);
            let narrow = Window {
                dilation: [1, dilation],
                ..narrow
            };
            let (wide, first) = with_more_taps(narrow);
            assert_eq!(wide.check(), Ok(()), "{near} {far}");
            assert_eq!(wide.output(), narrow.output());
            for position in 0..narrow.positions() {
                for tap in 0..2 {
                    let own = narrow.source(0, position, tap);
                    assert_eq!(wide.source(0, position, tap + first[1]), own);
                }
            }
        }
    }

    #[test]
    fn repeated_edges_count_only_beside_the_edge() {
        let edges = Padding { near: 1, far: 1 };
        assert!(see_edges(&window(2, 1, 1, 1), 1, edges));
        assert!(see_edges(&window(3, 2, 1, 1), 1, edges));
        // the first window sees the repeated edge alone
        assert!(!see_edges(&window(1, 1, 1, 1), 1, edges));
        // its taps are on both sides of the edge
        let dilated = Window {
            dilation: [1, 2],
            ..window(2, 1, 1, 1)
        };
        assert!(!see_edges(&dilated, 1, edges));
    }
}
