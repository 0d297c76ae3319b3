//! The declarations that several examples use.

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use ndarray::{Array2, ArrayView1};

use crate::idx::Dataset;
use crate::shades::Shades;

/// Reads a 28 x 28 black-and-white image of a handwritten digit, with 98% accuracy in the shortest time.
#[fhe_network(input(shape = [784], bits = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct Digits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 60>,
    #[bits(output = 1, phases = 16)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 11, overflow = calibrated)]
    scores: Dense<960, 10>,
}

/// Reads the same images with fewer errors, with 98.5% accuracy in twice the time of [`Digits`].
#[fhe_network(input(shape = [784], bits = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct CarefulDigits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 120>,
    #[bits(output = 1, phases = 8)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 11, overflow = calibrated)]
    scores: Dense<960, 10>,
}

/// Reads the same images with more errors, with 97% accuracy in three fifths of the time of [`Digits`].
#[fhe_network(input(shape = [784], bits = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct QuickDigits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<784, 34>,
    #[bits(output = 1, phases = 16)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 11, overflow = calibrated)]
    scores: Dense<544, 10>,
}

/// Reads the same images in four shades of grey, by a convolution with large windows, with 99% accuracy.
#[fhe_network(input(shape = [1, 28, 28], bits = 2))]
#[derive(Debug, Clone, PartialEq)]
pub struct DigitsCnn {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    conv: Conv2d<1, 96, 20, 4>,
    #[bits(output = 3, phases = 4)]
    wave: Wave,
    #[bits(weights = 3, accumulator = 12, overflow = calibrated)]
    scores: Dense<3456, 10>,
}

/// Reads the same images in the shades of [`GREY`], with fewer errors than [`CarefulDigits`] in three quarters of its time.
#[fhe_network(input(shape = [2, 28, 28], bits = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct GreyDigits {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<1568, 84>,
    #[bits(output = 1, phases = 16)]
    wave: Wave,
    #[bits(weights = 4, accumulator = 11, overflow = calibrated)]
    scores: Dense<1344, 10>,
}

/// The shades of an image of a digit.
pub const GREY: Shades = Shades(&[0.2, 0.5]);

/// Tells ten kinds of clothes apart, in 28 x 28 images of Fashion-MNIST in the shades of [`CLOTHES`].
#[fhe_network(input(shape = [4, 28, 28], bits = 1))]
#[derive(Debug, Clone, PartialEq)]
pub struct Fashion {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    hidden: Dense<3136, 479>,
    #[bits(output = 3, phases = 4)]
    wave: Wave,
    #[bits(weights = 3, accumulator = 13, overflow = calibrated)]
    scores: Dense<1916, 10>,
}

/// The shades of an image of clothes.
pub const CLOTHES: Shades = Shades(&[0.1, 0.3, 0.5, 0.75]);

/// Tells seven exercises apart by what a watch measures in four seconds: three axes of an accelerometer and of a gyroscope.
#[fhe_network(input(shape = [6, 100], bits = 3, scales = per_channel))]
#[derive(Debug, Clone, PartialEq)]
pub struct Sensors {
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    conv: Conv1d<6, 28, 10, 10>,
    #[bits(output = 3, phases = 4)]
    wave: Wave,
    mean: GlobalAvgPool,
    #[bits(weights = 4, overflow = calibrated)]
    scores: Dense<112, 7>,
}

/// [`Sensors`] with a ReLU, to be run in floating point. Its widths mean nothing.
#[fhe_network(input(shape = [6, 100], bits = 8, scales = per_channel))]
#[derive(Debug, Clone, PartialEq)]
pub struct FloatSensors {
    #[bits(weights = 8, overflow = calibrated)]
    conv: Conv1d<6, 28, 10, 10>,
    #[bits(output = 8, table = 8)]
    relu: Relu,
    mean: GlobalAvgPool,
    #[bits(weights = 8, accumulator = 20, overflow = calibrated)]
    scores: Dense<28, 7>,
}

/// Declares networks with the shapes of those with a wave, but with floats and a ReLU, for comparison.
/// Their widths mean nothing.
macro_rules! floats {
    ($($name:ident ($neurons:literal))*) => {$(
        #[doc = concat!("784-", $neurons, "-10 with a ReLU, to be run in floating point.")]
        #[fhe_network(input(shape = [784], bits = 8))]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            #[bits(weights = 8, overflow = calibrated)]
            hidden: Dense<784, $neurons>,
            #[bits(output = 8, table = 8)]
            relu: Relu,
            #[bits(weights = 8, accumulator = 20, overflow = calibrated)]
            scores: Dense<$neurons, 10>,
        }
    )*};
    ($($name:ident ($channels:literal, $kernel:literal) $values:literal)*) => {$(
        #[doc = concat!($channels, " channels of ", $kernel, " x ", $kernel, " taps with a ReLU, to be run in floating point.")]
        #[fhe_network(input(shape = [1, 28, 28], bits = 8))]
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            #[bits(weights = 8, overflow = calibrated)]
            conv: Conv2d<1, $channels, $kernel, 4>,
            #[bits(output = 8, table = 8)]
            relu: Relu,
            #[bits(weights = 8, accumulator = 20, overflow = calibrated)]
            scores: Dense<$values, 10>,
        }
    )*};
}
floats!(FloatQuickDigits (34) FloatDigits (60) FloatCarefulDigits (120));
floats!(FloatDigitsCnn (96, 20) 864);

/// The fraction of the images that the integers of a network classify correctly.
///
/// # Errors
/// Those of [`Network::run_batch`].
pub fn accuracy(network: &impl Network, images: &Dataset) -> Result<f64, Error> {
    let scores = network.run_batch(images.images.view())?;
    Ok(accuracy_of(&scores, &images.labels))
}

/// The fraction of the scores in which the label has the greatest.
pub fn accuracy_of(scores: &[Scores], labels: &[u8]) -> f64 {
    let pairs = scores.iter().zip(labels);
    let right = pairs.filter(|(scores, label)| scores.argmax() == usize::from(**label));
    right.count() as f64 / scores.len() as f64
}

/// The fraction of float scores, `[rows, classes]`, in which the label has the greatest.
pub fn float_accuracy<L: Copy + Into<u32>>(scores: &Array2<f64>, labels: &[L]) -> f64 {
    let pairs = scores.rows().into_iter().zip(labels);
    let right = pairs.filter(|(row, label)| greatest(*row) as u32 == (**label).into());
    right.count() as f64 / labels.len() as f64
}

/// The class with the greatest float score, the first of equals.
pub fn greatest<T: PartialOrd>(scores: ArrayView1<'_, T>) -> usize {
    let better =
        |best: usize, (class, x): (usize, &T)| if *x > scores[best] { class } else { best };
    scores.iter().enumerate().fold(0, better)
}
