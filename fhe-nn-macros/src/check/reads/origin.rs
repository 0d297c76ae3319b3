//! How a tensor came by its shape, for the notes of errors.

use super::Reads;
use crate::ast::Layer;
use crate::errors::count;
use crate::layers::{Form, Kind};

impl Reads<'_> {
    /// The origin of the shape that comes in.
    pub(crate) fn origin(&self) -> String {
        let source = self.layer.sources[0];
        let dense = |layer: &Layer| matches!(&layer.kind, Kind::Linear(linear) if matches!(linear.form, Form::Dense { .. }));
        let of_chain = |layer: &Layer| dense(layer) || matches!(layer.kind, Kind::Activation(_));
        let shape = &self.network.input.shape;
        if !self.network.layers.iter().all(of_chain) {
            return self.way(source);
        }
        let layers = &self.network.layers;
        let extents: Vec<String> = shape.iter().map(usize::to_string).collect();
        let reader = source.checked_sub(1).map(|index| &layers[index]);
        match (reader.map(|layer| (layer, &layer.kind)), shape.as_slice()) {
            (Some((layer, Kind::Activation(act))), _) => {
                let before = layer.sources[0].checked_sub(1).map(|index| &layers[index]);
                let Some((before, Kind::Linear(linear))) = before.map(|layer| (layer, &layer.kind))
                else {
                    return self.way(source);
                };
                let outputs = linear.form.outputs();
                let (before, phases) = (&before.name, act.phases() as usize);
                let noun = count(outputs, "output");
                match phases {
                    1 => format!("`{before}` has {noun}"),
                    _ => format!(
                        "`{before}` has {noun} x {phases} phases of `{}` = {} values",
                        layer.name,
                        outputs * phases
                    ),
                }
            }
            (_, [_]) => format!("the input has shape {shape:?}"),
            _ => format!(
                "the input has shape {shape:?}: {} = {} values",
                extents.join(" x "),
                shape.iter().product::<usize>()
            ),
        }
    }

    /// The shapes on the way to a tensor: "input [1, 28, 28] -> conv [4, 13, 13]".
    pub(crate) fn way(&self, tensor: usize) -> String {
        let mut steps = Vec::new();
        let mut next = Some(tensor);
        while let Some(tensor) = next {
            let layer = tensor
                .checked_sub(1)
                .map(|index| &self.network.layers[index]);
            let shape = &self.facts.tensors[tensor].shape;
            let name = layer.map_or("input", |layer| &layer.name);
            steps.push(format!("{name} {shape:?}"));
            next = layer.map(|layer| layer.sources[0]);
        }
        steps.reverse();
        steps.join(" -> ")
    }
}
