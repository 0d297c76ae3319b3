//! How each network is trained: what validation liked best (DESIGN.md has the comparison).

use super::augment::Augment;
use super::fit::Recipe;

/// Decaying a wave's latent weights keeps its sums small, and its response to an image smooth.
const WAVE: Recipe = Recipe {
    epochs: 80,
    batch: 200,
    rate: 5e-3,
    decay: 0.06,
    augment: Augment {
        shift: 1.0,
        rotation: 0.08,
        scale: 0.06,
        shear: 0.08,
    },
};

/// For `Digits`.
pub(crate) const DIGITS: Recipe = WAVE;

/// For `CarefulDigits`.
pub(crate) const CAREFUL_DIGITS: Recipe = Recipe { epochs: 60, ..WAVE };

/// For `QuickDigits`.
pub(crate) const QUICK_DIGITS: Recipe = WAVE;

/// For the article's network: decay keeps weights and sums compact, and 6 bits then resolve them
/// well.
pub(crate) const ARTICLE: Recipe = Recipe {
    epochs: 30,
    batch: 200,
    rate: 4e-3,
    decay: 0.05,
    augment: Augment {
        shift: 1.0,
        rotation: 0.15,
        scale: 0.1,
        shear: 0.15,
    },
};
