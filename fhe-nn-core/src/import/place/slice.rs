//! `Slice`: values from a start to an end, in steps, along some axes.

use ndarray::{ArrayD, SliceInfoElem};

use super::axes::axis_of;
use crate::import::error::{Refusal, refuse};

/// The values between starts and ends; along the first axes, and in steps of 1, if nothing else is given.
pub(super) fn slice<T: Copy>(
    data: &ArrayD<T>,
    starts: &[i64],
    ends: &[i64],
    axes: Option<Vec<i64>>,
    steps: Option<Vec<i64>>,
) -> Result<ArrayD<T>, Refusal> {
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    let all = SliceInfoElem::Slice {
        start: 0,
        end: None,
        step: 1,
    };
    let mut parts = vec![all; data.ndim()];
    for (i, &axis) in axes.iter().enumerate() {
        let axis = axis_of(axis, data.ndim())?;
        let (Some(&start), Some(&end), Some(&step)) = (starts.get(i), ends.get(i), steps.get(i))
        else {
            return refuse("it has fewer starts, ends or steps than axes");
        };
        let size = data.shape()[axis] as i64;
        let from_start = |x: i64| if x < 0 { x.saturating_add(size) } else { x };
        let (start, end) = (from_start(start), from_start(end));
        // a step backwards takes the values after `end` up to `start`, the last one first
        let (lo, hi) = match step {
            0 => return refuse("it takes steps of 0"),
            1.. => (start.clamp(0, size), end.clamp(0, size)),
            _ => (end.clamp(-1, size - 1) + 1, start.clamp(-1, size - 1) + 1),
        };
        parts[axis] = SliceInfoElem::Slice {
            start: lo as isize,
            end: Some(hi.max(lo) as isize),
            step: step.clamp(-(1 << 30), 1 << 30) as isize,
        };
    }
    Ok(data.slice(parts.as_slice()).to_owned())
}
