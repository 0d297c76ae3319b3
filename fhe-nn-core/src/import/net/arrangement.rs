//! The order in which the network takes the model's input.

use fhe_nn_proof::spec::{Input, Interface};
use ndarray::ArrayD;

use super::network::{Net, Source};
use crate::import::error::{Refusal, refuse};
use crate::import::place::View;

impl Net {
    /// Fixes the order in which the network takes the model's input.
    pub(crate) fn arrange(&mut self, shape: &[usize], order: &[u32]) -> Result<(), Refusal> {
        let known = match &self.arrangement {
            Some(known) => known == order && *self.input.shape == *shape,
            None => {
                let mut sorted = order.to_vec();
                sorted.sort_unstable();
                if !sorted.into_iter().eq(0..self.facts[0].len() as u32) {
                    return refuse(
                        "it reads a part of the input, but only all of it can be arranged",
                    );
                }
                true
            }
        };
        if !known {
            return refuse("it reads the input in another shape than a node before it");
        }
        if self.arrangement.is_none() {
            if !order.iter().copied().eq(0..order.len() as u32) {
                self.notes.push(format!(
                    "rows of inputs keep the model's order; a struct that is declared by hand takes them channels \
                     first: {shape:?}"
                ));
            }
            self.input.shape = shape.to_vec().into();
            self.facts[0] = self.input.tensor();
            self.inverse = vec![0; order.len()];
            for (own, &of_model) in order.iter().enumerate() {
                self.inverse[of_model as usize] = own as u32;
            }
            self.arrangement = Some(order.to_vec());
        }
        Ok(())
    }

    /// Makes the input one of tokens from a vocabulary, one at each position.
    pub(crate) fn take_tokens(&mut self, positions: usize, vocabulary: usize) {
        self.arrangement = Some((0..positions as u32).collect());
        self.input = Input::one_hot(&[], vocabulary);
        self.input.shape = vec![positions].into();
        self.facts[0] = self.input.tensor();
    }

    /// Whether the order of the input is fixed.
    pub(crate) fn is_arranged(&self) -> bool {
        self.arrangement.is_some()
    }

    /// What the client does around the network.
    pub(super) fn interface(&self) -> Interface {
        let order = self.arrangement.as_ref();
        let moved = order.filter(|order| !order.iter().copied().eq(0..order.len() as u32));
        Interface {
            order: moved.map(|order| order.iter().map(|&place| place as usize).collect()),
            outputs: self.outputs.clone(),
        }
    }

    /// The places of a view in the tensor that is written.
    pub(crate) fn places(&self, view: &View) -> ArrayD<u32> {
        match &self.bases[view.base].source {
            Source::Input if !self.inverse.is_empty() => {
                let own = |place: u32| self.inverse.get(place as usize).copied();
                view.places.mapv(|place| own(place).unwrap_or(place))
            }
            _ => (*view.places).clone(),
        }
    }
}
