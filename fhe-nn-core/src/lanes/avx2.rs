//! Eight doubles in two registers.

use pulp::x86::V3;
use pulp::{cast, f64x4, u32x8, u64x4};

use super::{EXPONENT, HALF_WORD, Kernel, Lanes, ONES, half};

/// Processors with AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Avx2(pub(crate) V3);

/// Gives a [`Kernel`] to pulp.
struct Job<K>(Avx2, K);

impl<K: Kernel> pulp::NullaryFnOnce for Job<K> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.1.run(self.0)
    }
}

impl Avx2 {
    #[inline(always)]
    fn transpose4(self, [a, b, c, d]: [f64x4; 4]) -> [f64x4; 4] {
        let simd = self.0.avx;
        // pairs of lanes, then halves
        let ab = simd._mm256_unpacklo_pd(cast(a), cast(b));
        let ba = simd._mm256_unpackhi_pd(cast(a), cast(b));
        let cd = simd._mm256_unpacklo_pd(cast(c), cast(d));
        let dc = simd._mm256_unpackhi_pd(cast(c), cast(d));
        [
            cast(simd._mm256_permute2f128_pd::<0b10_0000>(ab, cd)),
            cast(simd._mm256_permute2f128_pd::<0b10_0000>(ba, dc)),
            cast(simd._mm256_permute2f128_pd::<0b11_0001>(ab, cd)),
            cast(simd._mm256_permute2f128_pd::<0b11_0001>(ba, dc)),
        ]
    }

    #[inline(always)]
    fn digit4(self, word: u64x4, shift: u32, mask: u64) -> f64x4 {
        let simd = self.0;
        let shifted = simd.shr_dyn_u64x4(word, simd.splat_u64x4(u64::from(shift)));
        let digit = simd.and_u64x4(shifted, simd.splat_u64x4(mask));
        let double = simd.or_u64x4(digit, simd.splat_u64x4(EXPONENT.to_bits()));
        simd.sub_f64x4(cast(double), simd.splat_f64x4(EXPONENT + half(mask)))
    }

    /// See `Portable::add_torus`.
    #[inline(always)]
    fn torus4(self, x: f64x4) -> u64x4 {
        let simd = self.0;
        let (ones, word) = (simd.splat_f64x4(ONES), simd.splat_f64x4(HALF_WORD));
        let turns = simd.sub_f64x4(simd.add_f64x4(x, ones), ones);
        let rest = simd.mul_f64x4(simd.sub_f64x4(x, turns), word);
        let high = simd.add_f64x4(rest, ones);
        let below = simd.sub_f64x4(rest, simd.sub_f64x4(high, ones));
        let low = simd.add_f64x4(simd.mul_f64x4(below, word), ones);
        let zero = simd.splat_u64x4(ONES.to_bits());
        let high = simd.shl_const_u64x4::<32>(simd.wrapping_sub_u64x4(cast(high), zero));
        simd.wrapping_add_u64x4(high, simd.wrapping_sub_u64x4(cast(low), zero))
    }

    /// `a b + c` modulo `2^64` for a below `2^32`, from products of 32 bits: that of the lower half of b, and that of
    /// its upper half, moved up by 32 bits.
    #[inline(always)]
    fn mul_add4(self, a: u64x4, b: u64x4, c: u64x4) -> u64x4 {
        let simd = self.0;
        let high = simd.shr_const_u64x4::<32>(b);
        let low = cast(simd.avx2._mm256_mul_epu32(cast(a), cast(b)));
        let high = cast(simd.avx2._mm256_mul_epu32(cast(a), cast(high)));
        let sum = simd.wrapping_add_u64x4(c, low);
        simd.wrapping_add_u64x4(sum, simd.shl_const_u64x4::<32>(high))
    }

    #[inline(always)]
    fn negate_mul_add8(self, a: u32x8, b: u32x8, c: u32x8) -> u32x8 {
        let simd = self.0;
        simd.wrapping_sub_u32x8(c, simd.wrapping_mul_u32x8(a, b))
    }
}

impl Lanes for Avx2 {
    type V = [f64x4; 2];
    type W = [u64x4; 2];
    type H = [u32x8; 2];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        pulp::Simd::vectorize(self.0, Job(self, kernel))
    }

    #[inline(always)]
    fn splat(self, x: f64) -> Self::V {
        [self.0.splat_f64x4(x); 2]
    }

    #[inline(always)]
    fn load(self, from: &[f64; 8]) -> Self::V {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f64; 8], x: Self::V) {
        *to = cast(x);
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        [self.0.add_f64x4(a[0], b[0]), self.0.add_f64x4(a[1], b[1])]
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        [self.0.sub_f64x4(a[0], b[0]), self.0.sub_f64x4(a[1], b[1])]
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        [self.0.mul_f64x4(a[0], b[0]), self.0.mul_f64x4(a[1], b[1])]
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let simd = self.0;
        [
            simd.mul_add_f64x4(a[0], b[0], c[0]),
            simd.mul_add_f64x4(a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn mul_sub(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let simd = self.0;
        [
            simd.mul_sub_f64x4(a[0], b[0], c[0]),
            simd.mul_sub_f64x4(a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn negate_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let simd = self.0;
        [
            simd.negate_mul_add_f64x4(a[0], b[0], c[0]),
            simd.negate_mul_add_f64x4(a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn transpose(self, [a, b, c, d, e, f, g, h]: [Self::V; 8]) -> [Self::V; 8] {
        let [a0, a1, a2, a3] = self.transpose4([a[0], b[0], c[0], d[0]]);
        let [a4, a5, a6, a7] = self.transpose4([a[1], b[1], c[1], d[1]]);
        let [e0, e1, e2, e3] = self.transpose4([e[0], f[0], g[0], h[0]]);
        let [e4, e5, e6, e7] = self.transpose4([e[1], f[1], g[1], h[1]]);
        [
            [a0, e0],
            [a1, e1],
            [a2, e2],
            [a3, e3],
            [a4, e4],
            [a5, e5],
            [a6, e6],
            [a7, e7],
        ]
    }

    #[inline(always)]
    fn zero_words(self) -> Self::W {
        [self.0.splat_u64x4(0); 2]
    }

    #[inline(always)]
    fn load_words(self, from: &[u64; 8]) -> Self::W {
        cast(*from)
    }

    #[inline(always)]
    fn store_words(self, to: &mut [u64; 8], x: Self::W) {
        *to = cast(x);
    }

    #[inline(always)]
    fn add_words(self, a: Self::W, b: Self::W) -> Self::W {
        let simd = self.0;
        [
            simd.wrapping_add_u64x4(a[0], b[0]),
            simd.wrapping_add_u64x4(a[1], b[1]),
        ]
    }

    #[inline(always)]
    fn sub_words(self, a: Self::W, b: Self::W) -> Self::W {
        let simd = self.0;
        [
            simd.wrapping_sub_u64x4(a[0], b[0]),
            simd.wrapping_sub_u64x4(a[1], b[1]),
        ]
    }

    #[inline(always)]
    fn mul_add_words(self, a: u32, b: Self::W, c: Self::W) -> Self::W {
        let a = self.0.splat_u64x4(u64::from(a));
        [self.mul_add4(a, b[0], c[0]), self.mul_add4(a, b[1], c[1])]
    }

    #[inline(always)]
    fn digit(self, word: Self::W, shift: u32, mask: u64) -> Self::V {
        [
            self.digit4(word[0], shift, mask),
            self.digit4(word[1], shift, mask),
        ]
    }

    #[inline(always)]
    fn add_torus(self, to: &mut [u64; 8], x: Self::V) {
        let words: Self::W = cast(*to);
        *to = cast([
            self.0.wrapping_add_u64x4(words[0], self.torus4(x[0])),
            self.0.wrapping_add_u64x4(words[1], self.torus4(x[1])),
        ]);
    }

    #[inline(always)]
    fn zero_halves(self) -> Self::H {
        [self.0.splat_u32x8(0); 2]
    }

    #[inline(always)]
    fn load_halves(self, from: &[u32; 16]) -> Self::H {
        cast(*from)
    }

    #[inline(always)]
    fn store_halves(self, to: &mut [u32; 16], x: Self::H) {
        *to = cast(x);
    }

    #[inline(always)]
    fn negate_mul_add_halves(self, a: u32, b: Self::H, c: Self::H) -> Self::H {
        let a = self.0.splat_u32x8(a);
        [
            self.negate_mul_add8(a, b[0], c[0]),
            self.negate_mul_add8(a, b[1], c[1]),
        ]
    }
}
