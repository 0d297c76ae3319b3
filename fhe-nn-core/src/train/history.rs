//! What a training went through.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::plot::{Axis, Plot, Series};
use crate::{Error, file};

/// The epochs of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    network: String,
    /// All of them.
    pub epochs: Vec<Epoch>,
    /// The one with the greatest accuracy of those that keep what they promise, the first of equals, or without one
    /// the last; its weights are kept.
    pub best: usize,
    /// Whether it was stopped early.
    pub stopped: bool,
}

/// One round over the examples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Mean loss over the training examples, while they were learned.
    pub loss: f64,
    /// The part of the validation examples that was right afterwards, if there are any.
    pub accuracy: Option<f64>,
    /// Whether `calibrated` accumulators kept their declared widths on the samples afterwards. If not, the quantizer
    /// would refuse them, and another epoch is the best.
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

    /// Adds an epoch: whether it is the best.
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

    /// How many epochs ago the best was.
    pub(super) fn since_best(&self) -> usize {
        self.epochs.len().saturating_sub(self.best + 1)
    }

    /// The accuracy on the validation examples of the weights that are kept, if there are any.
    pub fn accuracy(&self) -> Option<f64> {
        self.epochs.get(self.best)?.accuracy
    }

    /// Loss and accuracy by epoch, as an SVG image.
    pub fn svg(&self) -> String {
        let curve = |value: fn(&Epoch) -> Option<f64>| {
            let epochs = self.epochs.iter().enumerate();
            epochs
                .filter_map(|(index, epoch)| Some(((index + 1) as f64, value(epoch)?)))
                .collect()
        };
        let mut plots = vec![Plot {
            title: format!("{}: loss", self.network),
            x: Axis::linear("epoch"),
            y: Axis::logarithmic("mean loss of the training examples"),
            series: vec![Series::line("loss", curve(|epoch| Some(epoch.loss)))],
        }];
        if self.accuracy().is_some() {
            plots.push(Plot {
                title: format!("{}: accuracy", self.network),
                x: Axis::linear("epoch"),
                y: Axis::linear("validation examples right, %"),
                series: vec![Series::line(
                    "accuracy",
                    curve(|epoch| Some(100.0 * epoch.accuracy?)),
                )],
            });
        }
        super::plot::svg(&plots)
    }

    /// Writes [`History::svg`] to a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.svg().as_bytes())
    }
}
