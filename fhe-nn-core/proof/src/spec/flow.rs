//! What flows from layer to layer: which layer reads which tensor, and the facts of every tensor.

use super::{ActivationSpec, FlowError, Spec, Tensor, TensorKind};
use crate::widths::MAX_TERMS;

/// The layers that read each tensor, in ascending order.
pub(crate) struct Readers<'a> {
    spec: &'a Spec,
    /// The readers of tensor 0, then those of tensor 1, and so on. Each reader is named once.
    layers: Vec<Vec<usize>>,
}

impl<'a> Readers<'a> {
    /// The readers of every tensor of a declaration. Tensors that do not exist have none.
    pub(crate) fn of(spec: &'a Spec) -> Self {
        let mut layers = vec![Vec::new(); spec.layers.len() + 1];
        for index in 0..spec.layers.len() {
            for source in spec.sources(index) {
                if let Some(readers) = layers.get_mut(source)
                    && readers.last() != Some(&index)
                {
                    readers.push(index);
                }
            }
        }
        Readers { spec, layers }
    }

    /// The layers that read the result of layer `index`.
    pub(crate) fn of_layer(&self, index: usize) -> &[usize] {
        &self.layers[index + 1]
    }

    /// The activation that reads the sums of layer `index`, if one does.
    pub(crate) fn activation(&self, index: usize) -> Option<&'a ActivationSpec> {
        let mut readers = self.of_layer(index).iter();
        readers.find_map(|&reader| self.spec.layers[reader].op.activation())
    }
}

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
        (0..self.layers.len()).filter(move |&index| match &*self.layers[index].sources {
            [] => index == tensor,
            sources => sources.contains(&tensor),
        })
    }

    /// The activation that reads the sums of layer `index`; `None` if none does, as behind the last layer.
    pub fn reader(&self, index: usize) -> Option<&ActivationSpec> {
        self.readers(index + 1)
            .find_map(|reader| self.layers[reader].op.activation())
    }

    /// The name of a tensor: that of the layer that makes it, `input`, or `?` if there is no such tensor.
    pub(crate) fn name_of(&self, tensor: usize) -> &str {
        match tensor.checked_sub(1) {
            None => "input",
            Some(index) => self.layers.get(index).map_or("?", |layer| &layer.name),
        }
    }

    /// The facts of every tensor, the input's first.
    ///
    /// # Errors
    /// The index of the first layer that cannot read what comes to it, and why.
    pub fn flow(&self) -> Result<Vec<Tensor>, (usize, FlowError)> {
        let mut tensors = vec![self.input.tensor()];
        let mut terms: u64 = 0;
        for (index, layer) in self.layers.iter().enumerate() {
            let operands = self.sources(index).into_iter().map(|tensor| {
                tensors.get(tensor).ok_or(FlowError::Order {
                    tensor,
                    tensors: tensors.len(),
                })
            });
            let operands: Result<Vec<&Tensor>, FlowError> = operands.collect();
            let result = operands.and_then(|operands| {
                let result = layer.op.result(&operands)?;
                if self.sources(index).contains(&0) {
                    layer.op.check_scales(self.input.scales)?;
                }
                terms = terms.saturating_add(layer.op.all_terms(&operands));
                match terms {
                    ..=MAX_TERMS => Ok(result),
                    _ => Err(FlowError::Terms(terms)),
                }
            });
            tensors.push(result.map_err(|error| (index, error))?);
        }
        self.check_readers(&tensors)?;
        Ok(tensors)
    }

    fn check_readers(&self, tensors: &[Tensor]) -> Result<(), (usize, FlowError)> {
        let last = self.layers.len().wrapping_sub(1);
        let all = Readers::of(self);
        for index in 0..self.layers.len() {
            let kind = tensors[index + 1].kind;
            let readers = all.of_layer(index).len();
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
