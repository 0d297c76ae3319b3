//! Averages and greatest values of windows.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::conv::written_sizes;
use super::{LayerSpec, expect};
use crate::client::Affine;
use crate::spec::flow_error::FlowError;
use crate::spec::tensor::{Tensor, TensorKind};
use crate::spec::window::Window;
use crate::widths::Range;

/// Averages or greatest values of windows, channel by channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// The windows, one group a channel.
    pub window: Window,
    /// Whether it moves over `[channels, length]`, not over `[channels, height, width]`.
    pub flat: bool,
    /// What becomes of a window.
    pub kind: Pool,
}

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pool {
    /// The sum of its integers, which stands for the average of their reals; padding counts as 0.
    Average,
    /// The greatest; padding does not count.
    Max,
}

impl Pool {
    const fn name(self) -> &'static str {
        match self {
            Pool::Average => "AvgPool",
            Pool::Max => "MaxPool",
        }
    }
}

impl PoolSpec {
    /// The range of the results for inputs of a range. Padding counts as 0 in an average.
    pub fn range(&self, input: Range) -> Range {
        match self.kind {
            Pool::Max => input,
            Pool::Average => {
                let taps = self.window.taps() as i64;
                let sum = input.times(Range { lo: taps, hi: taps });
                if self.window.pads() {
                    sum.hull(Range { lo: 0, hi: 0 })
                } else {
                    sum
                }
            }
        }
    }

    /// Whether one window sees all of a channel.
    fn is_global(&self) -> bool {
        let window = &self.window;
        window.kernel == window.input && window.stride == [1, 1] && !window.pads()
    }
}

impl LayerSpec for PoolSpec {
    fn check(&self, operands: &[&Tensor]) -> Result<(), FlowError> {
        self.window.check().map_err(FlowError::Window)?;
        expect(&self.window.input_shape(self.flat), &operands[0].shape)
    }

    fn facts(&self, operands: &[&Tensor]) -> Tensor {
        let first = operands[0];
        let (odd, kind) = match self.kind {
            Pool::Max => (first.odd, TensorKind::Values),
            Pool::Average => (false, TensorKind::Sums),
        };
        Tensor {
            shape: self.window.output_shape(self.flat),
            range: self.range(first.range),
            odd,
            kind,
        }
    }

    fn type_name(&self) -> String {
        let name = self.kind.name();
        if self.is_global() {
            return format!("Global{name}");
        }
        let (window, axes) = (&self.window, if self.flat { 1 } else { 2 });
        let kernel = window.kernel[1];
        let optional = [(window.stride[1], kernel), (window.padding[1], 0)];
        format!("{name}{axes}d<{}>", written_sizes(&[kernel], &optional))
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes = if self.flat { 1 } else { 2 };
        write!(f, "{}{axes}d {}", self.kind.name(), self.window)
    }

    fn divisor(&self) -> Option<f64> {
        Some(match self.kind {
            Pool::Max => 1.0,
            Pool::Average => self.window.taps() as f64,
        })
    }

    fn needs_centred(&self) -> bool {
        self.kind == Pool::Average && self.window.pads()
    }

    fn meaning(&self, operands: &[Affine]) -> Option<Affine> {
        let first = operands[0];
        Some(match self.kind {
            Pool::Max => first,
            Pool::Average => {
                let taps = self.window.taps();
                Affine {
                    scale: first.scale / taps as f64,
                    zero_point: first.zero_point * taps as i64,
                }
            }
        })
    }
}
