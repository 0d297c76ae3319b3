//! What is known of every tensor.

use fhe_nn_proof::spec::Tensor;

/// What is known of every tensor so far; of none behind a mistake in its shape is the shape.
pub(crate) struct Facts {
    pub(super) tensors: Vec<Tensor>,
    pub(super) shaped: Vec<bool>,
    /// Weights of a neuron, of a linear layer.
    pub(super) taps: Vec<usize>,
}

impl Facts {
    pub(super) fn of_input(input: Tensor) -> Self {
        Facts {
            tensors: vec![input],
            shaped: vec![true],
            taps: vec![1],
        }
    }

    pub(super) fn push(&mut self, tensor: Tensor, shaped: bool, taps: usize) {
        self.tensors.push(tensor);
        self.shaped.push(shaped);
        self.taps.push(taps);
    }
}
