//! Windows as the type of a field has them.
//!
//! `Conv2d`, `Conv1d`, `AvgPool2d` and their like have numbers for windows that are the same along all axes and
//! at both ends. Every other window is written axis by axis, as in `Conv<1, 8, (Axis<1>, Axis<5, 2>)>`.

use super::pool::Pool;
use crate::spec::window::{Padding, Window};

/// The type of a convolution.
pub fn conv_type(window: &Window, flat: bool) -> String {
    let (inputs, outputs) = (window.channels, window.outputs);
    match window.square(flat) {
        Some([kernel, stride, padding, dilation]) => {
            let needed = [inputs, outputs, kernel];
            let optional = [(stride, 1), (padding, 0), (dilation, 1), (window.groups, 1)];
            let axes = if flat { 1 } else { 2 };
            format!("Conv{axes}d<{}>", sizes(&needed, &optional))
        }
        None => {
            let groups = match window.groups {
                1 => String::new(),
                groups => format!(", {groups}"),
            };
            let axes = window.axes_type(flat, false);
            format!("Conv<{inputs}, {outputs}, {axes}{groups}>")
        }
    }
}

/// The type of a pool, whose windows are not those of a global one.
pub fn pool_type(kind: Pool, window: &Window, flat: bool) -> String {
    let name = kind.name();
    match window.square(flat) {
        Some([kernel, stride, padding, 1]) => {
            let axes = if flat { 1 } else { 2 };
            let optional = [(stride, kernel), (padding, 0)];
            format!("{name}{axes}d<{}>", sizes(&[kernel], &optional))
        }
        _ => format!("{name}<{}>", window.axes_type(flat, true)),
    }
}

impl Window {
    /// Kernel, stride, padding and dilation, if they are the same along all axes and at both ends.
    fn square(&self, flat: bool) -> Option<[usize; 4]> {
        let [down, across] = [0, 1].map(|axis| self.axis(axis));
        let Padding { near, far } = across.2;
        let same = near == far && (flat || down == across);
        same.then_some([across.0, across.1, near, across.3])
    }

    /// Kernel, stride, padding and dilation along an axis.
    const fn axis(&self, axis: usize) -> (usize, usize, Padding, usize) {
        let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
        (kernel, stride, self.padding[axis], self.dilation[axis])
    }

    /// The type of the axes: one if `flat`, else a pair. Those of a pool have their stride written.
    fn axes_type(&self, flat: bool, pool: bool) -> String {
        let [down, across] = [0, 1].map(|axis| {
            let (kernel, stride, padding, dilation) = self.axis(axis);
            let Padding { near, far } = padding;
            let optional = [(stride, 1), (near, 0), (dilation, 1), (far, near)];
            let sizes = match pool && kernel > 1 {
                true => sizes(&[kernel, stride], &optional[1..]),
                false => sizes(&[kernel], &optional),
            };
            format!("Axis<{sizes}>")
        });
        if flat {
            across
        } else {
            format!("({down}, {across})")
        }
    }
}

/// Sizes as a declaration writes them. `optional` sizes come with their defaults, and trailing ones that equal
/// them are not written.
fn sizes(needed: &[usize], optional: &[(usize, usize)]) -> String {
    let written = optional.iter().rposition(|(size, default)| size != default);
    let written = written.map_or(0, |last| last + 1);
    let optional = optional[..written].iter().map(|(size, _)| size);
    let sizes: Vec<String> = needed
        .iter()
        .chain(optional)
        .map(usize::to_string)
        .collect();
    sizes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_that_differ_by_axis_or_end_are_written_axis_by_axis() {
        let square = Window {
            input: [28, 28],
            kernel: [3, 3],
            ..Window::each(1, 8, 1)
        };
        let uneven = Padding { near: 0, far: 1 };
        let both = Padding::both(1);
        let conv = |window: Window| conv_type(&window, false);
        assert_eq!(conv(square), "Conv2d<1, 8, 3>");
        let padded = Window {
            padding: [both; 2],
            ..square
        };
        assert_eq!(conv(padded), "Conv2d<1, 8, 3, 1, 1>");
        let far = Window {
            padding: [uneven; 2],
            stride: [2, 2],
            ..square
        };
        assert_eq!(
            conv(far),
            "Conv<1, 8, (Axis<3, 2, 0, 1, 1>, Axis<3, 2, 0, 1, 1>)>"
        );
        let wide = Window {
            kernel: [1, 5],
            groups: 2,
            channels: 2,
            ..square
        };
        assert_eq!(conv(wide), "Conv<2, 8, (Axis<1>, Axis<5>), 2>");
        let line = Window {
            padding: [Padding::NONE, uneven],
            kernel: [1, 3],
            ..square
        };
        assert_eq!(conv_type(&line, true), "Conv<1, 8, Axis<3, 1, 0, 1, 1>>");
        let pool = Window {
            kernel: [2, 3],
            stride: [2, 1],
            ..square
        };
        assert_eq!(
            pool_type(Pool::Max, &pool, false),
            "MaxPool<(Axis<2, 2>, Axis<3, 1>)>"
        );
        let dilated = Window {
            dilation: [2, 2],
            ..square
        };
        assert_eq!(
            pool_type(Pool::Max, &dilated, false),
            "MaxPool<(Axis<3, 1, 0, 2>, Axis<3, 1, 0, 2>)>"
        );
        assert_eq!(conv(dilated), "Conv2d<1, 8, 3, 1, 0, 2>");
    }
}
