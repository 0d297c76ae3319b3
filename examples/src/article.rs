//! The network of the original article, 784-92-92-10 with sigmoids, at every width of the table.
//!
//! Widths are literals, so every width is a separate network; a `macro_rules` writes them.

use std::fmt;
use std::time::{Duration, Instant};

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use ndarray::{Array2, ArrayView2};

/// A function that quantizes a network and predicts digits with it.
type Predict =
    fn(&Floats, &Array2<f32>, &Calibration, ArrayView2<'_, f32>) -> Result<Predicted, Error>;

/// Predicted digits, with the time that the quantized network took.
pub struct Predicted {
    /// The digit of each image.
    pub digits: Vec<usize>,
    /// The time for all images together.
    pub time: Duration,
}

/// What holds the accumulators of the hidden layers to their widths.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Accumulators {
    /// Their weights, which prove the widths.
    Checked,
    /// The range that calibration saw.
    Calibrated,
}

impl fmt::Display for Accumulators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Accumulators::Checked => "checked",
            Accumulators::Calibrated => "calibrated",
        })
    }
}

/// One network of the table.
pub struct Variant {
    /// Bits of inputs, weights and activations.
    pub bits: u32,
    /// What holds the accumulators of the hidden layers to their widths.
    pub accumulators: Accumulators,
    /// Bits of the accumulators that tables read.
    pub table: u32,
    /// Quantizes the network and predicts digits.
    pub predict: Predict,
}

fn predict<N: Network + Sync>(
    floats: &Floats,
    samples: &Array2<f32>,
    calibration: &Calibration,
    images: ArrayView2<'_, f32>,
) -> Result<Predicted, Error> {
    // pixels at the border are black in every image, and accumulators are narrower without their weights
    let calibration = calibration.with_drop_constants(true);
    let network = N::quantize_with(floats, samples.view(), &calibration)?.network;
    let start = Instant::now();
    let scores = network.run_batch(images)?;
    Ok(Predicted {
        time: start.elapsed(),
        digits: scores.iter().map(|scores| scores.argmax()).collect(),
    })
}

/// Declares 784-92-92-10 with sigmoids. The arguments are visibility and name; bits of inputs, weights
/// and activations; `overflow`, `table` and `rounding` of the hidden layers; and keys of the last layer.
/// `fhe_nn_core::prelude` must be in scope.
#[macro_export]
macro_rules! declare_article {
    (
        $vis:vis $name:ident, $bits:literal, $overflow:ident, $table:literal, $rounding:ident,
        [$($scores:tt)*]
    ) => {
        /// The article's network, 784-92-92-10 with sigmoids.
        #[fhe_network(input(shape = [784], bits = $bits))]
        $vis struct $name {
            #[bits(weights = $bits, overflow = $overflow)]
            fc1: Dense<784, 92>,
            #[bits(output = $bits, table = $table, rounding = $rounding)]
            act1: Sigmoid,
            #[bits(weights = $bits, overflow = $overflow)]
            fc2: Dense<92, 92>,
            #[bits(output = $bits, table = $table, rounding = $rounding)]
            act2: Sigmoid,
            #[bits(weights = $bits $($scores)*)]
            fc3: Dense<92, 10>,
        }
    };
}

/// Declares variants, each as `bits, overflow, table, [keys of the last layer]`. Scores are decrypted,
/// so their accumulators have at most 20 bits. Up to 6 bits the worst case does not need more, at 7 bits
/// the weights prove the width, and at 8 bits calibration promises it.
macro_rules! article {
    (@checked) => { Accumulators::Checked };
    (@calibrated) => { Accumulators::Calibrated };
    ($(($bits:literal, $overflow:ident, $table:literal, [$($scores:tt)*]))*) => {
        /// Every network of the table.
        pub const VARIANTS: &[Variant] = &[$({
            declare_article!(Article, $bits, $overflow, $table, exact, [$($scores)*]);
            Variant {
                bits: $bits,
                accumulators: article!(@$overflow),
                table: $table,
                predict: predict::<Article>,
            }
        }),*];
    };
}

article! {
    (8, checked, 8, [, overflow = calibrated, accumulator = 20])
    (7, checked, 8, [, accumulator = 20])
    (6, checked, 8, [])
    (5, checked, 8, [])
    (4, checked, 8, [])
    (3, checked, 8, [])
    (2, checked, 8, [])
    (8, calibrated, 8, [, overflow = calibrated, accumulator = 20])
    (7, calibrated, 8, [, accumulator = 20])
    (6, calibrated, 8, [])
    (5, calibrated, 8, [])
    (4, calibrated, 8, [])
    (3, calibrated, 8, [])
    (2, calibrated, 8, [])
    (6, checked, 7, [])
    (6, checked, 6, [])
    (6, calibrated, 7, [])
    (6, calibrated, 6, [])
}

// networks that are trained at these bits
declare_article!(pub Article2, 2, calibrated, 8, exact, []);
declare_article!(pub Article3, 3, calibrated, 8, exact, []);
declare_article!(pub Article4, 4, calibrated, 8, exact, []);
