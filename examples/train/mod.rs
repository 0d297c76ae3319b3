//! The parts of `train_mnist`: images, models, and the loop that fits one to the other.

pub(crate) mod augment;
pub(crate) mod design;
pub(crate) mod fit;
pub(crate) mod lookup;
pub(crate) mod recipes;
pub(crate) mod sigmoid;
pub(crate) mod wave;
