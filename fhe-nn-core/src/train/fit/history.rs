//! Loss and accuracy over the epochs of a training.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::plot::{Axis, Plot, Series, svg};
use crate::{Error, file};

/// Loss and accuracy over the epochs of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    network: String,
    /// The epochs in order.
    pub epochs: Vec<Epoch>,
    /// Index of the epoch whose weights are kept: the first with the greatest accuracy among the epochs whose
    /// accumulators keep their widths, or without validation examples the last.
    pub best: usize,
    /// Whether the training was stopped early.
    pub stopped: bool,
}

/// One round over the examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Epoch {
    /// Mean loss over the training examples during the epoch.
    pub loss: f64,
    /// The fraction of the validation examples that was right after the epoch, if there are any.
    pub accuracy: Option<f64>,
    /// Whether `calibrated` accumulators kept their declared widths on the samples after the epoch. If they did not,
    /// the quantizer would refuse the network, and another epoch is the best.
    pub keeps: bool,
}

impl History {
    pub(super) fn new(network: &str) -> Self {
        History {
            network: network.to_owned(),
            epochs: Vec::new(),
            best: 0,
            stopped: false,
        }
    }

    /// Adds an epoch, and tells whether it is the best so far.
    pub(super) fn push(&mut self, epoch: Epoch) -> bool {
        self.epochs.push(epoch);
        let rank = |epoch: &Epoch| (epoch.keeps, epoch.accuracy);
        let before = &self.epochs[..self.epochs.len() - 1];
        let is_best = epoch.accuracy.is_none() || before.iter().all(|own| rank(own) < rank(&epoch));
        if is_best {
            self.best = self.epochs.len() - 1;
        }
        is_best
    }

    /// Number of epochs since the best one.
    pub(super) fn since_best(&self) -> usize {
        self.epochs.len().saturating_sub(self.best + 1)
    }

    /// The accuracy of the kept weights on the validation examples, if there are any.
    pub fn accuracy(&self) -> Option<f64> {
        self.epochs.get(self.best)?.accuracy
    }

    /// Draws loss and accuracy by epoch as an SVG image.
    pub fn svg(&self) -> String {
        let curve = |value: fn(&Epoch) -> Option<f64>| {
            let epochs = self.epochs.iter().enumerate();
            epochs
                .filter_map(|(index, epoch)| Some(((index + 1) as f64, value(epoch)?)))
                .collect()
        };
        let loss = Plot::new(
            &format!("{}: loss", self.network),
            Axis::linear("epoch"),
            Axis::logarithmic("mean loss of the training examples"),
        );
        let mut plots =
            vec![loss.with_series([Series::line("loss", curve(|epoch| Some(epoch.loss)))])];
        if self.accuracy().is_some() {
            let accuracy = Plot::new(
                &format!("{}: accuracy", self.network),
                Axis::linear("epoch"),
                Axis::linear("validation examples right, %"),
            );
            plots.push(accuracy.with_series([Series::line(
                "accuracy",
                curve(|epoch| Some(100.0 * epoch.accuracy?)),
            )]));
        }
        svg(&plots)
    }

    /// Writes [`History::svg`] to a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.svg().as_bytes())
    }
}
