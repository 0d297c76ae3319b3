//! Printing of declarations.

use core::fmt;

use super::{Scales, Spec};

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: input {:?} of {} bits",
            self.name, self.input.shape, self.input.bits
        )?;
        match self.input.scales {
            Scales::One => writeln!(f)?,
            scales => writeln!(f, ", scales {scales}")?,
        }
        let width = self
            .layers
            .iter()
            .map(|layer| layer.name.len())
            .max()
            .unwrap_or(0);
        let tensors = self.flow().unwrap_or_default();
        for (index, layer) in self.layers.iter().enumerate() {
            write!(f, "  {:width$}  {}", layer.name, layer.op)?;
            if !layer.sources.is_empty() {
                let names: Vec<&str> = layer
                    .sources
                    .iter()
                    .map(|&source| self.name_of(source))
                    .collect();
                write!(f, " of {}", names.join(", "))?;
            }
            let before = self
                .sources(index)
                .first()
                .and_then(|&tensor| tensors.get(tensor));
            let worst = layer.op.linear().zip(before);
            match worst.and_then(|(linear, before)| linear.worst_case(before.range)) {
                Some(worst)
                    if Some(worst) != layer.op.linear().map(|linear| linear.accumulator) =>
                {
                    write!(f, " (worst case {worst})")?;
                }
                _ => {}
            }
            match tensors.get(index + 1) {
                Some(tensor) if tensor.shape.len() > 1 => writeln!(f, " -> {:?}", tensor.shape)?,
                _ => writeln!(f)?,
            }
        }
        Ok(())
    }
}
