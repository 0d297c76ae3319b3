//! Splitting a polynomial into remainders and putting it together again: see
//! [`transform`](super::transform).

use crate::encrypted::lanes::{Complex, ComplexLanes, Lanes};

/// Eight complex numbers.
pub(super) type C<L> = Complex<<L as Lanes>::V>;

/// `[a + r b, a - r b]`
#[inline(always)]
pub(super) fn split2<L: Lanes>(lanes: L, r: C<L>, a: C<L>, b: C<L>) -> [C<L>; 2] {
    let b = lanes.times(b, r);
    [lanes.plus(a, b), lanes.minus(a, b)]
}

/// `[a + i r b, a - i r b]`
#[inline(always)]
fn split2_right<L: Lanes>(lanes: L, r: C<L>, a: C<L>, b: C<L>) -> [C<L>; 2] {
    let b = lanes.times(b, r);
    [lanes.plus_i(a, b), lanes.minus_i(a, b)]
}

/// `[y + z, (y - z) / r]`, for r on the unit circle
#[inline(always)]
pub(super) fn join2<L: Lanes>(lanes: L, r: C<L>, y: C<L>, z: C<L>) -> [C<L>; 2] {
    [
        lanes.plus(y, z),
        lanes.times_conjugate(lanes.minus(y, z), r),
    ]
}

/// `[y + z, (y - z) / i r]`
#[inline(always)]
fn join2_right<L: Lanes>(lanes: L, r: C<L>, y: C<L>, z: C<L>) -> [C<L>; 2] {
    let difference = lanes.times_conjugate(lanes.minus(y, z), r);
    let turned = Complex {
        re: difference.im,
        im: lanes.sub(lanes.splat(0.0), difference.re),
    };
    [lanes.plus(y, z), turned]
}

/// Two levels below a node of root `r` whose left child has the root `r1`.
#[inline(always)]
pub(super) fn split4<L: Lanes>(
    lanes: L,
    r: C<L>,
    r1: C<L>,
    [x0, x1, x2, x3]: [C<L>; 4],
) -> [C<L>; 4] {
    let [y0, y2] = split2(lanes, r, x0, x2);
    let [y1, y3] = split2(lanes, r, x1, x3);
    let [z0, z1] = split2(lanes, r1, y0, y1);
    let [z2, z3] = split2_right(lanes, r1, y2, y3);
    [z0, z1, z2, z3]
}

#[inline(always)]
pub(super) fn join4<L: Lanes>(
    lanes: L,
    r: C<L>,
    r1: C<L>,
    [z0, z1, z2, z3]: [C<L>; 4],
) -> [C<L>; 4] {
    let [y0, y1] = join2(lanes, r1, z0, z1);
    let [y2, y3] = join2_right(lanes, r1, z2, z3);
    let [x0, x2] = join2(lanes, r, y0, y2);
    let [x1, x3] = join2(lanes, r, y1, y3);
    [x0, x1, x2, x3]
}

/// Three levels below a node, with the roots of [`roots`].
#[inline(always)]
pub(super) fn split8<L: Lanes>(lanes: L, [r, r1, r2, r3]: [C<L>; 4], x: [C<L>; 8]) -> [C<L>; 8] {
    let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
    let [x0, x4] = split2(lanes, r, x0, x4);
    let [x1, x5] = split2(lanes, r, x1, x5);
    let [x2, x6] = split2(lanes, r, x2, x6);
    let [x3, x7] = split2(lanes, r, x3, x7);
    let [x0, x2] = split2(lanes, r1, x0, x2);
    let [x1, x3] = split2(lanes, r1, x1, x3);
    let [x4, x6] = split2_right(lanes, r1, x4, x6);
    let [x5, x7] = split2_right(lanes, r1, x5, x7);
    let [x0, x1] = split2(lanes, r2, x0, x1);
    let [x2, x3] = split2_right(lanes, r2, x2, x3);
    let [x4, x5] = split2(lanes, r3, x4, x5);
    let [x6, x7] = split2_right(lanes, r3, x6, x7);
    [x0, x1, x2, x3, x4, x5, x6, x7]
}

#[inline(always)]
pub(super) fn join8<L: Lanes>(lanes: L, [r, r1, r2, r3]: [C<L>; 4], x: [C<L>; 8]) -> [C<L>; 8] {
    let [x0, x1, x2, x3, x4, x5, x6, x7] = x;
    let [x0, x1] = join2(lanes, r2, x0, x1);
    let [x2, x3] = join2_right(lanes, r2, x2, x3);
    let [x4, x5] = join2(lanes, r3, x4, x5);
    let [x6, x7] = join2_right(lanes, r3, x6, x7);
    let [x0, x2] = join2(lanes, r1, x0, x2);
    let [x1, x3] = join2(lanes, r1, x1, x3);
    let [x4, x6] = join2_right(lanes, r1, x4, x6);
    let [x5, x7] = join2_right(lanes, r1, x5, x7);
    let [x0, x4] = join2(lanes, r, x0, x4);
    let [x1, x5] = join2(lanes, r, x1, x5);
    let [x2, x6] = join2(lanes, r, x2, x6);
    let [x3, x7] = join2(lanes, r, x3, x7);
    [x0, x1, x2, x3, x4, x5, x6, x7]
}
