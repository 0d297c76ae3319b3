//! The negacyclic Fourier transform: real polynomials modulo `X^N + 1` at its complex roots.
//!
//! With `i = X^(N/2)`, a real polynomial is a complex one of `M = N/2` coefficients
//! `z_c = x_c + i x_(c+M)` modulo `X^M - i`. A polynomial modulo `X^m - w` has the remainders
//!
//! `a + r b` modulo `X^(m/2) - r` and `a - r b` modulo `X^(m/2) + r`, `r = sqrt w`,
//!
//! for its halves a and b; splitting `log2 M` times leaves the values at the roots, and putting
//! together again is `a = (y + z) / 2, b = (y - z) / 2r`. (The number-theoretic transforms of
//! lattice cryptography do the same; Seiler 2018, "Faster AVX2 optimized NTT multiplication".)
//! No value is ever put in the order of its root: products do not care.
//!
//! Node t of level L of this tree splits with `r = e^(2 pi i phi)`, `phi(0, 0) = 1/8`,
//! `phi(L+1, 2t) = phi(L, t) / 2`, `phi(L+1, 2t+1) = phi(L, t) / 2 + 1/4`: the root of a right
//! child is that of its left sibling times i.
//!
//! Vectors hold eight neighbouring coefficients down to parts of 64; these are transposed in
//! registers for the last three levels.

use core::f64::consts::TAU;

use super::butterfly::{C, join2, join4, join8, split2, split4, split8};
use crate::encrypted::lanes::{Block, Complex, ComplexLanes, Kernel, Lanes};

/// Levels within a part of 64 coefficients.
const LAST_LEVELS: u32 = 6;
/// Blocks of a part.
const PART: usize = 8;

/// The transform of one polynomial size.
#[derive(Debug)]
pub(crate) struct Transform {
    /// Blocks of a transformed polynomial, `N / 16`.
    blocks: usize,
    /// Whether the first pass splits once, else twice.
    odd: bool,
    /// For each node of every level above the parts: r.
    nodes: Vec<Vec<(f64, f64)>>,
    parts: Vec<Roots>,
}

/// The roots of the last six levels of one part.
#[derive(Debug)]
struct Roots {
    /// Of its first three levels, see [`split8`].
    upper: [(f64, f64); 4],
    /// Of its last three, lane j for the part's j-th block.
    lower: [Block; 4],
}

/// `e^(2 pi i phi)` for node t of a level.
fn root(level: u32, node: usize) -> (f64, f64) {
    let mut phi = 0.125;
    for bit in (0..level).rev() {
        phi = phi / 2.0 + if node >> bit & 1 == 1 { 0.25 } else { 0.0 };
    }
    ((TAU * phi).cos(), (TAU * phi).sin())
}

/// The four roots that three levels below a node need: its own, that of its left child, and those
/// of the left child of either.
fn roots(level: u32, node: usize) -> [(f64, f64); 4] {
    [
        root(level, node),
        root(level + 1, 2 * node),
        root(level + 2, 4 * node),
        root(level + 2, 4 * node + 2),
    ]
}

impl Transform {
    /// For polynomials of `size` coefficients, a power of two of at least 256.
    pub(crate) fn new(size: usize) -> Self {
        let levels = (size / 2).ilog2() - LAST_LEVELS;
        let part = |t: usize| {
            let lanes: [[(f64, f64); 4]; 8] =
                core::array::from_fn(|j| roots(levels + 3, PART * t + j));
            Roots {
                upper: roots(levels, t),
                lower: core::array::from_fn(|i| Block {
                    re: lanes.map(|lane| lane[i].0),
                    im: lanes.map(|lane| lane[i].1),
                }),
            }
        };
        Transform {
            blocks: size / 16,
            odd: levels % 2 == 1,
            nodes: (0..levels)
                .map(|level| (0..1 << level).map(|t| root(level, t)).collect())
                .collect(),
            parts: (0..1 << levels).map(part).collect(),
        }
    }
}

/// Cuts a polynomial over the torus into digits and transforms these: `levels` polynomials, the
/// most significant digits first.
pub(crate) struct Digits<'a> {
    pub(crate) transform: &'a Transform,
    /// The coefficients, with [`offset`] added.
    pub(crate) words: &'a [[u64; 8]],
    pub(crate) base_log: u32,
    pub(crate) levels: u32,
    /// Blocks from one polynomial of `out` to the next.
    pub(crate) stride: usize,
    pub(crate) out: &'a mut [Block],
}

/// What is added to an element of the torus so that its bits are its digits, each too large by
/// half of its base: these halves, and half of the last digit's place to round.
pub(crate) fn offset(base_log: u32, levels: u32) -> u64 {
    let halves = (1..=levels).map(|level| 1u64 << (base_log - 1) << (64 - base_log * level));
    let rounding = 1u64 << (63 - base_log * levels);
    halves.fold(rounding, u64::wrapping_add)
}

impl Kernel for Digits<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let blocks = self.transform.blocks;
        let mask = (1u64 << self.base_log) - 1;
        let (low, high) = self.words.split_at(blocks);
        for (level, out) in (1..=self.levels).zip(self.out.chunks_exact_mut(self.stride)) {
            let shift = 64 - self.base_log * level;
            let digits = DigitsOf {
                low,
                high,
                shift,
                mask,
            };
            forward(lanes, self.transform, digits, &mut out[..blocks]);
        }
    }
}

/// Transforms a real polynomial.
pub(crate) struct Reals<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) coefficients: &'a [[f64; 8]],
    pub(crate) out: &'a mut [Block],
}

impl Kernel for Reals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let blocks = self.transform.blocks;
        let (low, high) = self.coefficients.split_at(blocks);
        forward(lanes, self.transform, RealsOf { low, high }, self.out);
    }
}

/// Transforms back, and adds the coefficients, in turns of the torus, to elements of it. What was
/// transformed comes back `N / 2` times as large.
pub(crate) struct Back<'a> {
    pub(crate) transform: &'a Transform,
    pub(crate) values: &'a mut [Block],
    pub(crate) to: &'a mut [[u64; 8]],
}

impl Kernel for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let blocks = self.transform.blocks;
        let (low, high) = self.to.split_at_mut(blocks);
        backward(lanes, self.transform, self.values, Torus { low, high });
    }
}

/// Where the first pass of a transform reads. (A trait and no closure: what is not inlined is not
/// compiled for the processor.)
trait Source<L: Lanes> {
    fn get(&self, lanes: L, block: usize) -> Complex<L::V>;
}

struct DigitsOf<'a> {
    low: &'a [[u64; 8]],
    high: &'a [[u64; 8]],
    shift: u32,
    mask: u64,
}

impl<L: Lanes> Source<L> for DigitsOf<'_> {
    #[inline(always)]
    fn get(&self, lanes: L, block: usize) -> Complex<L::V> {
        Complex {
            re: lanes.digit(lanes.load_words(&self.low[block]), self.shift, self.mask),
            im: lanes.digit(lanes.load_words(&self.high[block]), self.shift, self.mask),
        }
    }
}

struct RealsOf<'a> {
    low: &'a [[f64; 8]],
    high: &'a [[f64; 8]],
}

impl<L: Lanes> Source<L> for RealsOf<'_> {
    #[inline(always)]
    fn get(&self, lanes: L, block: usize) -> Complex<L::V> {
        Complex {
            re: lanes.load(&self.low[block]),
            im: lanes.load(&self.high[block]),
        }
    }
}

/// Where the last pass back adds.
struct Torus<'a> {
    low: &'a mut [[u64; 8]],
    high: &'a mut [[u64; 8]],
}

impl Torus<'_> {
    #[inline(always)]
    fn add<L: Lanes>(&mut self, lanes: L, block: usize, z: Complex<L::V>) {
        lanes.add_torus(&mut self.low[block], z.re);
        lanes.add_torus(&mut self.high[block], z.im);
    }
}

#[inline(always)]
fn forward<L: Lanes>(lanes: L, transform: &Transform, input: impl Source<L>, out: &mut [Block]) {
    let nodes = &transform.nodes;
    // the first pass reads what the others find in `out`
    let first = if transform.odd {
        let (left, right) = out.split_at_mut(transform.blocks / 2);
        let r = lanes.splat_complex(nodes[0][0]);
        for b in 0..left.len() {
            let [y, z] = split2(
                lanes,
                r,
                input.get(lanes, b),
                input.get(lanes, b + left.len()),
            );
            lanes.store_block(&mut left[b], y);
            lanes.store_block(&mut right[b], z);
        }
        1
    } else {
        let quarter = transform.blocks / 4;
        let (r, r1) = (
            lanes.splat_complex(nodes[0][0]),
            lanes.splat_complex(nodes[1][0]),
        );
        let [x0, x1, x2, x3] = quarters(out);
        for b in 0..quarter {
            let x = [
                input.get(lanes, b),
                input.get(lanes, b + quarter),
                input.get(lanes, b + 2 * quarter),
                input.get(lanes, b + 3 * quarter),
            ];
            let [y0, y1, y2, y3] = split4(lanes, r, r1, x);
            lanes.store_block(&mut x0[b], y0);
            lanes.store_block(&mut x1[b], y1);
            lanes.store_block(&mut x2[b], y2);
            lanes.store_block(&mut x3[b], y3);
        }
        2
    };
    for level in (first..nodes.len()).step_by(2) {
        let size = transform.blocks >> level;
        for (t, node) in out.chunks_exact_mut(size).enumerate() {
            let r = lanes.splat_complex(nodes[level][t]);
            let r1 = lanes.splat_complex(nodes[level + 1][2 * t]);
            let [x0, x1, x2, x3] = quarters(node);
            for (((x0, x1), x2), x3) in x0.iter_mut().zip(x1).zip(x2).zip(x3) {
                let x = load4(lanes, x0, x1, x2, x3);
                let [y0, y1, y2, y3] = split4(lanes, r, r1, x);
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

#[inline(always)]
fn backward<L: Lanes>(
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
    let nodes = &transform.nodes;
    let first = if transform.odd { 1 } else { 2 };
    for level in (first..nodes.len()).step_by(2).rev() {
        let size = transform.blocks >> level;
        for (t, node) in values.chunks_exact_mut(size).enumerate() {
            let r = lanes.splat_complex(nodes[level][t]);
            let r1 = lanes.splat_complex(nodes[level + 1][2 * t]);
            let [x0, x1, x2, x3] = quarters(node);
            for (((x0, x1), x2), x3) in x0.iter_mut().zip(x1).zip(x2).zip(x3) {
                let x = load4(lanes, x0, x1, x2, x3);
                let [y0, y1, y2, y3] = join4(lanes, r, r1, x);
                lanes.store_block(x0, y0);
                lanes.store_block(x1, y1);
                lanes.store_block(x2, y2);
                lanes.store_block(x3, y3);
            }
        }
    }
    if transform.odd {
        let (left, right) = values.split_at(transform.blocks / 2);
        let r = lanes.splat_complex(nodes[0][0]);
        for (b, (y, z)) in left.iter().zip(right).enumerate() {
            let [x0, x1] = join2(lanes, r, lanes.load_block(y), lanes.load_block(z));
            output.add(lanes, b, x0);
            output.add(lanes, b + left.len(), x1);
        }
    } else {
        let quarter = transform.blocks / 4;
        let (r, r1) = (
            lanes.splat_complex(nodes[0][0]),
            lanes.splat_complex(nodes[1][0]),
        );
        let [x0, x1, x2, x3] = quarters(values);
        for b in 0..quarter {
            let x = load4(lanes, &x0[b], &x1[b], &x2[b], &x3[b]);
            let [y0, y1, y2, y3] = join4(lanes, r, r1, x);
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
fn upper<L: Lanes>(lanes: L, roots: &Roots) -> [C<L>; 4] {
    let [r, r1, r2, r3] = roots.upper;
    [
        lanes.splat_complex(r),
        lanes.splat_complex(r1),
        lanes.splat_complex(r2),
        lanes.splat_complex(r3),
    ]
}

#[inline(always)]
fn lower<L: Lanes>(lanes: L, roots: &Roots) -> [C<L>; 4] {
    let [r, r1, r2, r3] = &roots.lower;
    load4(lanes, r, r1, r2, r3)
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
