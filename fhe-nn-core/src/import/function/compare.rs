//! Where functions are compared, and how closely.

/// The largest relative difference of two values that count as equal, which near 0 is relative to the largest
/// value: constants of exports have the precision of `f32`.
pub(super) const TOLERANCE: f64 = 2e-6;

/// The points at which functions are compared: dense around 0, and from near it to far. 0 itself, where signs
/// may differ, is not among them.
pub(super) fn points() -> impl Iterator<Item = f64> {
    let near = (-160..160).map(|k| (f64::from(k) + 0.437) / 20.0);
    let sizes = (-24..25).map(|k| 1.17 * 10f64.powf(f64::from(k) / 4.0));
    near.chain(sizes.flat_map(|size| [-size, size]))
}

/// Points on either side of the numbers at which a function bends, and of their opposites.
pub(super) fn around(constants: &[f64]) -> impl Iterator<Item = f64> + '_ {
    constants
        .iter()
        .flat_map(|&c| [0.999, 1.001].map(|by| by * c))
        .flat_map(|x| [x, -x])
}

/// The largest absolute value of those that are finite.
pub(super) fn size(values: impl Iterator<Item = f64>) -> f64 {
    values
        .filter(|value| value.is_finite())
        .fold(f64::MIN_POSITIVE, |size, value| size.max(value.abs()))
}
