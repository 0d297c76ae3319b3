//! How each network is trained: what validation liked best (DESIGN.md has the comparison).

use super::augment::Augment;
use super::fit::Pace;
pub(crate) use super::fit::Recipe;
use super::wave::WaveRecipe;

/// What the networks with a wave are shown.
const FIT: Recipe = Recipe {
    epochs: 80,
    batch: 200,
    rate: 8e-3,
    augment: Augment {
        shift: 1.0,
        rotation: 0.08,
        scale: 0.06,
        shear: 0.08,
    },
};

/// Two levels of a bootstrap leave scores all the room they want.
const WIDE: WaveRecipe = WaveRecipe {
    hidden: Pace {
        rate: 1.0,
        decay: 0.08,
    },
    scores: Pace {
        rate: 2.0,
        decay: 0.06,
    },
    start: 0.5,
    unit: 0.02,
    room: 0.85,
    pressure: 0.02,
};

/// For `Digits`.
pub(crate) const DIGITS: (Recipe, WaveRecipe) = (FIT, WIDE);

/// For `CarefulDigits`.
pub(crate) const CAREFUL_DIGITS: (Recipe, WaveRecipe) = (FIT, WIDE);

/// For `QuickDigits`.
pub(crate) const QUICK_DIGITS: (Recipe, WaveRecipe) = (FIT, WIDE);

/// For the article's network: decay keeps weights and sums compact, and 6 bits then resolve them
/// well.
pub(crate) const ARTICLE: (Recipe, Pace) = (
    Recipe {
        epochs: 30,
        batch: 200,
        rate: 4e-3,
        augment: Augment {
            shift: 1.0,
            rotation: 0.15,
            scale: 0.1,
            shear: 0.15,
        },
    },
    Pace {
        rate: 1.0,
        decay: 0.05,
    },
);
