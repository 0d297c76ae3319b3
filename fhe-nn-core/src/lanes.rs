//! Vectors of numbers, with the operations that transforms and products need from a processor.
//!
//! One algorithm is written over [`Lanes`], whether it is the server's or the client's. `Avx512` keeps eight doubles in
//! one register, `Avx2` in two, and [`Portable`] in as many as the compiler finds. A client that is built without the
//! engine has plain arrays alone.

#[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
mod avx2;
#[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
mod avx512;
mod portable;

#[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
pub(crate) use avx2::Avx2;
#[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// Arithmetic on vectors. Code that is not inlined into a [`Kernel`] is not compiled for the processor, so
/// every implementation is inlined, and kernels call no closures.
pub(crate) trait Lanes: Copy + Send + Sync {
    /// Eight doubles.
    type V: Copy;
    /// Eight 64-bit integers.
    type W: Copy;
    /// Sixteen 32-bit integers.
    type H: Copy;

    /// Runs a kernel, compiled for this processor.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

    fn splat(self, x: f64) -> Self::V;
    fn load(self, from: &[f64; 8]) -> Self::V;
    fn store(self, to: &mut [f64; 8], x: Self::V);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a b + c`
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a b - c`
    fn mul_sub(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `c - a b`
    fn negate_mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Lane j of number i becomes lane i of number j.
    fn transpose(self, rows: [Self::V; 8]) -> [Self::V; 8];

    fn zero_words(self) -> Self::W;
    fn load_words(self, from: &[u64; 8]) -> Self::W;
    fn store_words(self, to: &mut [u64; 8], x: Self::W);
    /// `a + b` modulo `2^64`
    fn add_words(self, a: Self::W, b: Self::W) -> Self::W;
    /// `a - b` modulo `2^64`
    fn sub_words(self, a: Self::W, b: Self::W) -> Self::W;
    /// `a b + c` modulo `2^64`
    fn mul_add_words(self, a: u32, b: Self::W, c: Self::W) -> Self::W;
    /// Returns the digit `(word >> shift) & mask` less half of its base, as a double. Digits have less than
    /// 52 bits, so under the exponent of `2^52` they are a double already.
    fn digit(self, word: Self::W, shift: u32, mask: u64) -> Self::V;
    /// Adds real numbers, in turns of the torus, to elements of the torus.
    fn add_torus(self, to: &mut [u64; 8], x: Self::V);

    fn zero_halves(self) -> Self::H;
    fn load_halves(self, from: &[u32; 16]) -> Self::H;
    fn store_halves(self, to: &mut [u32; 16], x: Self::H);
    /// `c - a b` modulo `2^32`
    fn negate_mul_add_halves(self, a: u32, b: Self::H, c: Self::H) -> Self::H;
}

/// The code that runs under [`Lanes::run`].
pub(crate) trait Kernel {
    type Output;
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// `2^52`: doubles of this exponent count in ones.
const EXPONENT: f64 = 4_503_599_627_370_496.0;
/// `3 x 2^51`: if this is added to a double of either sign below `2^51`, the sum counts in ones.
const ONES: f64 = 6_755_399_441_055_744.0;
/// `2^32`
const HALF_WORD: f64 = 4_294_967_296.0;

/// Returns half of the base whose digits have this mask.
#[inline(always)]
fn half(mask: u64) -> f64 {
    (mask / 2 + 1) as f64
}

/// The kind of processor, by what the machine at hand can do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Processor {
    #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
    Avx512(Avx512),
    #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
    Avx2(Avx2),
    Portable(Portable),
}

impl Processor {
    pub(crate) fn detect() -> Self {
        #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
        if let Some(simd) = pulp::x86::V4::try_new() {
            return Processor::Avx512(Avx512(simd));
        }
        #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return Processor::Avx2(Avx2(simd));
        }
        Processor::Portable(Portable)
    }

    /// Returns every kind that this machine can be taken for.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Processor::Portable(Portable)];
        #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
        all.extend(pulp::x86::V3::try_new().map(|simd| Processor::Avx2(Avx2(simd))));
        #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
        all.extend(pulp::x86::V4::try_new().map(|simd| Processor::Avx512(Avx512(simd))));
        all
    }

    /// Runs a kernel, compiled for this processor.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
            Processor::Avx512(lanes) => lanes.run(kernel),
            #[cfg(all(feature = "engine", any(target_arch = "x86", target_arch = "x86_64")))]
            Processor::Avx2(lanes) => lanes.run(kernel),
            Processor::Portable(lanes) => lanes.run(kernel),
        }
    }
}
