//! Tensors whose values are all treated by themselves, because constants differ from place to place.

use std::rc::Rc;

use ndarray::Array2;

use super::network::{Net, Source};
use super::pending::{PendingLinear, Weights};
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
            Source::Linear(linear) if linear.window.is_none() => return Ok((view.clone(), 1)),
            Source::Linear(linear) => {
                let inputs = self.facts[linear.reads].len();
                let weights = &linear.weights;
                let work = inputs.saturating_add(weights.matrix.ncols());
                self.budget
                    .take(count.saturating_mul(work), &weights.name)?;
                Source::Linear(Rc::new(linear.each_position(inputs)))
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

impl PendingLinear {
    /// A dense layer with a row for every position of a convolution over `inputs` values.
    fn each_position(&self, inputs: usize) -> PendingLinear {
        let Some((window, _)) = self.window else {
            return PendingLinear {
                reads: self.reads,
                window: None,
                weights: self.weights.clone(),
            };
        };
        let (own, positions) = (&self.weights, window.positions());
        let mut matrix = Array2::zeros((window.output_len(), inputs));
        for (row, mut to) in matrix.rows_mut().into_iter().enumerate() {
            let (channel, position) = (row / positions, row % positions);
            for (tap, &weight) in own.matrix.row(channel).iter().enumerate() {
                if let Some(place) = window.source(channel, position, tap) {
                    to[place] += weight;
                }
            }
        }
        let each = |all: &Vec<f64>| -> Vec<f64> {
            let all = all.iter();
            all.flat_map(|&x| std::iter::repeat_n(x, positions))
                .collect()
        };
        PendingLinear {
            reads: self.reads,
            window: None,
            weights: Weights {
                name: own.name.clone(),
                matrix,
                bias: each(&own.bias),
                scales: own.scales.as_ref().map(each),
            },
        }
    }
}
