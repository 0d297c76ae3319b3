//! Numbers of channels: one for all of them, or one for each.

/// The number of a channel.
pub(super) fn at(values: &[f64], channel: usize) -> f64 {
    match values {
        [one] => *one,
        values => values.get(channel).copied().unwrap_or(f64::NAN),
    }
}

/// Combines the numbers of each channel.
pub(crate) fn zip(a: &[f64], b: &[f64], combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let channels = a.len().max(b.len());
    (0..channels).map(|c| combine(at(a, c), at(b, c))).collect()
}

/// One number if all are the same.
pub(super) fn shared(mut values: Vec<f64>) -> Vec<f64> {
    if values.windows(2).all(|two| two[0] == two[1]) {
        values.truncate(1);
    }
    values
}
