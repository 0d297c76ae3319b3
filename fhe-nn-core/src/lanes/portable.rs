//! Plain arrays, which the compiler keeps in whatever registers there are.

use super::{EXPONENT, HALF_WORD, Kernel, Lanes, ONES, half};

/// Any processor, with the instructions that all of its architecture have: those of AVX2 and AVX-512 have
/// lanes of their own, so nothing is compiled for them here again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

macro_rules! each {
    ($i:ident, $x:expr) => {{
        let mut lanes = [0.0; 8];
        for ($i, lane) in lanes.iter_mut().enumerate() {
            *lane = $x;
        }
        lanes
    }};
}

impl Lanes for Portable {
    type V = [f64; 8];
    type W = [u64; 8];
    type H = [u32; 16];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, x: f64) -> [f64; 8] {
        [x; 8]
    }

    #[inline(always)]
    fn load(self, from: &[f64; 8]) -> [f64; 8] {
        *from
    }

    #[inline(always)]
    fn store(self, to: &mut [f64; 8], x: [f64; 8]) {
        *to = x;
    }

    #[inline(always)]
    fn add(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(i, a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(i, a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f64; 8], b: [f64; 8]) -> [f64; 8] {
        each!(i, a[i] * b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: [f64; 8], b: [f64; 8], c: [f64; 8]) -> [f64; 8] {
        each!(i, a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn mul_sub(self, a: [f64; 8], b: [f64; 8], c: [f64; 8]) -> [f64; 8] {
        each!(i, a[i] * b[i] - c[i])
    }

    #[inline(always)]
    fn negate_mul_add(self, a: [f64; 8], b: [f64; 8], c: [f64; 8]) -> [f64; 8] {
        each!(i, c[i] - a[i] * b[i])
    }

    #[inline(always)]
    fn transpose(self, rows: [[f64; 8]; 8]) -> [[f64; 8]; 8] {
        let mut columns = [[0.0; 8]; 8];
        for (i, column) in columns.iter_mut().enumerate() {
            *column = each!(j, rows[j][i]);
        }
        columns
    }

    #[inline(always)]
    fn zero_words(self) -> [u64; 8] {
        [0; 8]
    }

    #[inline(always)]
    fn load_words(self, from: &[u64; 8]) -> [u64; 8] {
        *from
    }

    #[inline(always)]
    fn store_words(self, to: &mut [u64; 8], x: [u64; 8]) {
        *to = x;
    }

    #[inline(always)]
    fn add_words(self, mut a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        for (a, b) in a.iter_mut().zip(b) {
            *a = a.wrapping_add(b);
        }
        a
    }

    #[inline(always)]
    fn sub_words(self, mut a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        for (a, b) in a.iter_mut().zip(b) {
            *a = a.wrapping_sub(b);
        }
        a
    }

    #[inline(always)]
    fn mul_add_words(self, a: u32, b: [u64; 8], mut c: [u64; 8]) -> [u64; 8] {
        for (c, b) in c.iter_mut().zip(b) {
            *c = c.wrapping_add(u64::from(a).wrapping_mul(b));
        }
        c
    }

    #[inline(always)]
    fn digit(self, word: [u64; 8], shift: u32, mask: u64) -> [f64; 8] {
        let least = EXPONENT + half(mask);
        each!(
            i,
            f64::from_bits(word[i] >> shift & mask | EXPONENT.to_bits()) - least
        )
    }

    #[inline(always)]
    fn add_torus(self, to: &mut [u64; 8], x: [f64; 8]) {
        for (to, x) in to.iter_mut().zip(x) {
            // adding `ONES` rounds to ones, which then are the low bits of the double
            let rest = (x - ((x + ONES) - ONES)) * HALF_WORD;
            let high = rest + ONES;
            let low = (rest - (high - ONES)) * HALF_WORD + ONES;
            let high = high.to_bits().wrapping_sub(ONES.to_bits()) << 32;
            let low = low.to_bits().wrapping_sub(ONES.to_bits());
            *to = to.wrapping_add(high).wrapping_add(low);
        }
    }

    #[inline(always)]
    fn zero_halves(self) -> [u32; 16] {
        [0; 16]
    }

    #[inline(always)]
    fn load_halves(self, from: &[u32; 16]) -> [u32; 16] {
        *from
    }

    #[inline(always)]
    fn store_halves(self, to: &mut [u32; 16], x: [u32; 16]) {
        *to = x;
    }

    #[inline(always)]
    fn negate_mul_add_halves(self, a: u32, b: [u32; 16], mut c: [u32; 16]) -> [u32; 16] {
        for (c, b) in c.iter_mut().zip(b) {
            *c = c.wrapping_sub(a.wrapping_mul(b));
        }
        c
    }
}
