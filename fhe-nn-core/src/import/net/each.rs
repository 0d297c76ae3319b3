//! Tensors whose values are all treated by themselves, because constants differ from place to place.

use std::rc::Rc;

use super::network::{Net, Source};
use super::pending::PendingLinear;
use crate::import::error::{Refusal, refuse};
use crate::import::place::View;

impl Net {
    /// The same view of a tensor in which every value is a channel of its own, and the number of values that each
    /// channel had.
    ///
    /// # Errors
    /// A refusal for greatest values that are not yet written.
    pub(crate) fn each_value(&mut self, view: &View) -> Result<(View, usize), Refusal> {
        let (channels, positions) = self.channels(view.base);
        let count = channels * positions;
        let source = match self.bases[view.base].source.clone() {
            Source::Input | Source::Each(_) => return Ok((view.clone(), 1)),
            Source::Tensor(tensor) => Source::Each(tensor),
            Source::Linear(linear) => {
                let Some((window, _)) = &linear.window else {
                    return Ok((view.clone(), 1));
                };
                let inputs = self.facts[linear.reads].len();
                let weights = &linear.weights;
                let work = inputs.saturating_add(weights.matrix.ncols());
                self.budget
                    .take(count.saturating_mul(work), &weights.name)?;
                Source::Linear(Rc::new(PendingLinear {
                    reads: linear.reads,
                    window: None,
                    weights: weights.each_position(window, inputs),
                }))
            }
            // what the client makes has a channel for each value, or is only moved
            Source::Client(_) => return Ok((view.clone(), 1)),
            Source::MaxPool(..) => {
                return refuse("its constants differ within one channel of greatest values");
            }
        };
        let base = self.base(vec![count], source);
        let view = View {
            base,
            expr: view.expr.repeated(positions),
            ..view.clone()
        };
        Ok((view, positions))
    }
}
