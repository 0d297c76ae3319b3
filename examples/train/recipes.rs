//! How networks are trained: what validation liked best (DESIGN.md has the comparison).

use fhe_nn_examples::augment::Augment;

/// How a network is trained.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    /// Highest learning rate of the cycle.
    pub(crate) rate: f64,
    /// Decay of weights per step, in units of weight times learning rate.
    pub(crate) decay: f64,
    pub(crate) augment: Augment,
}

/// Small movements.
const MOVED: Augment = Augment {
    shift: 1.0,
    rotation: 0.08,
    scale: 0.06,
    shear: 0.08,
    elastic: 0.0,
    mirror: false,
};

/// For dense networks with a wave: decaying latent weights keep sums small, and the response to an
/// image smooth.
pub(crate) const DENSE: Recipe = Recipe {
    epochs: 80,
    batch: 200,
    rate: 5e-3,
    decay: 0.06,
    augment: MOVED,
};

/// For digits under large windows. Under windows of 10 x 10 taps distortions did not help (DESIGN.md).
pub(crate) const DISTORTED: Recipe = Recipe {
    epochs: 60,
    rate: 4e-3,
    augment: Augment {
        shift: 1.0,
        rotation: 0.12,
        scale: 0.08,
        shear: 0.1,
        elastic: 0.8,
        mirror: false,
    },
    ..DENSE
};

/// For floats that are trained on at fewer bits.
pub(crate) const ARTICLE: Recipe = Recipe {
    epochs: 15,
    rate: 1e-3,
    decay: 0.02,
    augment: Augment {
        shift: 1.0,
        rotation: 0.15,
        scale: 0.1,
        shear: 0.15,
        elastic: 0.0,
        mirror: false,
    },
    ..DENSE
};

/// For floats.
pub(crate) const FLOAT: Recipe = Recipe {
    epochs: 40,
    rate: 2e-3,
    decay: 0.05,
    augment: Augment {
        shift: 1.0,
        rotation: 0.15,
        scale: 0.1,
        shear: 0.15,
        elastic: 0.0,
        mirror: false,
    },
    ..DENSE
};

/// For floats of the shape of `DigitsCnn`, distorted as it is.
pub(crate) const FLOAT_DISTORTED: Recipe = Recipe {
    augment: DISTORTED.augment,
    ..FLOAT
};

/// For clothes, which a mirror makes no others of.
const MIRRORED: Augment = Augment {
    shift: 1.0,
    rotation: 0.04,
    scale: 0.05,
    shear: 0.03,
    elastic: 0.0,
    mirror: true,
};

/// For the convolution on Fashion-MNIST.
pub(crate) const FASHION: Recipe = Recipe {
    epochs: 60,
    rate: 4e-3,
    decay: 0.1,
    augment: MIRRORED,
    ..DENSE
};

/// For floats on Fashion-MNIST.
pub(crate) const FLOAT_FASHION: Recipe = Recipe {
    augment: MIRRORED,
    ..FLOAT
};
