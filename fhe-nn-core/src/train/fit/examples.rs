//! Examples: inputs with their classes.

use crate::parallel::*;
use ndarray::{Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::Error;
use crate::train::TrainError;

/// Inputs, each with its class. Training learns from them, and validation compares on them.
#[derive(Debug, Clone, Copy)]
pub struct Examples<'a> {
    inputs: ArrayView2<'a, f32>,
    labels: &'a [u32],
}

/// Augmentation: writes a changed copy of an input, such as an image that is moved or turned a little.
///
/// The arguments are the input, the copy, whose values are all 0 before, and a source of random numbers that follows
/// from the trainer's seed.
pub type Augment<'a> = &'a (dyn Fn(&[f32], &mut [f32], &mut ChaCha8Rng) + Sync);

impl<'a> Examples<'a> {
    /// Pairs inputs with their classes.
    ///
    /// # Shapes
    /// `inputs`: `[examples, values of one input]`; `labels`: `[examples]`, classes from 0.
    ///
    /// # Errors
    /// [`TrainError::LabelCount`] if the numbers of inputs and labels differ.
    pub fn new(inputs: ArrayView2<'a, f32>, labels: &'a [u32]) -> Result<Self, Error> {
        if inputs.nrows() == labels.len() {
            Ok(Examples { inputs, labels })
        } else {
            Err(TrainError::LabelCount {
                inputs: inputs.nrows(),
                labels: labels.len(),
            }
            .into())
        }
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The inputs, `[examples, values of one input]`.
    pub fn inputs(&self) -> ArrayView2<'a, f32> {
        self.inputs
    }

    /// The class of each example.
    pub fn labels(&self) -> &'a [u32] {
        self.labels
    }

    /// Chooses this many inputs, spread evenly over the examples.
    pub(super) fn samples(&self, count: usize) -> Array2<f32> {
        let step = (self.len() as f64 / count.max(1) as f64).max(1.0);
        let chosen = (0..count.min(self.len())).map(|k| (k as f64 * step) as usize);
        self.inputs.select(Axis(0), &chosen.collect::<Vec<usize>>())
    }

    /// The chosen inputs with their classes. An augmentation changes every input, with random numbers that follow from
    /// the seed and the number of examples drawn before.
    pub(super) fn batch(
        &self,
        chosen: &[usize],
        augment: Option<Augment<'_>>,
        (seed, drawn): (u64, u64),
    ) -> (Array2<f32>, Vec<u32>) {
        let labels = chosen.iter().map(|&index| self.labels[index]).collect();
        let Some(augment) = augment else {
            return (self.inputs.select(Axis(0), chosen), labels);
        };
        let mut inputs = Array2::zeros((chosen.len(), self.inputs.ncols()));
        let rows = inputs.axis_iter_mut(Axis(0)).into_par_iter();
        rows.zip(chosen)
            .enumerate()
            .for_each(|(place, (mut row, &index))| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(drawn + place as u64);
                let copy = row
                    .as_slice_mut()
                    .expect("rows of a new array are contiguous");
                augment(&self.inputs.row(index).to_vec(), copy, &mut random);
            });
        (inputs, labels)
    }
}
