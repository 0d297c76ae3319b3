//! Sliding windows: the geometry of convolutions and pools.
//!
//! Along one axis of `n` values, with padding p before them and q behind them, dilation d, stride s and a
//! kernel of k taps, there are `floor((n + p + q - d (k - 1) - 1) / s) + 1` positions (ONNX's `Conv`, and
//! PyTorch's `Conv2d` where p = q). A one-dimensional signal has height 1.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The windows of a layer over `[channels, height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Number of input channels.
    pub channels: usize,
    /// Number of output channels.
    pub outputs: usize,
    /// Number of input values, down and across.
    pub input: [usize; 2],
    /// Number of taps, down and across.
    pub kernel: [usize; 2],
    /// Distance between neighbouring windows, down and across.
    pub stride: [usize; 2],
    /// Number of positions added at both ends, down and across.
    pub padding: [Padding; 2],
    /// Distance between neighbouring taps, down and across.
    pub dilation: [usize; 2],
    /// Number of groups that the channels are split into; each sees its own part of the input.
    pub groups: usize,
}

/// The positions that are added at the ends of an axis.
///
/// A declaration in a file has one number where both ends have the same padding, else `[near, far]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Padding {
    /// Number of positions before the first value.
    pub near: usize,
    /// Number of positions behind the last value.
    pub far: usize,
}

impl Padding {
    /// No padding.
    pub const NONE: Padding = Padding::both(0);

    /// The same padding at both ends.
    pub const fn both(positions: usize) -> Self {
        Padding {
            near: positions,
            far: positions,
        }
    }

    /// Number of positions that are added in all.
    pub const fn sum(self) -> usize {
        self.near + self.far
    }
}

/// Padding as a file has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Both(usize),
    Ends([usize; 2]),
}

impl From<Stored> for Padding {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Both(positions) => Padding::both(positions),
            Stored::Ends([near, far]) => Padding { near, far },
        }
    }
}

impl From<Padding> for Stored {
    fn from(Padding { near, far }: Padding) -> Self {
        if near == far {
            Stored::Both(near)
        } else {
            Stored::Ends([near, far])
        }
    }
}

/// Why windows are impossible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// An extent, stride, dilation or number of groups is 0.
    #[error("an extent, stride, dilation or number of groups is 0")]
    Zero,
    /// The groups do not divide the channels.
    #[error("the groups do not divide the channels that come in and go out")]
    Groups,
    /// Some windows would see nothing but padding.
    #[error("the padding is as large as the kernel")]
    Padding,
    /// Not one window fits.
    #[error("the kernel is larger than the padded input")]
    Kernel,
}

impl Window {
    /// Windows that each see one of `positions` positions in a row.
    pub const fn each(channels: usize, outputs: usize, positions: usize) -> Self {
        Window {
            channels,
            outputs,
            input: [1, positions],
            kernel: [1, 1],
            stride: [1, 1],
            padding: [Padding::NONE; 2],
            dilation: [1, 1],
            groups: 1,
        }
    }

    /// # Errors
    /// [`WindowError`] if the windows are impossible.
    pub const fn check(&self) -> Result<(), WindowError> {
        if self.channels == 0 || self.outputs == 0 || self.groups == 0 {
            return Err(WindowError::Zero);
        }
        if !self.channels.is_multiple_of(self.groups) || !self.outputs.is_multiple_of(self.groups) {
            return Err(WindowError::Groups);
        }
        match self.check_axis(0) {
            Ok(()) => self.check_axis(1),
            error => error,
        }
    }

    /// # Errors
    /// [`WindowError`] if the windows are impossible along an axis.
    pub const fn check_axis(&self, axis: usize) -> Result<(), WindowError> {
        if self.kernel[axis] == 0 || self.stride[axis] == 0 || self.dilation[axis] == 0 {
            return Err(WindowError::Zero);
        }
        let Padding { near, far } = self.padding[axis];
        if near >= self.reach(axis) || far >= self.reach(axis) {
            return Err(WindowError::Padding);
        }
        if self.reach(axis) > self.padded(axis) {
            return Err(WindowError::Kernel);
        }
        Ok(())
    }

    /// Whether each window sees a value along an axis, for windows that [`check`](Window::check) allows. Taps that
    /// are farther apart than the input is long may step over it.
    pub fn sees_values(&self, axis: usize) -> bool {
        // a window that begins at a value sees this one; one that begins in front of all sees that of its first
        // tap behind there, which is closer to the first value than a dilation
        let (near, dilation) = (self.padding[axis].near, self.dilation[axis]);
        self.input[axis] >= dilation
            || (0..self.output()[axis])
                .map_while(|window| near.checked_sub(window * self.stride[axis]))
                .all(|before| before.next_multiple_of(dilation) - before < self.input[axis])
    }

    /// Number of values that a window spans along an axis.
    pub const fn reach(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// Number of values along an axis with its padding.
    pub const fn padded(&self, axis: usize) -> usize {
        self.input[axis] + self.padding[axis].sum()
    }

    /// Number of windows, down and across.
    pub const fn output(&self) -> [usize; 2] {
        let down = (self.padded(0) - self.reach(0)) / self.stride[0] + 1;
        let across = (self.padded(1) - self.reach(1)) / self.stride[1] + 1;
        [down, across]
    }

    /// Number of windows of one channel.
    pub const fn positions(&self) -> usize {
        let [down, across] = self.output();
        down * across
    }

    /// Number of taps of a neuron: the fan-in.
    pub const fn taps(&self) -> usize {
        self.channels / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// Number of input values.
    pub const fn input_len(&self) -> usize {
        self.channels * self.input[0] * self.input[1]
    }

    /// Number of output values.
    pub const fn output_len(&self) -> usize {
        self.outputs * self.positions()
    }

    /// The shape of the input; `[channels, length]` if `flat`.
    pub fn input_shape(&self, flat: bool) -> Vec<usize> {
        extents(self.channels, self.input, flat)
    }

    /// The shape of the output; `[channels, length]` if `flat`.
    pub fn output_shape(&self, flat: bool) -> Vec<usize> {
        extents(self.outputs, self.output(), flat)
    }

    /// Whether any window sees padding.
    pub const fn pads(&self) -> bool {
        self.padding[0].sum() > 0 || self.padding[1].sum() > 0
    }

    /// The index, in row-major order, of the value that tap `tap` of output channel `channel` sees at a
    /// position; `None` for padding.
    pub fn source(&self, channel: usize, position: usize, tap: usize) -> Option<usize> {
        let [kernel_down, kernel_across] = self.kernel;
        let area = kernel_down * kernel_across;
        let group = channel / (self.outputs / self.groups);
        let from = group * (self.channels / self.groups) + tap / area;
        let across = self.output()[1];
        let place = |axis: usize, window: usize, tap: usize| {
            let padded = window * self.stride[axis] + tap * self.dilation[axis];
            let place = padded.checked_sub(self.padding[axis].near)?;
            (place < self.input[axis]).then_some(place)
        };
        let y = place(0, position / across, tap % area / kernel_across)?;
        let x = place(1, position % across, tap % kernel_across)?;
        Some((from * self.input[0] + y) * self.input[1] + x)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pair = |[down, across]: [usize; 2]| format!("{down} x {across}");
        write!(
            f,
            "{} -> {}, {} taps, stride {}",
            self.channels,
            self.outputs,
            pair(self.kernel),
            pair(self.stride)
        )?;
        if self.pads() {
            let [down, across] = self.padding.map(|padding| match padding {
                Padding { near, far } if near == far => near.to_string(),
                Padding { near, far } => format!("{near}+{far}"),
            });
            write!(f, ", padding {down} x {across}")?;
        }
        if self.dilation != [1, 1] {
            write!(f, ", dilation {}", pair(self.dilation))?;
        }
        match self.groups {
            1 => Ok(()),
            groups => write!(f, ", {groups} groups"),
        }
    }
}

/// The shape of `channels` channels of an area; if `flat`, the height is 1 and is left out.
fn extents(channels: usize, [down, across]: [usize; 2], flat: bool) -> Vec<usize> {
    if flat {
        vec![channels, across]
    } else {
        vec![channels, down, across]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        channels: 2,
        outputs: 4,
        input: [5, 4],
        kernel: [3, 2],
        stride: [2, 1],
        padding: [Padding::both(1), Padding::NONE],
        dilation: [1, 2],
        groups: 2,
    };

    #[test]
    fn positions_are_those_of_pytorch() {
        assert_eq!(WINDOW.check(), Ok(()));
        assert_eq!(WINDOW.output(), [3, 2]);
        assert_eq!(WINDOW.taps(), 6);
        assert_eq!((WINDOW.input_len(), WINDOW.output_len()), (40, 24));
    }

    #[test]
    fn taps_see_their_values_or_padding() {
        // channel 3 belongs to the second group, which sees channel 1 alone
        assert_eq!(WINDOW.source(3, 0, 0), None);
        assert_eq!(WINDOW.source(3, 0, 2), Some(20));
        assert_eq!(WINDOW.source(3, 0, 3), Some(22));
        assert_eq!(WINDOW.source(0, 3, 5), Some(3 * 4 + 3));
        assert_eq!(WINDOW.source(0, 5, 5), None);
    }

    #[test]
    fn padding_behind_the_last_value_adds_windows_there_alone() {
        let window = Window {
            padding: [Padding { near: 0, far: 2 }, Padding::NONE],
            ..WINDOW
        };
        assert_eq!(window.output(), [3, 2]);
        assert_eq!(window.source(0, 0, 0), Some(0));
        assert_eq!(window.source(0, 4, 0), Some(4 * 4));
        assert_eq!(window.source(0, 4, 2), None);
        assert_eq!(
            window.to_string(),
            "2 -> 4, 3 x 2 taps, stride 2 x 1, padding 0+2 x 0, dilation 1 x 2, 2 groups"
        );
    }

    #[test]
    fn files_have_one_number_for_equal_padding() -> Result<(), serde_json::Error> {
        let text = serde_json::to_string(&WINDOW)?;
        let before = "{\"channels\":2,\"outputs\":4,\"input\":[5,4],\"kernel\":[3,2],\"stride\":[2,1],\"padding\":[1,0],\"dilation\":[1,2],\"groups\":2}";
        assert_eq!(text, before);
        assert_eq!(serde_json::from_str::<Window>(before)?, WINDOW);
        let uneven = Padding { near: 0, far: 2 };
        let text = serde_json::to_string(&[Padding::both(1), uneven])?;
        assert_eq!(text, "[1,[0,2]]");
        let read: [Padding; 2] = serde_json::from_str(&text)?;
        assert_eq!(read, [Padding::both(1), uneven]);
        assert_eq!(serde_json::from_str::<Padding>("[3,3]")?, Padding::both(3));
        Ok(())
    }

    #[test]
    fn taps_may_step_over_a_short_input() {
        let window = |input: usize, near: usize| Window {
            input: [1, input],
            kernel: [1, 2],
            stride: [1, 1],
            padding: [Padding::NONE, Padding { near, far: 2 }],
            dilation: [1, 3],
            ..WINDOW
        };
        // the window that begins one place before the input sees the place behind it
        assert!(!window(2, 1).sees_values(1));
        assert!(window(3, 1).sees_values(1));
        assert!(window(2, 0).sees_values(1));
        for (input, near) in (1..5).flat_map(|input| (0..4).map(move |near| (input, near))) {
            let window = window(input, near);
            if window.check().is_err() {
                continue;
            }
            let sees = |position| (0..2).any(|tap| window.source(0, position, tap).is_some());
            assert_eq!(window.sees_values(1), (0..window.positions()).all(sees));
        }
    }

    #[test]
    fn windows_that_cannot_be_say_why() {
        let check = |window: Window| window.check().err();
        assert_eq!(
            check(Window {
                groups: 3,
                ..WINDOW
            }),
            Some(WindowError::Groups)
        );
        assert_eq!(
            check(Window {
                stride: [0, 1],
                ..WINDOW
            }),
            Some(WindowError::Zero)
        );
        assert_eq!(
            check(Window {
                padding: [Padding { near: 0, far: 3 }, Padding::NONE],
                ..WINDOW
            }),
            Some(WindowError::Padding)
        );
        assert_eq!(
            check(Window {
                kernel: [9, 2],
                padding: [Padding::NONE; 2],
                ..WINDOW
            }),
            Some(WindowError::Kernel)
        );
    }
}
