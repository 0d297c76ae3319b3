//! The negacyclic Fourier transform: real polynomials modulo `X^N + 1` at its complex roots.
//!
//! With `i = X^(N/2)`, a real polynomial is a complex one of `M = N/2` coefficients
//! `z_c = x_c + i x_(c+M)` modulo `X^M - i`. A polynomial modulo `X^m - w` has the remainders
//!
//! `a + r b` modulo `X^(m/2) - r` and `a - r b` modulo `X^(m/2) + r`, `r = sqrt w`,
//!
//! where a and b are its halves. Splitting `log2 M` times leaves the values at the roots, and putting the
//! halves together again is `a = (y + z) / 2, b = (y - z) / 2r`. (The number-theoretic transforms of
//! lattice cryptography do the same; Seiler 2018, "Faster AVX2 optimized NTT multiplication".) No value is
//! ever put in the order of its root, because products do not depend on the order.
//!
//! Node t of level L of this tree splits with `r = e^(2 pi i phi)`, `phi(0, 0) = 1/8`,
//! `phi(L+1, 2t) = phi(L, t) / 2`, `phi(L+1, 2t+1) = phi(L, t) / 2 + 1/4`: the root of a right
//! child is that of its left sibling times i.
//!
//! Vectors hold eight neighbouring coefficients down to parts of 64, which are transposed in registers for
//! the last three levels.

use core::f64::consts::TAU;

use super::butterfly::{C, join2, join4, join8, split2, split4, split8};
use super::ends::{Source, Torus};
use crate::engine::complex::{Block, Complex, ComplexLanes};
use crate::lanes::Lanes;

/// Number of levels within a part of 64 coefficients.
const LAST_LEVELS: u32 = 6;
/// The amount by which the double [`TAU`] is less than 2 pi.
const TAU_REST: f64 = 2.449_293_598_294_706_4e-16;
/// Number of blocks of a part.
const PART: usize = 8;

/// The transform of one polynomial size.
#[derive(Debug)]
pub(crate) struct Transform {
    /// Number of blocks of a transformed polynomial, `N / 16`.
    pub(super) blocks: usize,
    /// The root of the first pass if it splits once. Otherwise it splits twice, as all others do.
    once: Option<Root>,
    /// For every pass that splits twice, the roots of each node; see [`split4`].
    twice: Vec<Vec<[Root; 3]>>,
    parts: Vec<Roots>,
}

/// The real and the imaginary part of a root.
pub(super) type Root = (f64, f64);

/// The roots of the last six levels of one part.
#[derive(Debug)]
struct Roots {
    /// The roots of the first three levels; see [`split8`].
    upper: [Root; 7],
    /// The roots of the last three levels, with lane j for the part's j-th block.
    lower: [Block; 7],
}

/// Returns `phi` of a node of a level.
fn phi(level: u32, node: usize) -> f64 {
    let child = |phi: f64, bit| phi / 2.0 + if node >> bit & 1 == 1 { 0.25 } else { 0.0 };
    (0..level).rev().fold(0.125, child)
}

/// Returns `e^(2 pi i phi)` for an exact phi.
pub(super) fn root(phi: f64) -> Root {
    // neither 2 pi nor its product with phi is a double: `angle + rest` is closer by far and makes the
    // roots right to the last bit; otherwise they would cause most of a transform's error
    let phi = phi.fract();
    let angle = TAU * phi;
    let rest = TAU.mul_add(phi, -angle) + TAU_REST * phi;
    let (sin, cos) = angle.sin_cos();
    (cos - rest * sin, sin + rest * cos)
}

/// Returns the roots of two levels below a node; see [`split4`].
fn roots4(level: u32, node: usize) -> [Root; 3] {
    let (r, s) = (phi(level, node), phi(level + 1, 2 * node));
    [s, r, r + s].map(root)
}

/// Returns the roots of three levels below a node; see [`split8`].
fn roots8(level: u32, node: usize) -> [Root; 7] {
    let (r, s) = (phi(level, node), phi(level + 1, 2 * node));
    let t = phi(level + 2, 4 * node);
    [t, s, s + t, r, r + t, r + s, r + s + t].map(root)
}

impl Transform {
    /// Makes the transform of polynomials of `size` coefficients, a power of two of at least 256.
    pub(crate) fn new(size: usize) -> Self {
        let levels = (size / 2).ilog2() - LAST_LEVELS;
        let part = |t: usize| {
            let lanes: [[Root; 7]; 8] = core::array::from_fn(|j| roots8(levels + 3, PART * t + j));
            Roots {
                upper: roots8(levels, t),
                lower: core::array::from_fn(|i| Block {
                    re: lanes.map(|lane| lane[i].0),
                    im: lanes.map(|lane| lane[i].1),
                }),
            }
        };
        let pass = |level: u32| (0..1 << level).map(|t| roots4(level, t)).collect();
        Transform {
            blocks: size / 16,
            once: (levels % 2 == 1).then(|| root(phi(0, 0))),
            twice: (levels % 2..levels).step_by(2).map(pass).collect(),
            parts: (0..1 << levels).map(part).collect(),
        }
    }

    /// Returns the passes after the first: the number of blocks of a node, and the roots of each node.
    fn passes(&self) -> impl DoubleEndedIterator<Item = (usize, &[[Root; 3]])> {
        let first = usize::from(self.once.is_none());
        let passes = self.twice[first..].iter();
        passes.map(|nodes| (self.blocks / nodes.len(), &nodes[..]))
    }
}

/// Transforms the polynomial that `input` gives.
#[inline(always)]
pub(super) fn forward<L: Lanes>(
    lanes: L,
    transform: &Transform,
    input: impl Source<L>,
    out: &mut [Block],
) {
    // the first pass reads from `input` what the others find in `out`
    if let Some(r) = transform.once {
        let (left, right) = out.split_at_mut(transform.blocks / 2);
        let r = lanes.splat_complex(r);
        for b in 0..left.len() {
            let high = input.get(lanes, b + left.len());
            let [y, z] = split2(lanes, r, input.get(lanes, b), high);
            lanes.store_block(&mut left[b], y);
            lanes.store_block(&mut right[b], z);
        }
    } else {
        let quarter = transform.blocks / 4;
        let roots = splat3(lanes, &transform.twice[0][0]);
        let [x0, x1, x2, x3] = quarters(out);
        for b in 0..quarter {
            let x = [
                input.get(lanes, b),
                input.get(lanes, b + quarter),
                input.get(lanes, b + 2 * quarter),
                input.get(lanes, b + 3 * quarter),
            ];
            let [y0, y1, y2, y3] = split4(lanes, roots, x);
            lanes.store_block(&mut x0[b], y0);
            lanes.store_block(&mut x1[b], y1);
            lanes.store_block(&mut x2[b], y2);
            lanes.store_block(&mut x3[b], y3);
        }
    }
    for (size, nodes) in transform.passes() {
        for (node, roots) in out.chunks_exact_mut(size).zip(nodes) {
            let roots = splat3(lanes, roots);
            let [x0, x1, x2, x3] = quarters(node);
            for (((x0, x1), x2), x3) in x0.iter_mut().zip(x1).zip(x2).zip(x3) {
                let x = load4(lanes, x0, x1, x2, x3);
                let [y0, y1, y2, y3] = split4(lanes, roots, x);
                lanes.store_block(x0, y0);
                lanes.store_block(x1, y1);
                lanes.store_block(x2, y2);
                lanes.store_block(x3, y3);
            }
        }
    }
    for (part, roots) in out
        .as_chunks_mut::<PART>()
        .0
        .iter_mut()
        .zip(&transform.parts)
    {
        let x = load8(lanes, part);
        let x = split8(lanes, upper(lanes, roots), x);
        let x = transpose(lanes, x);
        let x = split8(lanes, lower(lanes, roots), x);
        store8(lanes, part, x);
    }
}

/// Transforms back, and adds to `output`. What was transformed comes back `N / 2` times as large.
#[inline(always)]
pub(super) fn backward<L: Lanes>(
    lanes: L,
    transform: &Transform,
    values: &mut [Block],
    mut output: Torus<'_>,
) {
    for (part, roots) in values
        .as_chunks_mut::<PART>()
        .0
        .iter_mut()
        .zip(&transform.parts)
    {
        let x = load8(lanes, part);
        let x = join8(lanes, lower(lanes, roots), x);
        let x = transpose(lanes, x);
        let x = join8(lanes, upper(lanes, roots), x);
        store8(lanes, part, x);
    }
    for (size, nodes) in transform.passes().rev() {
        for (node, roots) in values.chunks_exact_mut(size).zip(nodes) {
            let roots = splat3(lanes, roots);
            let [x0, x1, x2, x3] = quarters(node);
            for (((x0, x1), x2), x3) in x0.iter_mut().zip(x1).zip(x2).zip(x3) {
                let x = load4(lanes, x0, x1, x2, x3);
                let [y0, y1, y2, y3] = join4(lanes, roots, x);
                lanes.store_block(x0, y0);
                lanes.store_block(x1, y1);
                lanes.store_block(x2, y2);
                lanes.store_block(x3, y3);
            }
        }
    }
    if let Some(r) = transform.once {
        let (left, right) = values.split_at(transform.blocks / 2);
        let r = lanes.splat_complex(r);
        for (b, (y, z)) in left.iter().zip(right).enumerate() {
            let [x0, x1] = join2(lanes, r, lanes.load_block(y), lanes.load_block(z));
            output.add(lanes, b, x0);
            output.add(lanes, b + left.len(), x1);
        }
    } else {
        let quarter = transform.blocks / 4;
        let roots = splat3(lanes, &transform.twice[0][0]);
        let [x0, x1, x2, x3] = quarters(values);
        for b in 0..quarter {
            let x = load4(lanes, &x0[b], &x1[b], &x2[b], &x3[b]);
            let [y0, y1, y2, y3] = join4(lanes, roots, x);
            output.add(lanes, b, y0);
            output.add(lanes, b + quarter, y1);
            output.add(lanes, b + 2 * quarter, y2);
            output.add(lanes, b + 3 * quarter, y3);
        }
    }
}

#[inline(always)]
fn quarters(blocks: &mut [Block]) -> [&mut [Block]; 4] {
    let quarter = blocks.len() / 4;
    let (left, right) = blocks.split_at_mut(2 * quarter);
    let (x0, x1) = left.split_at_mut(quarter);
    let (x2, x3) = right.split_at_mut(quarter);
    [x0, x1, &mut x2[..quarter], &mut x3[..quarter]]
}

#[inline(always)]
fn load4<L: Lanes>(lanes: L, x0: &Block, x1: &Block, x2: &Block, x3: &Block) -> [C<L>; 4] {
    [
        lanes.load_block(x0),
        lanes.load_block(x1),
        lanes.load_block(x2),
        lanes.load_block(x3),
    ]
}

#[inline(always)]
fn load8<L: Lanes>(lanes: L, part: &[Block; PART]) -> [C<L>; 8] {
    let [x0, x1, x2, x3, x4, x5, x6, x7] = part;
    let [x0, x1, x2, x3] = load4(lanes, x0, x1, x2, x3);
    let [x4, x5, x6, x7] = load4(lanes, x4, x5, x6, x7);
    [x0, x1, x2, x3, x4, x5, x6, x7]
}

#[inline(always)]
fn store8<L: Lanes>(lanes: L, part: &mut [Block; PART], x: [C<L>; 8]) {
    for (to, x) in part.iter_mut().zip(x) {
        lanes.store_block(to, x);
    }
}

#[inline(always)]
fn splat3<L: Lanes>(lanes: L, roots: &[Root; 3]) -> [C<L>; 3] {
    [
        lanes.splat_complex(roots[0]),
        lanes.splat_complex(roots[1]),
        lanes.splat_complex(roots[2]),
    ]
}

#[inline(always)]
fn upper<L: Lanes>(lanes: L, roots: &Roots) -> [C<L>; 7] {
    let mut all = [lanes.splat_complex(roots.upper[0]); 7];
    for (to, &root) in all.iter_mut().zip(&roots.upper) {
        *to = lanes.splat_complex(root);
    }
    all
}

#[inline(always)]
fn lower<L: Lanes>(lanes: L, roots: &Roots) -> [C<L>; 7] {
    let mut all = [lanes.load_block(&roots.lower[0]); 7];
    for (to, root) in all.iter_mut().zip(&roots.lower) {
        *to = lanes.load_block(root);
    }
    all
}

#[inline(always)]
fn transpose<L: Lanes>(lanes: L, [x0, x1, x2, x3, x4, x5, x6, x7]: [C<L>; 8]) -> [C<L>; 8] {
    let re = [x0.re, x1.re, x2.re, x3.re, x4.re, x5.re, x6.re, x7.re];
    let im = [x0.im, x1.im, x2.im, x3.im, x4.im, x5.im, x6.im, x7.im];
    let (re, im) = (lanes.transpose(re), lanes.transpose(im));
    let mut x = [x0; 8];
    for (i, x) in x.iter_mut().enumerate() {
        *x = Complex {
            re: re[i],
            im: im[i],
        };
    }
    x
}
