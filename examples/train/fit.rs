//! Fitting a model to digits: Adam, and a learning rate that rises once and falls once.

use std::f32::consts::TAU;

use candle_core::{D, Device, Result, Shape, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss};
use fhe_nn_examples::idx::{Dataset, PIXELS};
use indicatif::{ProgressBar, ProgressStyle};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::augment::{Augment, Batches};

/// What can be fitted.
pub(crate) trait Model {
    /// Everything that is learned.
    fn vars(&self) -> Vec<Var>;

    /// Scores, n x 10, of images, n x 784.
    ///
    /// # Errors
    ///
    /// If a tensor operation fails.
    fn forward(&self, images: &Tensor) -> Result<Tensor>;
}

/// How to fit a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// Rounds over the training images.
    pub(crate) epochs: usize,
    /// Images per step.
    pub(crate) batch: usize,
    /// Highest learning rate of the cycle.
    pub(crate) rate: f64,
    /// What Adam takes from every weight per step, in units of weight times learning rate.
    pub(crate) decay: f64,
    /// Movements and deformations of the images.
    pub(crate) augment: Augment,
}

/// The learning rate's factor at a point of the training, 0 to 1: a cosine from 1/25 up to 1 in the
/// first three tenths, then one down to nothing.
fn one_cycle(progress: f64) -> f64 {
    const RISE: f64 = 0.3;
    const START: f64 = 0.04;
    let ease = |x: f64| (1.0 - (std::f64::consts::PI * x).cos()) / 2.0;
    if progress < RISE {
        START + (1.0 - START) * ease(progress / RISE)
    } else {
        1.0 - ease((progress - RISE) / (1.0 - RISE))
    }
}

/// Fits a model to digits.
///
/// # Errors
///
/// If a tensor operation fails.
pub(crate) fn fit(
    name: &'static str,
    model: &impl Model,
    digits: &Dataset,
    recipe: &Recipe,
    rng: &mut ChaCha8Rng,
) -> Result<()> {
    let mut batches = Batches::new(digits, recipe.augment, recipe.batch);
    let steps = recipe.epochs * batches.per_round();
    let params = ParamsAdamW {
        weight_decay: recipe.decay,
        ..ParamsAdamW::default()
    };
    let mut adam = AdamW::new(model.vars(), params)?;

    let style = ProgressStyle::with_template("{prefix:8} {wide_bar} {eta:>4} left, loss {msg}")
        .expect("the template is well-formed");
    let bar = ProgressBar::new(steps as u64)
        .with_style(style)
        .with_prefix(name);
    for step in 0..steps {
        let (images, labels) = batches.draw(rng)?;
        let loss = loss::cross_entropy(&model.forward(&images)?, &labels)?;
        adam.set_learning_rate(recipe.rate * one_cycle(step as f64 / steps as f64));
        adam.backward_step(&loss)?;
        if step % 100 == 0 {
            bar.set_message(format!("{:.3}", loss.to_scalar::<f32>()?));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// The part of the digits that the model recognizes.
///
/// # Errors
///
/// If a tensor operation fails.
pub(crate) fn accuracy(model: &impl Model, digits: &Dataset) -> Result<f64> {
    let mut right = 0;
    for (rows, labels) in digits
        .images
        .axis_chunks_iter(ndarray::Axis(0), 1000)
        .zip(digits.labels.chunks(1000))
    {
        let pixels: Vec<f32> = rows.iter().copied().collect();
        let images = Tensor::from_vec(pixels, (labels.len(), PIXELS), &Device::Cpu)?;
        let best = model
            .forward(&images)?
            .argmax(D::Minus1)?
            .to_vec1::<u32>()?;
        right += best
            .iter()
            .zip(labels)
            .filter(|&(&best, &label)| best == u32::from(label))
            .count();
    }
    Ok(right as f64 / digits.labels.len() as f64)
}

/// A variable of normally distributed values (Box and Muller's method).
///
/// # Errors
///
/// If candle cannot make the tensor.
pub(crate) fn normal(shape: impl Into<Shape>, deviation: f32, rng: &mut ChaCha8Rng) -> Result<Var> {
    let shape = shape.into();
    let values = (0..shape.elem_count())
        .map(|_| {
            let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
            deviation * radius * (TAU * rng.random::<f32>()).cos()
        })
        .collect();
    Var::from_vec(values, shape, &Device::Cpu)
}
