//! What a report asks its reader to do, in sentences.

use fhe_nn_proof::spec::{Scales, Spec};
use ndarray::Array2;

use super::report::{LayerReport, MOST_ERROR, MOST_SATURATED, Report};

/// Below this number of rows, calibration does not see how values spread, however few there are.
const LEAST_ROWS: usize = 32;
/// From this number of rows on, more inputs need no more rows.
const MOST_ROWS: usize = 256;
/// Features whose ranges differ by more than this lose three bits or more to a scale that they share.
const MOST_RATIO: f64 = 8.0;
/// The most indices that are listed.
const LISTED: usize = 12;

/// What a report over these samples asks for; nothing if all is well.
pub(super) fn notes(report: &Report, spec: &Spec, samples: &Array2<f64>) -> Vec<String> {
    let mut notes: Vec<String> = rows(spec, samples.nrows()).into_iter().collect();
    notes.extend(features(spec, samples));
    for layer in &report.layers {
        notes.extend(of_layer(layer));
    }
    notes
}

fn rows(spec: &Spec, rows: usize) -> Option<String> {
    let values = spec.input_len();
    let wanted = values.clamp(LEAST_ROWS, MOST_ROWS);
    (rows < wanted).then(|| {
        format!(
            "{rows} rows are few to calibrate {values} inputs on: ranges and widths are those of these rows; take {wanted} or more"
        )
    })
}

/// Features, or channels, that vary much more than others under the one scale of the input.
fn features(spec: &Spec, samples: &Array2<f64>) -> Option<String> {
    if spec.input.tokens.is_some() || spec.input.bits == 1 || !spec.input.scales.is_one() {
        return None;
    }
    let (what, own, scales) = match &*spec.input.shape {
        [_] => ("input", 1, Scales::PerValue),
        [_, area @ ..] => {
            let own = area.iter().product::<usize>().max(1);
            ("channel", own, Scales::PerChannel)
        }
        [] => return None,
    };
    let columns: Vec<(f64, f64)> = samples
        .columns()
        .into_iter()
        .map(|column| {
            let ends = (f64::INFINITY, f64::NEG_INFINITY);
            column
                .iter()
                .fold(ends, |(lo, hi), &x| (lo.min(x), hi.max(x)))
        })
        .collect();
    let ranges = columns.chunks(own).map(|all| {
        let lo = all.iter().fold(f64::INFINITY, |lo, own| lo.min(own.0));
        let hi = all.iter().fold(f64::NEG_INFINITY, |hi, own| hi.max(own.1));
        hi - lo
    });
    let ranges: Vec<(usize, f64)> = ranges
        .enumerate()
        .filter(|(_, range)| *range > 0.0)
        .collect();
    let least = ranges.iter().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let greatest = ranges.iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let mut readers = spec.readers(0);
    let remedy = if readers.all(|index| spec.layers[index].op.check_scales(scales).is_ok()) {
        format!("write `scales = {scales}` on the input")
    } else {
        "bring inputs to one range first, as a StandardScaler in the model does".to_owned()
    };
    (greatest.1 > MOST_RATIO * least.1).then(|| {
        format!(
            "{what} {} varies over {:.3} and {what} {} over {:.3}, but one scale covers both: {remedy}",
            greatest.0, greatest.1, least.0, least.1
        )
    })
}

fn of_layer(layer: &LayerReport) -> Vec<String> {
    let name = &layer.layer;
    let mut notes = Vec::new();
    if !layer.dropped_inputs.is_empty() {
        notes.push(format!(
            "dropped inputs of `{name}`, which never changed: {}; the network does not see them change either",
            listed(&layer.dropped_inputs)
        ));
    } else if layer.constant_inputs > 0 {
        notes.push(format!(
            "inputs of `{name}` that never changed: {}; add samples in which they do, or drop them by `Calibration::with_drop_constants` or `--drop-constants`",
            layer.constant_inputs
        ));
    }
    if layer.saturated as f64 > MOST_SATURATED * layer.total_weights as f64 {
        notes.push(format!(
            "{} of {} weights of `{name}` are cut: more bits for `weights`, or `Clipping::MinMax`",
            layer.saturated, layer.total_weights
        ));
    }
    for (key, fidelity) in [("weights", layer.weights), ("results", layer.results)] {
        if fidelity.relative() > MOST_ERROR {
            notes.push(format!(
                "{key} of `{name}` have an error of {fidelity}: {}",
                match key {
                    "weights" => "more bits for `weights`",
                    _ => "more bits for `weights`, for `table`, or for what the layer reads",
                }
            ));
        }
    }
    notes
}

/// Indices in words, consecutive ones as a range.
fn listed(indices: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &index in indices {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => ranges.push((index, index)),
        }
    }
    let texts = ranges
        .iter()
        .take(LISTED)
        .map(|&(first, last)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first} to {last}"),
        });
    let mut text = texts.collect::<Vec<_>>().join(", ");
    let rest = ranges.iter().skip(LISTED);
    let rest: usize = rest.map(|(first, last)| last - first + 1).sum();
    if rest > 0 {
        text += &format!(" and {rest} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_listed_as_ranges() {
        assert_eq!(listed(&[2, 4]), "2, 4");
        assert_eq!(listed(&[0, 1, 2, 3, 7, 8, 20]), "0 to 3, 7, 8, 20");
        let far: Vec<usize> = (0..40).map(|i| 2 * i).collect();
        assert!(
            listed(&far).ends_with("20, 22 and 28 more"),
            "{}",
            listed(&far)
        );
    }
}
