//! Fitting a module to examples.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{D, Tensor};
use candle_nn::{loss, ops};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::checkpoint::Checkpoint;
use super::examples::{Augment, Examples};
use super::forward::Mode;
use super::history::{Epoch, History};
use super::optimizer::{Descent, Optimizer, Schedule};
use super::trainable::Trainable;
use crate::Error;

/// How a module is fitted. Everything random but the weights that a module begins with follows from the seed: the
/// same trainer gives the same weights on the same machine, interrupted and taken up again or not.
#[derive(Clone)]
pub struct Trainer<'a> {
    /// Rounds over the examples.
    pub epochs: usize,
    /// Examples of one step.
    pub batch: usize,
    /// The greatest learning rate.
    pub rate: f64,
    /// Its course.
    pub schedule: Schedule,
    /// How weights follow their gradients.
    pub optimizer: Optimizer,
    /// Stop after so many epochs, at least one, in which the accuracy on the validation examples was not greater
    /// than before.
    pub patience: Option<usize>,
    /// Everything random follows from it.
    pub seed: u64,
    /// Whose scores are learned beside the labels.
    pub teacher: Option<Teacher<'a>>,
    /// How examples are changed, anew in every epoch.
    pub augment: Option<Augment<'a>>,
    /// So many examples, spread evenly, to calibrate with before each epoch.
    pub calibration: usize,
    /// A file that is written after every epoch, and from which the training goes on if it is there. The module must be
    /// what it was when the training began, the examples and these settings, too; what `augment` and `teacher` compute
    /// cannot be told.
    pub checkpoint: Option<PathBuf>,
    /// Show a bar, if this is a terminal.
    pub progress: bool,
}

/// Scores that are learned beside the labels (Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural
/// Network", section 2).
#[derive(Clone, Copy)]
pub struct Teacher<'a> {
    /// The scores of inputs, `[inputs, scores]`, without softmax.
    pub scores: &'a dyn Fn(&Array2<f32>) -> Result<Tensor, Error>,
    /// The part of the loss that is the teacher's, from 0 to 1.
    pub weight: f64,
    /// Both scores are divided by it.
    pub temperature: f64,
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

impl Trainer<'_> {
    /// Fits a module, and leaves it with the weights of the epoch that was the best on the validation examples, or
    /// without these with the last, calibrated on [`samples`](Trainer::samples).
    ///
    /// # Errors
    /// [`Error::NoExamples`] and [`Error::Label`] for examples, [`Error::Diverged`] if the loss is no number any
    /// more, [`Error::Checkpoint`] for a file of another training, those of [`Trainable::calibrate`], and what
    /// candle reports.
    pub fn fit(
        &self,
        module: &mut Trainable,
        training: &Examples<'_>,
        validation: Option<&Examples<'_>>,
    ) -> Result<History, Error> {
        check(module, training)?;
        validation.map_or(Ok(()), |examples| check(module, examples))?;
        let samples = self.samples(training);
        module.calibrate(&samples)?;
        let mut descent = Descent::new(self.optimizer, module.named())?;
        let mut history = History::new(&module.spec().name);
        let mut best = copies(module)?;
        let checkpoint = self
            .checkpoint
            .as_ref()
            .map(|path| Checkpoint::new(path, self, module, training))
            .transpose()?;
        if let Some(checkpoint) = &checkpoint
            && let Some(found) = checkpoint.load(module, &mut descent)?
        {
            (history, best) = found;
            module.calibrate(&samples)?;
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
            module.calibrate(&samples)?;
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
        module.calibrate(&samples)?;
        Ok(history)
    }

    /// The inputs that a fit calibrates with: quantization with them gives the integers that were trained.
    pub fn samples(&self, training: &Examples<'_>) -> Array2<f32> {
        training.samples(self.calibration)
    }

    /// One round over the examples: the mean loss.
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
            let scores = module.pass(&inputs, Mode::Train, self.seed ^ drawn)?;
            let mut loss = self.loss(&inputs, labels, &scores.reals)?;
            if let Some(overflow) = scores.overflow {
                loss = (loss + overflow)?;
            }
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                return Err(Error::Diverged {
                    network: module.spec().name.to_string(),
                    epoch: epoch + 1,
                });
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

    /// Cross-entropy with the labels, and with the teacher.
    fn loss(
        &self,
        inputs: &Array2<f32>,
        labels: Vec<u32>,
        scores: &Tensor,
    ) -> Result<Tensor, Error> {
        let count = labels.len();
        let labels = Tensor::from_vec(labels, count, scores.device())?;
        let own = loss::cross_entropy(scores, &labels)?;
        let Some(teacher) = &self.teacher else {
            return Ok(own);
        };
        let soft = ops::softmax(
            &((teacher.scores)(inputs)?.detach() / teacher.temperature)?,
            D::Minus1,
        )?;
        let log = ops::log_softmax(&(scores / teacher.temperature)?, D::Minus1)?;
        let cross = ((soft * log)?.sum_all()? / -(count as f64))?;
        // gradients of soft targets are smaller by the square of the temperature
        let taught = (cross * (teacher.weight * teacher.temperature * teacher.temperature))?;
        Ok(((own * (1.0 - teacher.weight))? + taught)?)
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

/// Random numbers of the epochs come from streams below, those of augmentations from streams above.
const FIRST_STREAM: u64 = 1 << 32;
/// Inputs of one pass.
const PASS: usize = 500;

/// The part of the examples whose class has the greatest score.
///
/// # Errors
/// [`Error::NoExamples`], [`Error::Label`], and those of [`Trainable::scores`].
pub fn accuracy(module: &Trainable, examples: &Examples<'_>) -> Result<f64, Error> {
    check(module, examples)?;
    let mut right = 0;
    let inputs = examples.inputs();
    for (rows, labels) in inputs
        .axis_chunks_iter(Axis(0), PASS)
        .zip(examples.labels().chunks(PASS))
    {
        let scores = module.scores(&rows.to_owned())?;
        let best = scores.argmax(D::Minus1)?.to_vec1::<u32>()?;
        right += best
            .iter()
            .zip(labels)
            .filter(|(best, label)| best == label)
            .count();
    }
    Ok(right as f64 / examples.len() as f64)
}

/// Refuses no examples, which have no accuracy, and classes without a score.
fn check(module: &Trainable, examples: &Examples<'_>) -> Result<(), Error> {
    let network = || module.spec().name.to_string();
    if examples.is_empty() {
        return Err(Error::NoExamples { network: network() });
    }
    let scores = module.facts.last().map_or(0, |scores| scores.len());
    let beyond = |&label: &u32| label as usize >= scores;
    match examples.labels().iter().position(beyond) {
        None => Ok(()),
        Some(example) => Err(Error::Label {
            network: network(),
            example,
            label: examples.labels()[example],
            scores,
        }),
    }
}

/// What is learned, as it is now.
fn copies(module: &Trainable) -> Result<BTreeMap<String, Tensor>, Error> {
    let named = module.named().into_iter();
    let copies = named.map(|(name, var)| Ok((name, var.as_tensor().copy()?)));
    Ok(copies.collect::<candle_core::Result<_>>()?)
}

/// The first so many integers in an order that follows from a seed.
fn shuffled(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(epoch);
    let mut order: Vec<(u64, usize)> = (0..count).map(|index| (random.next_u64(), index)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, index)| index).collect()
}
