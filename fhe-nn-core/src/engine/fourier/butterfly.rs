//! Splits a polynomial into remainders two and three times at once, and puts it together again; see
//! [`transform`](super::transform).
//!
//! The roots of all levels are multiplied into the inputs first, `x_1` to `x_3` (to `x_7`) by one root
//! each. What remains is sums, and factors of i and of `e^(pi i / 4)`. This takes fewer multiplications
//! than a root for each level, and therefore rounds less.

use core::f64::consts::FRAC_1_SQRT_2;

use crate::engine::complex::{Complex, ComplexLanes};
use crate::lanes::Lanes;

/// Eight complex numbers.
pub(super) type C<L> = Complex<<L as Lanes>::V>;

/// `[a + r b, a - r b]`
#[inline(always)]
pub(super) fn split2<L: Lanes>(lanes: L, r: C<L>, a: C<L>, b: C<L>) -> [C<L>; 2] {
    let b = lanes.times(b, r);
    [lanes.plus(a, b), lanes.minus(a, b)]
}

/// `[y + z, (y - z) / r]`, for r on the unit circle
#[inline(always)]
pub(super) fn join2<L: Lanes>(lanes: L, r: C<L>, y: C<L>, z: C<L>) -> [C<L>; 2] {
    [
        lanes.plus(y, z),
        lanes.times_conjugate(lanes.minus(y, z), r),
    ]
}

/// Splits two levels below a node of root `r` whose left child has the root s. The roots are `[s, r, r s]`.
#[inline(always)]
pub(super) fn split4<L: Lanes>(lanes: L, roots: [C<L>; 3], x: [C<L>; 4]) -> [C<L>; 4] {
    let x1 = lanes.times(x[1], roots[0]);
    let x2 = lanes.times(x[2], roots[1]);
    let x3 = lanes.times(x[3], roots[2]);
    let (y0, y2) = (lanes.plus(x[0], x2), lanes.minus(x[0], x2));
    let (y1, y3) = (lanes.plus(x1, x3), lanes.minus(x1, x3));
    [
        lanes.plus(y0, y1),
        lanes.minus(y0, y1),
        lanes.plus_i(y2, y3),
        lanes.minus_i(y2, y3),
    ]
}

/// The inverse of [`split4`], four times as large.
#[inline(always)]
pub(super) fn join4<L: Lanes>(lanes: L, roots: [C<L>; 3], z: [C<L>; 4]) -> [C<L>; 4] {
    let (y0, y1) = (lanes.plus(z[0], z[1]), lanes.minus(z[0], z[1]));
    // i y3
    let (y2, y3) = (lanes.plus(z[2], z[3]), lanes.minus(z[2], z[3]));
    [
        lanes.plus(y0, y2),
        lanes.times_conjugate(lanes.minus_i(y1, y3), roots[0]),
        lanes.times_conjugate(lanes.minus(y0, y2), roots[1]),
        lanes.times_conjugate(lanes.plus_i(y1, y3), roots[2]),
    ]
}

/// Splits three levels below a node of root r. Its left child has the root s, and the left child of that
/// node has the root t. The roots are `[t, s, s t, r, r t, r s, r s t]`. The left child of the right child
/// has the root `e^(pi i / 4) t`.
#[inline(always)]
pub(super) fn split8<L: Lanes>(lanes: L, roots: [C<L>; 7], x: [C<L>; 8]) -> [C<L>; 8] {
    let x1 = lanes.times(x[1], roots[0]);
    let x2 = lanes.times(x[2], roots[1]);
    let x3 = lanes.times(x[3], roots[2]);
    let x4 = lanes.times(x[4], roots[3]);
    let x5 = lanes.times(x[5], roots[4]);
    let x6 = lanes.times(x[6], roots[5]);
    let x7 = lanes.times(x[7], roots[6]);
    let (x0, x4) = (lanes.plus(x[0], x4), lanes.minus(x[0], x4));
    let (x1, x5) = (lanes.plus(x1, x5), lanes.minus(x1, x5));
    let (x2, x6) = (lanes.plus(x2, x6), lanes.minus(x2, x6));
    let (x3, x7) = (lanes.plus(x3, x7), lanes.minus(x3, x7));
    let (x0, x2) = (lanes.plus(x0, x2), lanes.minus(x0, x2));
    let (x1, x3) = (lanes.plus(x1, x3), lanes.minus(x1, x3));
    let (x4, x6) = (lanes.plus_i(x4, x6), lanes.minus_i(x4, x6));
    let (x5, x7) = (lanes.plus_i(x5, x7), lanes.minus_i(x5, x7));
    let (x5, x7) = (eighth(lanes, x5), eighth(lanes, x7));
    [
        lanes.plus(x0, x1),
        lanes.minus(x0, x1),
        lanes.plus_i(x2, x3),
        lanes.minus_i(x2, x3),
        lanes.plus(x4, x5),
        lanes.minus(x4, x5),
        lanes.plus_i(x6, x7),
        lanes.minus_i(x6, x7),
    ]
}

/// The inverse of [`split8`], eight times as large.
#[inline(always)]
pub(super) fn join8<L: Lanes>(lanes: L, roots: [C<L>; 7], z: [C<L>; 8]) -> [C<L>; 8] {
    let (x0, x1) = (lanes.plus(z[0], z[1]), lanes.minus(z[0], z[1]));
    // i x3, x5 and x7 turned by an eighth, i x7
    let (x2, x3) = (lanes.plus(z[2], z[3]), lanes.minus(z[2], z[3]));
    let (x4, x5) = (lanes.plus(z[4], z[5]), lanes.minus(z[4], z[5]));
    let (x6, x7) = (lanes.plus(z[6], z[7]), lanes.minus(z[6], z[7]));
    let (x5, x7) = (eighth_back(lanes, x5), eighth_back(lanes, x7));
    let (x0, x2) = (lanes.plus(x0, x2), lanes.minus(x0, x2));
    let (x1, x3) = (lanes.minus_i(x1, x3), lanes.plus_i(x1, x3));
    // i x6, i x7
    let (x4, x6) = (lanes.plus(x4, x6), lanes.minus(x4, x6));
    let (x5, x7) = (lanes.minus_i(x5, x7), lanes.plus_i(x5, x7));
    let (x0, x4) = (lanes.plus(x0, x4), lanes.minus(x0, x4));
    let (x1, x5) = (lanes.plus(x1, x5), lanes.minus(x1, x5));
    let (x2, x6) = (lanes.minus_i(x2, x6), lanes.plus_i(x2, x6));
    let (x3, x7) = (lanes.minus_i(x3, x7), lanes.plus_i(x3, x7));
    [
        x0,
        lanes.times_conjugate(x1, roots[0]),
        lanes.times_conjugate(x2, roots[1]),
        lanes.times_conjugate(x3, roots[2]),
        lanes.times_conjugate(x4, roots[3]),
        lanes.times_conjugate(x5, roots[4]),
        lanes.times_conjugate(x6, roots[5]),
        lanes.times_conjugate(x7, roots[6]),
    ]
}

/// `e^(pi i / 4) x`
#[inline(always)]
fn eighth<L: Lanes>(lanes: L, x: C<L>) -> C<L> {
    let half = lanes.splat(FRAC_1_SQRT_2);
    Complex {
        re: lanes.mul(lanes.sub(x.re, x.im), half),
        im: lanes.mul(lanes.add(x.re, x.im), half),
    }
}

/// `e^(-pi i / 4) x`
#[inline(always)]
fn eighth_back<L: Lanes>(lanes: L, x: C<L>) -> C<L> {
    let half = lanes.splat(FRAC_1_SQRT_2);
    Complex {
        re: lanes.mul(lanes.add(x.re, x.im), half),
        im: lanes.mul(lanes.sub(x.im, x.re), half),
    }
}
