//! Windows that are listed value by value.

use fhe_nn_proof::spec::Window;

/// The windows over an area of every channel that see these rows of places, which have one order: channels,
/// then windows down, then across. `None` if there are none, or some window sees a value twice.
pub(super) fn regular(rows: &[&[u32]], channels: usize, area: [usize; 2]) -> Option<Window> {
    let [height, width] = area;
    let place = |place: u32| [place as usize / width, place as usize % width];
    let start = |row: &[u32]| row.iter().min().map(|&least| place(least));
    let first = rows.first()?;
    let last = place(*first.iter().max()?);
    if start(first)? != [0, 0] || last[0] >= height || channels == 0 {
        return None;
    }
    let kernel = [last[0] + 1, last[1] + 1];
    let positions = rows.len() / channels;
    let in_line = rows.iter().take(positions);
    let across = in_line.take_while(|row| start(row).is_some_and(|start| start[0] == 0));
    let across = across.count();
    let down = positions.checked_div(across)?;
    let step = |count: usize, row: usize, axis: usize| match count {
        1 => Some(1),
        _ => Some(start(rows.get(row)?)?[axis]).filter(|&step| step > 0),
    };
    let stride = [step(down, across, 0)?, step(across, 1, 1)?];
    let stride = match [down, across] {
        [1, 1] => [1, 1],
        [1, _] => [stride[1]; 2],
        [_, 1] => [stride[0]; 2],
        _ => stride,
    };
    let is_line = height == 1;
    let window = Window {
        input: area,
        kernel,
        stride: if is_line { [1, stride[1]] } else { stride },
        groups: channels,
        ..Window::each(channels, channels, 1)
    };
    if window.check().is_err() || window.output() != [down, across] {
        return None;
    }
    let sees = |(result, row): (usize, &&[u32])| {
        let (channel, position) = (result / positions, result % positions);
        let taps = 0..window.taps();
        let seen = taps.filter_map(|tap| window.source(channel, position, tap));
        let mut sorted = row.to_vec();
        sorted.sort_unstable();
        sorted.iter().map(|&place| place as usize).eq(seen)
    };
    (rows.len() == channels * positions && rows.iter().enumerate().all(sees)).then_some(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places that windows of 3 see over 5 x 5 values in steps of 2, in each of two channels.
    fn rows() -> Vec<Vec<u32>> {
        let mut rows = Vec::new();
        for start in [0, 25] {
            for (y, x) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
                // their order within a window is of no matter
                let taps = (0..9).rev().map(|tap| (y + tap / 3) * 5 + x + tap % 3);
                rows.push(taps.map(|place| start + place).collect());
            }
        }
        rows
    }

    #[test]
    fn places_of_windows_are_windows() {
        let rows = rows();
        let views: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
        let window = regular(&views, 2, [5, 5]).expect("they are regular");
        assert_eq!((window.kernel, window.stride), ([3, 3], [2, 2]));
        assert_eq!((window.channels, window.output()), (2, [2, 2]));
    }

    #[test]
    fn other_places_are_not() {
        let mut rows = rows();
        rows[5][0] += 1;
        let views: Vec<&[u32]> = rows.iter().map(Vec::as_slice).collect();
        assert_eq!(regular(&views, 2, [5, 5]), None);
        assert_eq!(regular(&views[..3], 2, [5, 5]), None);
        assert_eq!(regular(&[], 2, [5, 5]), None);
    }
}
