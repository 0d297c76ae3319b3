//! The facts that are known of every tensor.

use fhe_nn_proof::spec::Tensor;

/// The facts of every tensor so far; after a mistake in its shape, the shape of a tensor is not known.
pub(crate) struct Facts {
    pub(super) tensors: Vec<Tensor>,
    pub(super) shaped: Vec<bool>,
    /// Number of weights of a neuron, for results of linear layers.
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
