//! Windows. Those of a model may have any form; those of the language are square, with the same stride, dilation
//! and padding along both axes. A window that is not square becomes a square one with additional taps of weight 0.

use fhe_nn_proof::spec::Window;
use ndarray::{ArrayD, Axis, Slice};

use super::view::NOTHING;
use crate::import::error::{Refusal, refuse};
use crate::import::onnx::Node;

/// Windows along two axes. If there is only one axis, it is the second, and the first has one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Windows {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// The positions that are added before and after the values, along each axis.
    pub(crate) padding: [[usize; 2]; 2],
    /// The values along each axis, without padding.
    pub(crate) input: [usize; 2],
    /// The windows along each axis.
    pub(crate) output: [usize; 2],
}

/// The largest padding that is tried, and the most by which a kernel is enlarged.
const MOST: usize = 64;

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
        let reach = |axis: usize| dilation[axis].saturating_mul(kernel[axis] - 1) + 1;
        let automatic = |upper: bool| {
            [0, 1].map(|axis| {
                let windows = area[axis].div_ceil(stride[axis]);
                let needed =
                    ((windows - 1) * stride[axis] + reach(axis)).saturating_sub(area[axis]);
                let (small, large) = (needed / 2, needed.div_ceil(2));
                if upper {
                    [small, large]
                } else {
                    [large, small]
                }
            })
        };
        let padding = match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => {
                let pads = node.sizes("pads", 2 * axes, 0)?;
                match pads.as_slice() {
                    [left, right] => [[0, 0], [*left, *right]],
                    [top, left, bottom, right] => [[*top, *bottom], [*left, *right]],
                    _ => [[0, 0], [0, 0]],
                }
            }
            "SAME_UPPER" => automatic(true),
            "SAME_LOWER" => automatic(false),
            "VALID" => [[0, 0], [0, 0]],
            other => return refuse(format!("`auto_pad` is `{other}`")),
        };
        let mut windows = Windows {
            kernel,
            stride,
            dilation,
            padding,
            input: area,
            output: [0, 0],
        };
        for axis in [0, 1] {
            let [before, behind] = padding[axis];
            let padded = area[axis] + before + behind;
            let Some(room) = padded.checked_sub(reach(axis)) else {
                return refuse("its kernel is larger than the padded input");
            };
            windows.output[axis] = room / stride[axis] + 1;
            let ceil = node.integer("ceil_mode", 0) != 0;
            let last = windows.output[axis] * stride[axis];
            if ceil && !room.is_multiple_of(stride[axis]) && last < area[axis] + before {
                return refuse("`ceil_mode` adds windows that see past the end");
            }
        }
        Ok(windows)
    }

    /// The windows with the padding of earlier nodes added to their own.
    pub(crate) fn padded(mut self, inner: [usize; 2], pads: [[usize; 2]; 2]) -> Self {
        self.input = inner;
        for (own, more) in self.padding.iter_mut().zip(pads) {
            own[0] += more[0];
            own[1] += more[1];
        }
        self
    }

    /// The same windows along the second axis alone, if the other axis has one value and one tap.
    pub(crate) fn along_one_axis(&self) -> Option<Self> {
        let is_idle = |axis: usize| {
            self.input[axis] == 1 && self.kernel[axis] == 1 && self.padding[axis] == [0, 0]
        };
        if self.input[0] == self.input[1] {
            return None;
        }
        let mut own = self.clone();
        if is_idle(1) {
            own.kernel.swap(0, 1);
            own.stride.swap(0, 1);
            own.dilation.swap(0, 1);
            own.padding.swap(0, 1);
            own.input.swap(0, 1);
            own.output.swap(0, 1);
        }
        (is_idle(0) || is_idle(1)).then_some(own)
    }

    pub(crate) fn is_padded(&self) -> bool {
        self.padding != [[0, 0], [0, 0]]
    }

    /// The windows of the language that see the same values, without their channels, and the index that every tap
    /// has in them, down and across.
    pub(crate) fn square(&self, flat: bool) -> Result<(Window, [Vec<usize>; 2]), Refusal> {
        let axes: &[usize] = if flat { &[1] } else { &[0, 1] };
        // an axis of one window has any stride, one of one tap any dilation
        let common = |free: fn(&Windows, usize) -> bool, of: [usize; 2]| {
            let bound = axes.iter().filter(|&&axis| !free(self, axis));
            let mut bound = bound.map(|&axis| of[axis]);
            let first = bound.next().unwrap_or(1);
            bound.all(|other| other == first).then_some(first)
        };
        let stride = common(|own, axis| own.output[axis] == 1, self.stride);
        let dilation = common(|own, axis| own.kernel[axis] == 1, self.dilation);
        let (Some(stride), Some(dilation)) = (stride, dilation) else {
            return refuse("its stride or dilation differs along both axes");
        };
        let least = axes.iter().map(|&axis| self.padding[axis][0]).max();
        for padding in least.unwrap_or(0)..=MOST {
            let moved = axes.iter().map(|&axis| padding - self.padding[axis][0]);
            let Some(moved) = moved
                .map(|by| by.is_multiple_of(dilation).then_some(by / dilation))
                .collect::<Option<Vec<usize>>>()
            else {
                continue;
            };
            let needed = axes
                .iter()
                .zip(&moved)
                .map(|(&axis, by)| by + self.kernel[axis]);
            let needed = needed.max().unwrap_or(1);
            for kernel in needed..=needed + MOST {
                let pair = |value: usize, missing: usize| {
                    if flat {
                        [missing, value]
                    } else {
                        [value, value]
                    }
                };
                let window = Window {
                    channels: 1,
                    outputs: 1,
                    input: self.input,
                    kernel: pair(kernel, 1),
                    stride: pair(stride, 1),
                    padding: pair(padding, 0),
                    dilation: pair(dilation, 1),
                    groups: 1,
                };
                if window.check().is_ok() && window.output() == self.output {
                    let taps = |axis: usize| -> Vec<usize> {
                        let by = axes.iter().position(|&own| own == axis);
                        let by = by.map_or(0, |index| moved[index]);
                        (0..self.kernel[axis]).map(|tap| tap + by).collect()
                    };
                    return Ok((window, [taps(0), taps(1)]));
                }
            }
        }
        refuse("no square window sees what its windows see")
    }
}

/// The places inside the padding of `[1, C, H, W]` or `[1, C, L]`, and the size of the padding along both axes.
pub(crate) fn unpadded(places: &ArrayD<u32>) -> (ArrayD<u32>, [[usize; 2]; 2]) {
    let mut inner = places.clone();
    let mut pads = [[0, 0], [0, 0]];
    let first = 4 - places.ndim().min(4);
    for axis in 2..places.ndim() {
        let padding = &mut pads[axis - 2 + first];
        let outside = |inner: &ArrayD<u32>, index: usize| {
            let slice = inner.index_axis(Axis(axis), index);
            slice.iter().all(|&place| place == NOTHING)
        };
        while inner.shape()[axis] > 1 && outside(&inner, 0) {
            inner.slice_axis_inplace(Axis(axis), Slice::from(1..));
            padding[0] += 1;
        }
        while inner.shape()[axis] > 1 && outside(&inner, inner.shape()[axis] - 1) {
            inner.slice_axis_inplace(Axis(axis), Slice::from(..-1));
            padding[1] += 1;
        }
    }
    (inner, pads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(kernel: [usize; 2], padding: [[usize; 2]; 2], output: [usize; 2]) -> Windows {
        Windows {
            kernel,
            stride: [2, 2],
            dilation: [1, 1],
            padding,
            input: [8, 8],
            output,
        }
    }

    #[test]
    fn padding_on_one_side_is_a_larger_kernel() {
        // "same" of Keras with stride 2: the last row and column see padding
        let keras = windows([3, 3], [[0, 1], [0, 1]], [4, 4]);
        let Ok((window, taps)) = keras.square(false) else {
            panic!("there is one");
        };
        assert_eq!((window.kernel, window.padding), ([4, 4], [1, 1]));
        assert_eq!(window.output(), [4, 4]);
        assert_eq!(taps[0], [1, 2, 3]);
    }
}
