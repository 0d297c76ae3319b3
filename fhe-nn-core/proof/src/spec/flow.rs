//! What flows from layer to layer: which layer reads which tensor, and the facts of every tensor.

use super::{ActivationSpec, FlowError, Spec, Tensor, TensorKind};

impl Spec {
    /// The tensors that layer `index` reads: 0 is the input, `i + 1` the result of layer i.
    pub fn sources(&self, index: usize) -> Vec<usize> {
        match &*self.layers[index].sources {
            [] => vec![index],
            sources => sources.to_vec(),
        }
    }

    /// The layers that read a tensor.
    pub fn readers(&self, tensor: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.layers.len()).filter(move |&index| self.sources(index).contains(&tensor))
    }

    /// The activation that reads the sums of layer `index`; `None` if none does, as behind the last layer.
    pub fn reader(&self, index: usize) -> Option<&ActivationSpec> {
        self.readers(index + 1)
            .find_map(|reader| self.layers[reader].op.activation())
    }

    /// The facts of every tensor, the input's first.
    ///
    /// # Errors
    /// The index of the first layer that cannot read what comes to it, and why.
    pub fn flow(&self) -> Result<Vec<Tensor>, (usize, FlowError)> {
        let mut tensors = vec![self.input.tensor()];
        for (index, layer) in self.layers.iter().enumerate() {
            let operands = self.sources(index).into_iter().map(|tensor| {
                tensors.get(tensor).ok_or(FlowError::Order {
                    tensor,
                    tensors: tensors.len(),
                })
            });
            let operands: Result<Vec<&Tensor>, FlowError> = operands.collect();
            let result = operands.and_then(|operands| layer.op.result(&operands));
            tensors.push(result.map_err(|error| (index, error))?);
        }
        self.check_readers(&tensors)?;
        Ok(tensors)
    }

    fn check_readers(&self, tensors: &[Tensor]) -> Result<(), (usize, FlowError)> {
        let last = self.layers.len().wrapping_sub(1);
        for index in 0..self.layers.len() {
            let kind = tensors[index + 1].kind;
            let readers = self.readers(index + 1).count();
            let law = match (kind, readers) {
                (TensorKind::Values | TensorKind::Tokens, _) if index == last => "scores are sums",
                (_, 1..) if index == last => "nothing reads the scores",
                (TensorKind::Accumulators, 0 | 2..) if index != last => {
                    "one table reads accumulators"
                }
                (_, 0) if index != last => "every result is read",
                _ => continue,
            };
            return Err((index, FlowError::Readers(readers, law)));
        }
        Ok(())
    }
}
