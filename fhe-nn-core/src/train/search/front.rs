//! What a search found: candidates, and the Pareto front among them.

use std::path::Path;

use fhe_nn_proof::plan::Plan;
use fhe_nn_proof::spec::Spec;

use crate::plot::{Axis, Plot, Series, front, svg};
use crate::{Error, Floats, file};

/// The result of a search. [`pareto`](Front::pareto) gives the networks worth considering.
#[derive(Debug)]
#[non_exhaustive]
pub struct Front {
    /// The networks that were trained and are within the budget, in the order in which they were.
    pub candidates: Vec<Candidate>,
    /// The networks that were trained and turned out to be too slow.
    pub slow: Vec<Candidate>,
    /// The networks that were not trained, or do not keep a promised width.
    pub refused: Vec<Refused>,
}

/// A trained network.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Candidate {
    /// The declaration. [`Spec::declaration`] prints it as a struct to paste.
    pub spec: Spec,
    /// The floats, to be quantized with [`Trainer::samples`](crate::train::Trainer::samples).
    pub floats: Floats,
    /// The fraction of the validation examples that the integers get right.
    pub accuracy: f64,
    /// Predicted seconds of an encrypted inference.
    pub seconds: f64,
    /// The plan: parameters, bootstraps, key sizes.
    pub plan: Plan,
}

/// A network that was left out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The declaration.
    pub spec: Spec,
    /// Why the network was left out. It is `None` if the network exceeds the budget by so much that it was not trained.
    pub error: Option<Error>,
}

impl Front {
    pub(super) fn new() -> Self {
        Front {
            candidates: Vec::new(),
            slow: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Adds a network that is left out.
    pub(super) fn refuse(&mut self, spec: Spec, error: impl Into<Option<Error>>) {
        let error = error.into();
        self.refused.push(Refused { spec, error });
    }

    /// Adds a candidate where it belongs.
    pub(super) fn push(&mut self, candidate: Candidate, budget: f64) {
        if candidate.seconds <= budget {
            self.candidates.push(candidate)
        } else {
            self.slow.push(candidate)
        }
    }

    /// The candidates that no other candidate beats in both speed and accuracy, fastest first.
    pub fn pareto(&self) -> Vec<&Candidate> {
        front(&self.candidates, |own| (own.seconds, -own.accuracy))
    }

    /// Draws accuracy against seconds as an SVG image.
    pub fn svg(&self) -> String {
        let point = |candidate: &&Candidate| (candidate.seconds, 100.0 * candidate.accuracy);
        let all: Vec<&Candidate> = self.candidates.iter().collect();
        let plot = Plot::new(
            "networks of a family",
            Axis::logarithmic("seconds of an encrypted inference, predicted"),
            Axis::linear("validation examples right, %"),
        );
        svg(&[plot.with_series([
            Series::points("trained", all.iter().map(point).collect()),
            Series::line("best", self.pareto().iter().map(point).collect()),
        ])])
    }

    /// Writes [`Front::svg`] to a file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.svg().as_bytes())
    }
}
