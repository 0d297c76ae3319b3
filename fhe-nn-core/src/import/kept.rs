//! Scales that a model has itself, and that are kept.

use fhe_nn_proof::spec::{Layer, Op, Pool, TensorKind};
use ndarray::{ArrayD, IxDyn};

use super::error::{Refusal, refuse};
use super::net::Net;
use super::signal::{Grid, Signal};

impl Net {
    /// A signal, quantized as the model says: a tensor with this scale.
    pub(super) fn quantized(&mut self, signal: &Signal, grid: Grid) -> Result<usize, Refusal> {
        let values = self.values(signal)?;
        if values.tensor == 0 && values.line.is_itself() {
            self.fix(0, "input", grid, 0)?;
            return Ok(0);
        }
        if values.line.is_itself() && self.is_on(values.tensor, grid) {
            return Ok(values.tensor);
        }
        let is_free = self
            .widths
            .iter()
            .all(|(tensor, _)| *tensor != values.tensor);
        let has_table = matches!(
            values
                .tensor
                .checked_sub(1)
                .map(|layer| &self.layers[layer].op),
            Some(Op::Activation(_))
        );
        let tensor = match (values.line.is_itself(), self.facts[values.tensor].kind) {
            (true, TensorKind::Values) if is_free && has_table => values.tensor,
            (true, TensorKind::Sums) => self.identity(values.tensor)?,
            _ => {
                let line = self.by_channel(&values)?;
                let sums = self.scaled(values.tensor, &line)?;
                self.identity(sums)?
            }
        };
        let Op::Activation(act) = &self.layers[tensor - 1].op else {
            return refuse("values of a layer without a table have the scale of what it reads");
        };
        let lo = act.function.range(grid.bits().clamp(1, 8)).lo;
        let name = self.layers[tensor - 1].name.to_string();
        self.fix(tensor, &name, grid, lo)?;
        Ok(tensor)
    }

    /// Keeps the scale of a tensor whose integers begin with `lo`.
    fn fix(&mut self, tensor: usize, name: &str, grid: Grid, lo: i64) -> Result<(), Refusal> {
        let most = if tensor == 0 { 16 } else { 8 };
        if grid.bits() > most {
            let bits = grid.bits();
            return refuse(format!(
                "it quantizes to {bits} bits, but at most {most} are known here"
            ));
        }
        let one = |x: f64| ArrayD::from_elem(IxDyn(&[1]), x as f32);
        let zero_point = grid.zero_point - grid.lo + lo;
        self.floats
            .insert(format!("{name}.scale"), one(grid.scale))?;
        self.floats
            .insert(format!("{name}.zero_point"), one(zero_point as f64))?;
        self.widths.retain(|(known, _)| *known != tensor);
        self.widths.push((tensor, grid.bits()));
        Ok(())
    }

    /// Whether a tensor has a scale that is kept, and the same.
    fn is_on(&self, tensor: usize, grid: Grid) -> bool {
        let layer = tensor.checked_sub(1).map(|index| &self.layers[index]);
        let chooses = |layer: &&Layer| match &layer.op {
            Op::Pool(pool) => pool.kind == Pool::Max,
            op => matches!(op, Op::Concat | Op::Flatten),
        };
        if let Some(layer) = layer.filter(chooses) {
            let before = [tensor - 1];
            let sources = match layer.sources.is_empty() {
                true => &before[..],
                false => &layer.sources,
            };
            return sources.iter().all(|&source| self.is_on(source, grid));
        }
        let name = layer.map_or("input", |layer| &layer.name);
        let kept = self.floats.get(&format!("{name}.scale"));
        kept.and_then(|scale| scale.first().copied()) == Some(grid.scale as f32)
    }
}
