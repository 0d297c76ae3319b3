//! The settings of a training.

use std::path::PathBuf;

use ndarray::Array2;

use super::examples::{Augment, Examples};
use super::optimizer::Optimizer;
use super::schedule::Schedule;
use super::teacher::Teacher;

/// Fits a module to examples.
///
/// Everything random follows from the seed, except for the weights that the module begins with: the same trainer gives
/// the same weights on the same machine, even if the training is interrupted and resumed.
///
/// ```
/// use fhe_nn_core::train::{Optimizer, Schedule, Trainer};
///
/// let trainer = Trainer::new()
///     .with_epochs(40)
///     .with_rate(5e-3)
///     .with_schedule(Schedule::Cosine)
///     .with_optimizer(Optimizer::AdamW { decay: 0.1 })
///     .with_seed(1);
/// ```
#[derive(Clone)]
pub struct Trainer<'a> {
    pub(super) epochs: usize,
    pub(super) batch: usize,
    pub(super) rate: f64,
    pub(super) schedule: Schedule,
    pub(super) optimizer: Optimizer,
    pub(super) patience: Option<usize>,
    pub(super) seed: u64,
    pub(super) teacher: Option<Teacher<'a>>,
    pub(super) augment: Option<Augment<'a>>,
    pub(super) calibration: usize,
    pub(super) checkpoint: Option<PathBuf>,
    pub(super) progress: bool,
}

impl Default for Trainer<'_> {
    fn default() -> Self {
        Trainer {
            epochs: 20,
            batch: 200,
            rate: 4e-3,
            schedule: Schedule::OneCycle { rise: 0.3 },
            optimizer: Optimizer::AdamW { decay: 0.06 },
            patience: None,
            seed: 0,
            teacher: None,
            augment: None,
            calibration: 1000,
            checkpoint: None,
            progress: true,
        }
    }
}

impl<'a> Trainer<'a> {
    /// A trainer with the default settings, which suit small networks.
    pub fn new() -> Self {
        Trainer::default()
    }

    /// Sets the number of epochs, which are rounds over the examples; by default, 20.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the number of examples in one step; by default, 200.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the greatest learning rate; by default, 0.004.
    pub fn with_rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// Sets how the learning rate changes; by default, it rises in the first 30% of the training, then falls to 0.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets how weights follow their gradients; by default, AdamW with a decay of 0.06.
    pub fn with_optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// Stops after this many epochs, at least one, without a gain in accuracy on the validation examples; by default,
    /// the training never stops early.
    pub fn with_patience(mut self, patience: usize) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Sets the seed of everything random; by default, 0.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Learns the scores of a teacher beside the labels.
    pub fn with_teacher(mut self, teacher: Teacher<'a>) -> Self {
        self.teacher = Some(teacher);
        self
    }

    /// Changes every example before each epoch.
    pub fn with_augment(mut self, augment: Augment<'a>) -> Self {
        self.augment = Some(augment);
        self
    }

    /// Sets the number of examples, spread evenly, that calibrate the module before each epoch; by default, 1,000.
    pub fn with_calibration(mut self, examples: usize) -> Self {
        self.calibration = examples;
        self
    }

    /// Writes a checkpoint to a file after every epoch, and resumes from the file if it exists.
    ///
    /// Module, examples and settings must then be those with which the training began. Changes to what the functions of
    /// [`with_augment`](Trainer::with_augment) and [`with_teacher`](Trainer::with_teacher) compute are not detected.
    pub fn with_checkpoint(mut self, path: impl Into<PathBuf>) -> Self {
        self.checkpoint = Some(path.into());
        self
    }

    /// Sets whether a progress bar is shown, if the standard error is a terminal; by default, it is.
    pub fn with_progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    /// The same trainer for another network, whose checkpoints would be in another file.
    pub(in crate::train) fn without_checkpoint(mut self) -> Self {
        self.checkpoint = None;
        self
    }

    /// The seed of everything random.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The inputs that calibrate a module. Quantization with them gives the integers that were trained.
    pub fn samples(&self, training: &Examples<'_>) -> Array2<f32> {
        training.samples(self.calibration)
    }
}
