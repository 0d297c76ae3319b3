//! Complex numbers, eight at once.

use crate::lanes::Lanes;

/// Eight real parts and eight imaginary parts, one cache line each.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Block {
    pub(crate) re: [f64; 8],
    pub(crate) im: [f64; 8],
}

/// The real and the imaginary parts of a block of a key. Its memory is aligned, so the type need not be.
pub(crate) type KeyBlock = [[f64; 8]; 2];

/// Eight complex numbers in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Complex<V> {
    pub(crate) re: V,
    pub(crate) im: V,
}

/// Complex arithmetic on the lanes.
pub(crate) trait ComplexLanes: Lanes {
    #[inline(always)]
    fn load_block(self, from: &Block) -> Complex<Self::V> {
        Complex {
            re: self.load(&from.re),
            im: self.load(&from.im),
        }
    }

    #[inline(always)]
    fn load_key(self, [re, im]: &KeyBlock) -> Complex<Self::V> {
        Complex {
            re: self.load(re),
            im: self.load(im),
        }
    }

    #[inline(always)]
    fn store_block(self, to: &mut Block, x: Complex<Self::V>) {
        self.store(&mut to.re, x.re);
        self.store(&mut to.im, x.im);
    }

    #[inline(always)]
    fn splat_complex(self, (re, im): (f64, f64)) -> Complex<Self::V> {
        Complex {
            re: self.splat(re),
            im: self.splat(im),
        }
    }

    #[inline(always)]
    fn plus(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.add(a.re, b.re),
            im: self.add(a.im, b.im),
        }
    }

    #[inline(always)]
    fn minus(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.sub(a.re, b.re),
            im: self.sub(a.im, b.im),
        }
    }

    /// `a + i b`
    #[inline(always)]
    fn plus_i(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.sub(a.re, b.im),
            im: self.add(a.im, b.re),
        }
    }

    /// `a - i b`
    #[inline(always)]
    fn minus_i(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.add(a.re, b.im),
            im: self.sub(a.im, b.re),
        }
    }

    #[inline(always)]
    fn times(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.mul_sub(a.re, b.re, self.mul(a.im, b.im)),
            im: self.mul_add(a.re, b.im, self.mul(a.im, b.re)),
        }
    }

    /// `a` times the conjugate of `b`
    #[inline(always)]
    fn times_conjugate(self, a: Complex<Self::V>, b: Complex<Self::V>) -> Complex<Self::V> {
        Complex {
            re: self.mul_add(a.re, b.re, self.mul(a.im, b.im)),
            im: self.mul_sub(a.im, b.re, self.mul(a.re, b.im)),
        }
    }

    /// `sum + a b`
    #[inline(always)]
    fn times_add(
        self,
        a: Complex<Self::V>,
        b: Complex<Self::V>,
        sum: Complex<Self::V>,
    ) -> Complex<Self::V> {
        Complex {
            re: self.negate_mul_add(a.im, b.im, self.mul_add(a.re, b.re, sum.re)),
            im: self.mul_add(a.im, b.re, self.mul_add(a.re, b.im, sum.im)),
        }
    }
}

impl<L: Lanes> ComplexLanes for L {}
