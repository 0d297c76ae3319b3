//! Fitting a module to examples, epoch by epoch.

use std::collections::BTreeMap;

use candle_core::Tensor;
use candle_nn::loss;
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::accuracy::{accuracy, check};
use super::checkpoint::Checkpoint;
use super::examples::Examples;
use super::history::{Epoch, History};
use super::optimizer::Descent;
use super::teacher::Teacher;
use super::trainer::Trainer;
use crate::Error;
use crate::train::error::{Failure, TrainError, tensor_operation};
use crate::train::forward::Mode;
use crate::train::trainable::Trainable;

/// The first stream of random numbers for augmentation. Streams below it shuffle the examples, one for each epoch.
const FIRST_STREAM: u64 = 1 << 32;

impl Trainer<'_> {
    /// Fits a module to the training examples.
    ///
    /// The module then has the weights of the epoch with the best accuracy on the validation examples, or without
    /// validation examples the weights of the last epoch. It is calibrated on [`samples`](Trainer::samples).
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
        let unit = |name: &str| module.unit_of(name);
        let mut descent = Descent::new(self.optimizer, module.named(), unit);
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
                var.set(best).map_err(tensor_operation)?;
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
    ) -> Result<Option<Checkpoint>, Failure> {
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
    ) -> Result<f64, Failure> {
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
    ) -> Result<Tensor, Failure> {
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

/// Copies of all learned parameters.
fn copies(module: &Trainable) -> Result<BTreeMap<String, Tensor>, Failure> {
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
