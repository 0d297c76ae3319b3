//! Fitting a module to examples.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{D, Tensor};
use candle_nn::loss;
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::checkpoint::Checkpoint;
use super::examples::{Augment, Examples};
use super::history::{Epoch, History};
use super::optimizer::{Descent, Optimizer};
use super::schedule::Schedule;
use super::teacher::Teacher;
use crate::Error;
use crate::train::TrainError;
use crate::train::forward::Mode;
use crate::train::trainable::Trainable;

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
    epochs: usize,
    batch: usize,
    rate: f64,
    schedule: Schedule,
    optimizer: Optimizer,
    patience: Option<usize>,
    seed: u64,
    teacher: Option<Teacher<'a>>,
    augment: Option<Augment<'a>>,
    calibration: usize,
    checkpoint: Option<PathBuf>,
    progress: bool,
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

    /// Fits a module. It keeps the best epoch's weights on the validation examples, or the last epoch's without them,
    /// and is calibrated on [`samples`](Trainer::samples).
    ///
    /// # Errors
    /// [`TrainError::NoExamples`] and [`TrainError::ClassWithoutScore`] for wrong examples, [`TrainError::Diverged`] if
    /// the loss is not finite, [`TrainError::Checkpoint`] for a file of another training, and those of
    /// [`Trainable::calibrate`].
    pub fn fit(
        &self,
        module: &mut Trainable,
        training: &Examples<'_>,
        validation: Option<&Examples<'_>>,
    ) -> Result<History, Error> {
        check(module, training)?;
        validation.map_or(Ok(()), |examples| check(module, examples))?;
        let samples = self.samples(training);
        module.calibrate(samples.view())?;
        let mut descent = Descent::new(self.optimizer, module.named())?;
        let mut history = History::new(&module.spec().name);
        let mut best = copies(module)?;
        let checkpoint = self.checkpoint(module, &samples, training.len())?;
        if let Some(checkpoint) = &checkpoint
            && let Some(found) = checkpoint.load(module, &mut descent)?
        {
            (history, best) = found;
            module.calibrate(samples.view())?;
        }
        let bar = self.bar(module, training.len().div_ceil(self.batch.max(1)));
        for epoch in history.epochs.len()..self.epochs {
            if self
                .patience
                .is_some_and(|patience| history.since_best() >= patience.max(1))
            {
                history.stopped = true;
                break;
            }
            let loss = self.epoch(epoch, module, training, &mut descent, &bar)?;
            module.calibrate(samples.view())?;
            let accuracy = validation
                .map(|examples| accuracy(module, examples))
                .transpose()?;
            let keeps = module.keeps_promises();
            if history.push(Epoch {
                loss,
                accuracy,
                keeps,
            }) {
                best = copies(module)?;
            }
            if let Some(checkpoint) = &checkpoint {
                checkpoint.save(module, &descent, &history, &best)?;
            }
        }
        bar.finish_and_clear();
        for (name, var) in module.named() {
            if let Some(best) = best.get(&name) {
                var.set(best)?;
            }
        }
        module.calibrate(samples.view())?;
        Ok(history)
    }

    /// The checkpoint of a training that begins now, if there is to be one.
    fn checkpoint(
        &self,
        module: &Trainable,
        samples: &Array2<f32>,
        examples: usize,
    ) -> Result<Option<Checkpoint>, Error> {
        let settings = (
            (
                self.epochs,
                self.batch,
                self.rate,
                self.schedule,
                self.optimizer,
            ),
            (self.seed, self.calibration, self.augment.is_some()),
            self.teacher.as_ref().map(Teacher::settings),
            examples,
        );
        let path = self.checkpoint.as_ref();
        path.map(|path| Checkpoint::new(path, &settings, module, samples))
            .transpose()
    }

    /// Learns every example once, and returns the mean loss.
    fn epoch(
        &self,
        epoch: usize,
        module: &Trainable,
        training: &Examples<'_>,
        descent: &mut Descent,
        bar: &ProgressBar,
    ) -> Result<f64, Error> {
        let order = shuffled(training.len(), self.seed, epoch as u64);
        let steps = order.len().div_ceil(self.batch.max(1));
        bar.reset();
        bar.set_prefix(format!("epoch {}/{}", epoch + 1, self.epochs));
        let mut total = 0.0;
        for (step, chosen) in order.chunks(self.batch.max(1)).enumerate() {
            let drawn = (epoch * order.len() + step * self.batch.max(1)) as u64;
            let (inputs, labels) =
                training.batch(chosen, self.augment, (self.seed, FIRST_STREAM + drawn));
            let scores = module.pass(inputs.view(), Mode::Train, self.seed ^ drawn)?;
            let mut loss = self.loss(inputs.view(), labels, &scores.reals)?;
            if let Some(overflow) = scores.overflow {
                loss = (loss + overflow)?;
            }
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                return Err(TrainError::Diverged {
                    network: module.spec().name.to_string(),
                    epoch: epoch + 1,
                }
                .into());
            }
            total += value * chosen.len() as f64;
            let progress = (epoch * steps + step) as f64 / (self.epochs * steps) as f64;
            descent.step(
                &loss.backward()?,
                self.rate * self.schedule.factor(progress),
            )?;
            bar.set_message(format!("{value:.3}"));
            bar.inc(1);
        }
        Ok(total / order.len().max(1) as f64)
    }

    /// The cross-entropy with the labels, and with the teacher if there is one.
    fn loss(
        &self,
        inputs: ArrayView2<'_, f32>,
        labels: Vec<u32>,
        scores: &Tensor,
    ) -> Result<Tensor, Error> {
        let count = labels.len();
        let labels = Tensor::from_vec(labels, count, scores.device())?;
        let own = loss::cross_entropy(scores, &labels)?;
        match &self.teacher {
            None => Ok(own),
            Some(teacher) => teacher.mix(inputs, scores, own),
        }
    }

    fn bar(&self, module: &Trainable, steps: usize) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let template = "{msg} loss, {prefix} {wide_bar} {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        ProgressBar::new(steps as u64)
            .with_style(style)
            .with_message(module.spec().name.to_string())
    }
}

/// The first stream of random numbers for augmentation. Streams below it shuffle the examples, one for each epoch.
const FIRST_STREAM: u64 = 1 << 32;
/// Number of inputs in one pass.
const PASS: usize = 500;

/// The fraction of the examples whose class has the greatest score.
///
/// # Errors
/// [`TrainError::NoExamples`], [`TrainError::ClassWithoutScore`], and those of [`Trainable::scores`].
pub fn accuracy(module: &Trainable, examples: &Examples<'_>) -> Result<f64, Error> {
    check(module, examples)?;
    let mut right = 0;
    let inputs = examples.inputs();
    for (rows, labels) in inputs
        .axis_chunks_iter(Axis(0), PASS)
        .zip(examples.labels().chunks(PASS))
    {
        let scores = module.pass(rows, Mode::Exact, 0)?.reals;
        let best = scores.argmax(D::Minus1)?.to_vec1::<u32>()?;
        right += best
            .iter()
            .zip(labels)
            .filter(|(best, label)| best == label)
            .count();
    }
    Ok(right as f64 / examples.len() as f64)
}

/// Refuses an empty set of examples, which has no accuracy, and classes without a score.
fn check(module: &Trainable, examples: &Examples<'_>) -> Result<(), TrainError> {
    let network = || module.spec().name.to_string();
    if examples.is_empty() {
        return Err(TrainError::NoExamples { network: network() });
    }
    let scores = module.facts.last().map_or(0, |scores| scores.len());
    let beyond = |&label: &u32| label as usize >= scores;
    match examples.labels().iter().position(beyond) {
        None => Ok(()),
        Some(example) => Err(TrainError::ClassWithoutScore {
            network: network(),
            example,
            class: examples.labels()[example],
            scores,
        }),
    }
}

/// Copies of all learned parameters.
fn copies(module: &Trainable) -> Result<BTreeMap<String, Tensor>, Error> {
    let named = module.named().into_iter();
    let copies = named.map(|(name, var)| Ok((name, var.as_tensor().copy()?)));
    Ok(copies.collect::<candle_core::Result<_>>()?)
}

/// The integers from 0 to `count`, in an order that follows from the seed and the epoch.
fn shuffled(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(epoch);
    let mut order: Vec<(u64, usize)> = (0..count).map(|index| (random.next_u64(), index)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}
