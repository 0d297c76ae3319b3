//! How networks are trained: what validation liked best (DESIGN.md has the comparison).

use super::augment::Augment;
use super::fit::Recipe;

/// For every network with a wave: decaying its latent weights keeps its sums small, and its
/// response to an image smooth.
pub(crate) const WAVE: Recipe = Recipe {
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
