//! The recipes with which the networks are trained. They were chosen on held-out images, or on held-out persons;
//! examples/train/README.md has the comparison.

use fhe_nn_core::quantize::Clipping;
use fhe_nn_examples::augment::Augment;

/// Settings with which a network is trained.
#[derive(Clone, Copy)]
pub(crate) struct Recipe {
    /// Number of neurons of the first layer at first, if decay makes some of them idle.
    pub(crate) neurons: Option<u32>,
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    /// Greatest learning rate of the cycle.
    pub(crate) rate: f64,
    /// Weight decay per step, in units of weight times learning rate.
    pub(crate) decay: f64,
    pub(crate) augment: Augment,
    /// How the ranges of inputs and results are cut.
    pub(crate) clipping: Clipping,
}

/// Small movements.
const MOVED: Augment = Augment::new()
    .with_shift(1.0)
    .with_rotation(0.08)
    .with_scale(0.06)
    .with_shear(0.08);
/// Greater movements.
const MOVED_MORE: Augment = Augment::new()
    .with_shift(1.0)
    .with_rotation(0.15)
    .with_scale(0.1)
    .with_shear(0.15);

/// The recipe for dense networks with a wave. Decaying latent weights keep sums small and the response to an image
/// smooth.
pub(crate) const DENSE: Recipe = Recipe {
    neurons: None,
    epochs: 80,
    batch: 200,
    rate: 5e-3,
    decay: 0.06,
    augment: MOVED,
    clipping: Clipping::Mse,
};

/// The recipe for digits under large windows. Under windows of 10 x 10 taps, distortions did not help
/// (examples/train/README.md).
pub(crate) const DISTORTED: Recipe = Recipe {
    epochs: 60,
    rate: 4e-3,
    augment: Augment::new()
        .with_shift(1.0)
        .with_rotation(0.12)
        .with_scale(0.08)
        .with_shear(0.1)
        .with_elastic(0.8),
    ..DENSE
};

/// The recipe for trained floats that are trained further at fewer bits.
pub(crate) const ARTICLE: Recipe = Recipe {
    epochs: 15,
    rate: 1e-3,
    decay: 0.02,
    augment: MOVED_MORE,
    ..DENSE
};

/// The recipe for floats.
pub(crate) const FLOAT: Recipe = Recipe {
    epochs: 40,
    rate: 2e-3,
    decay: 0.05,
    augment: MOVED_MORE,
    ..DENSE
};

/// The recipe for floats of the shape of `DigitsCnn`, with the same distortions.
pub(crate) const FLOAT_DISTORTED: Recipe = Recipe {
    augment: DISTORTED.augment,
    ..FLOAT
};

/// Movements of clothes, which stay the same class in a mirror.
const MIRRORED: Augment = Augment::new()
    .with_shift(1.0)
    .with_rotation(0.04)
    .with_scale(0.05)
    .with_shear(0.03)
    .with_mirror(true);

/// The recipe for clothes in shades.
pub(crate) const FASHION: Recipe = Recipe {
    neurons: Some(590),
    epochs: 50,
    rate: 4e-3,
    decay: 0.05,
    augment: MIRRORED,
    ..DENSE
};

/// The recipe for signals of a watch. With few steps of the encoder beyond the usual values, sums stay within the period.
pub(crate) const SENSORS: Recipe = Recipe {
    neurons: None,
    epochs: 120,
    batch: 50,
    rate: 4e-3,
    decay: 0.3,
    augment: Augment::new(),
    clipping: Clipping::Percentile(92.0),
};

/// The recipe for floats of the shape of `Sensors`.
pub(crate) const FLOAT_SENSORS: Recipe = Recipe {
    rate: 3e-3,
    decay: 0.02,
    ..SENSORS
};
