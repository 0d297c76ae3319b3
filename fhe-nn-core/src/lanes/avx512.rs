//! Eight doubles in one register.

use pulp::x86::V4;
use pulp::{cast, f64x8, u32x16, u64x8};

use super::{EXPONENT, Kernel, Lanes, half};

/// `2^64`, the number of elements of the torus in a turn.
const TURN: f64 = 18_446_744_073_709_551_616.0;

/// Processors with AVX-512 (F, DQ, BW, CD, VL).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx512(pub(crate) V4);

/// Gives a [`Kernel`] to pulp.
struct Job<K>(Avx512, K);

impl<K: Kernel> pulp::NullaryFnOnce for Job<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.1.run(self.0)
    }
}

impl Avx512 {
    /// Returns the even lanes of both, in turns, and the odd ones.
    #[inline(always)]
    fn unpack(self, a: f64x8, b: f64x8) -> (f64x8, f64x8) {
        let f = self.0.avx512f;
        (
            cast(f._mm512_unpacklo_pd(cast(a), cast(b))),
            cast(f._mm512_unpackhi_pd(cast(a), cast(b))),
        )
    }

    /// Returns the even pairs of lanes of both, one after the other, and the odd ones.
    #[inline(always)]
    fn quarters(self, a: f64x8, b: f64x8) -> (f64x8, f64x8) {
        let f = self.0.avx512f;
        (
            cast(f._mm512_shuffle_f64x2::<0b10_00_10_00>(cast(a), cast(b))),
            cast(f._mm512_shuffle_f64x2::<0b11_01_11_01>(cast(a), cast(b))),
        )
    }
}

impl Lanes for Avx512 {
    type V = f64x8;
    type W = u64x8;
    type H = u32x16;

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        pulp::Simd::vectorize(self.0, Job(self, kernel))
    }

    #[inline(always)]
    fn splat(self, x: f64) -> f64x8 {
        self.0.splat_f64x8(x)
    }

    #[inline(always)]
    fn load(self, from: &[f64; 8]) -> f64x8 {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f64; 8], x: f64x8) {
        *to = cast(x);
    }

    #[inline(always)]
    fn add(self, a: f64x8, b: f64x8) -> f64x8 {
        cast(self.0.avx512f._mm512_add_pd(cast(a), cast(b)))
    }

    #[inline(always)]
    fn sub(self, a: f64x8, b: f64x8) -> f64x8 {
        cast(self.0.avx512f._mm512_sub_pd(cast(a), cast(b)))
    }

    #[inline(always)]
    fn mul(self, a: f64x8, b: f64x8) -> f64x8 {
        cast(self.0.avx512f._mm512_mul_pd(cast(a), cast(b)))
    }

    #[inline(always)]
    fn mul_add(self, a: f64x8, b: f64x8, c: f64x8) -> f64x8 {
        self.0.mul_add_f64x8(a, b, c)
    }

    #[inline(always)]
    fn mul_sub(self, a: f64x8, b: f64x8, c: f64x8) -> f64x8 {
        self.0.mul_sub_f64x8(a, b, c)
    }

    #[inline(always)]
    fn negate_mul_add(self, a: f64x8, b: f64x8, c: f64x8) -> f64x8 {
        self.0.negate_mul_add_f64x8(a, b, c)
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d, e, f, g, h]: [f64x8; 8]) -> [f64x8; 8] {
        // pairs of lanes, then pairs of pairs, then halves
        let ((a, b), (c, d)) = (self.unpack(a, b), self.unpack(c, d));
        let ((e, f), (g, h)) = (self.unpack(e, f), self.unpack(g, h));
        let ((a, c), (b, d)) = (self.quarters(a, c), self.quarters(b, d));
        let ((e, g), (f, h)) = (self.quarters(e, g), self.quarters(f, h));
        let ((x0, x4), (x1, x5)) = (self.quarters(a, e), self.quarters(b, f));
        let ((x2, x6), (x3, x7)) = (self.quarters(c, g), self.quarters(d, h));
        [x0, x1, x2, x3, x4, x5, x6, x7]
    }

    #[inline(always)]
    fn zero_words(self) -> u64x8 {
        self.0.splat_u64x8(0)
    }

    #[inline(always)]
    fn load_words(self, from: &[u64; 8]) -> u64x8 {
        cast(*from)
    }

    #[inline(always)]
    fn store_words(self, to: &mut [u64; 8], x: u64x8) {
        *to = cast(x);
    }

    #[inline(always)]
    fn add_words(self, a: u64x8, b: u64x8) -> u64x8 {
        self.0.wrapping_add_u64x8(a, b)
    }

    #[inline(always)]
    fn sub_words(self, a: u64x8, b: u64x8) -> u64x8 {
        self.0.wrapping_sub_u64x8(a, b)
    }

    #[inline(always)]
    fn mul_add_words(self, a: u32, b: u64x8, c: u64x8) -> u64x8 {
        let a = self.0.splat_u64x8(u64::from(a));
        let product = self.0.avx512dq._mm512_mullo_epi64(cast(a), cast(b));
        self.0.wrapping_add_u64x8(c, cast(product))
    }

    #[inline(always)]
    fn digit(self, word: u64x8, shift: u32, mask: u64) -> f64x8 {
        let simd = self.0;
        let shifted = simd.shr_dyn_u64x8(word, simd.splat_u64x8(u64::from(shift)));
        let digit = simd.and_u64x8(shifted, simd.splat_u64x8(mask));
        let double = simd.or_u64x8(digit, simd.splat_u64x8(EXPONENT.to_bits()));
        self.sub(cast(double), self.splat(EXPONENT + half(mask)))
    }

    #[inline(always)]
    fn add_torus(self, to: &mut [u64; 8], x: f64x8) {
        let turns = cast(self.0.avx512f._mm512_roundscale_pd::<0>(cast(x)));
        let rest = self.mul(self.sub(x, turns), self.splat(TURN));
        let words = self.0.avx512dq._mm512_cvtpd_epi64(cast(rest));
        *to = cast(self.0.wrapping_add_u64x8(cast(*to), cast(words)));
    }

    #[inline(always)]
    fn zero_halves(self) -> u32x16 {
        self.0.splat_u32x16(0)
    }

    #[inline(always)]
    fn load_halves(self, from: &[u32; 16]) -> u32x16 {
        cast(*from)
    }

    #[inline(always)]
    fn store_halves(self, to: &mut [u32; 16], x: u32x16) {
        *to = cast(x);
    }

    #[inline(always)]
    fn negate_mul_add_halves(self, a: u32, b: u32x16, c: u32x16) -> u32x16 {
        let f = self.0.avx512f;
        let product = f._mm512_mullo_epi32(cast(self.0.splat_u32x16(a)), cast(b));
        cast(f._mm512_sub_epi32(cast(c), product))
    }
}
