//! Scales that the model itself sets, and that the network keeps.

use fhe_nn_proof::spec::{Layer, Op, Pool, Spec, TensorKind};
use ndarray::{ArrayD, IxDyn};

use super::network::{Net, Source};
use crate::Error;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Operation, never_decreases, recognize};
use crate::import::place::{Grid, View};
use crate::quantize::Groups;

impl Net {
    /// Writes a view with the scale to which the model quantizes it. What the quantizer cuts is a part of the
    /// function: tools drop a ReLU that the range of the quantizer behind it repeats.
    pub(crate) fn quantized(&mut self, view: &View, grid: Grid) -> Result<usize, Refusal> {
        if self.is_input(view) {
            // it is not written before a layer says in which order it is read
            return self.quantized_input(grid).map(|()| 0);
        }
        let known = |(base, expr, known, _): &&(usize, Expr, Grid, usize)| {
            *base == view.base && expr.is(&view.expr) && *known == grid
        };
        if let Some((.., tensor)) = self.on_grids.iter().find(known) {
            return Ok(*tensor);
        }
        let tensor = match self.bases[view.base].source {
            // the greatest level is that of the greatest value
            Source::MaxPool(base, pool) if never_decreases(&view.expr) => {
                let inner = View {
                    base,
                    ..view.clone()
                };
                let tensor = self.quantized(&inner, grid)?;
                self.push("max_pool", vec![tensor], Op::Pool(pool))?
            }
            _ => self.on_grid(view, grid)?,
        };
        self.on_grids
            .push((view.base, view.expr.clone(), grid, tensor));
        Ok(tensor)
    }

    fn on_grid(&mut self, view: &View, grid: Grid) -> Result<usize, Refusal> {
        let asked = grid;
        let written = match self.rectified(view, grid) {
            Some(rectified) => self.written(&rectified)?,
            None => self.written(view)?,
        };
        if written.line.is_itself() && self.is_on(written.tensor, grid) {
            return Ok(written.tensor);
        }
        let is_free = self
            .widths
            .iter()
            .all(|(tensor, _)| *tensor != written.tensor);
        let maker = self.maker(written.tensor);
        let has_table = maker.is_some_and(|layer| matches!(layer.op, Op::Activation(_)));
        let tensor = match (written.line.is_itself(), self.facts[written.tensor].kind) {
            (true, TensorKind::Values) if is_free && has_table => written.tensor,
            (true, TensorKind::Sums) => self.identity(written.tensor)?,
            _ => {
                let line = self.by_channel(&written)?;
                let sums = self.scaled(written.tensor, &line)?;
                self.identity(sums)?
            }
        };
        let Op::Activation(act) = &self.layers[tensor - 1].op else {
            return refuse("values of a layer without a table have the scale of what it reads");
        };
        // values that are never negative need no levels below 0
        let is_unsigned = act.function.range(1).lo == 0;
        let grid = if is_unsigned && grid.zero_point > grid.lo {
            Grid {
                lo: grid.zero_point,
                ..grid
            }
        } else {
            grid
        };
        let range = act.function.range(grid.bits().clamp(1, 8));
        // the model's integers if the function has them, so that 0 stays 0
        let lo = if range.contains(grid.lo) && range.contains(grid.hi) {
            grid.lo
        } else {
            range.lo
        };
        let name = self.layers[tensor - 1].name.to_string();
        self.fix(tensor, &name, grid, lo)?;
        self.grids.push((tensor, asked));
        Ok(tensor)
    }

    /// The view without values below 0, if its quantizer has no levels for them and that makes the function one
    /// that the language knows, such as the ReLU that a tool left to the quantizer.
    fn rectified(&self, view: &View, grid: Grid) -> Option<View> {
        let has_sums = match self.bases[view.base].source {
            Source::Linear(_) => true,
            Source::Tensor(tensor) | Source::Each(tensor) => {
                self.facts[tensor].kind == TensorKind::Sums
            }
            Source::Input | Source::MaxPool(..) | Source::Client(_) => false,
        };
        let is_line = view.expr.line().is_some();
        if grid.zero_point != grid.lo || is_line && !has_sums {
            return None;
        }
        let zero = Expr::constant(vec![0.0]);
        let expr = Expr::apply(Operation::Max, vec![view.expr.clone(), zero]);
        recognize(&expr).map(|_| View {
            expr,
            ..view.clone()
        })
    }

    /// Keeps the scale of a tensor whose least integer is `lo`.
    pub(super) fn fix(
        &mut self,
        tensor: usize,
        name: &str,
        grid: Grid,
        lo: i64,
    ) -> Result<(), Refusal> {
        let most = if tensor == 0 { 16 } else { 8 };
        if grid.bits() > most {
            let bits = grid.bits();
            return refuse(format!(
                "it quantizes to {bits} bits, but at most {most} are known here"
            ));
        }
        let one = |x: f64| ArrayD::from_elem(IxDyn(&[1]), x as f32);
        let levels = grid.hi - grid.lo + 1;
        if tensor == 0 && !(levels as u64).is_power_of_two() {
            self.notes.push(format!(
                "the model cuts inputs to {levels} levels, but the client has {}: beyond the model's range, inputs go on for the rest of these",
                1u64 << grid.bits()
            ));
        }
        let zero_point = grid.zero_point - grid.lo + lo;
        self.floats
            .insert(format!("{name}.scale"), one(grid.scale))?;
        self.floats
            .insert(format!("{name}.zero_point"), one(zero_point as f64))?;
        let ends = grid.ends().map(|end| end as f32);
        let clamp = ArrayD::from_shape_vec(IxDyn(&[2]), ends.to_vec()).expect("two ends");
        self.floats.insert(format!("{name}.clamp"), clamp)?;
        self.widths.retain(|(known, _)| *known != tensor);
        self.widths.push((tensor, grid.bits()));
        Ok(())
    }

    /// Drops the scales of tensors that are added or concatenated if they differ: the quantizer then finds one.
    /// What the model's quantizers compute stays.
    pub(crate) fn share_scales(&mut self, tensors: &[usize]) {
        let roots: Vec<usize> = tensors
            .iter()
            .flat_map(|&tensor| self.roots(tensor))
            .collect();
        let scale = |root: &usize| {
            let name = self.name_of(*root);
            let kept = self.floats.get(&format!("{name}.scale"));
            kept.and_then(|scale| scale.first().copied())
        };
        let mut scales = roots.iter().filter_map(scale);
        let first = scales.next();
        if scales.all(|other| Some(other) == first) {
            return;
        }
        for root in roots {
            self.drop_scale(root, "is added to values of another scale");
        }
    }

    /// Drops scales with a zero point where 0 must stand for 0, and those that are shared with narrowed values.
    ///
    /// # Errors
    /// Those of [`Groups::of`].
    pub(crate) fn drop_moved_scales(&mut self, spec: &Spec) -> Result<(), Error> {
        let groups = Groups::of(spec)?;
        for own in groups.shared() {
            if own.iter().any(|(tensor, _)| self.narrowed.contains(tensor)) {
                for (tensor, _) in own {
                    self.drop_scale(tensor, "is added to values of fewer bits");
                }
            }
        }
        for tensor in (1..self.facts.len()).filter(|&tensor| groups.is_centred(tensor)) {
            let zero_point = format!("{}.zero_point", self.name_of(tensor));
            let zero_point = self.floats.get(&zero_point).and_then(|own| own.first());
            if zero_point.is_some_and(|&zero_point| zero_point != 0.0) {
                self.drop_scale(tensor, "is read where 0 must be at 0");
            }
        }
        Ok(())
    }

    /// Drops all scales, which are then found anew for the widths of the declaration.
    pub(crate) fn requantize(&mut self) {
        let tensors = 0..self.facts.len();
        let values = tensors.filter(|&tensor| self.take_scale(tensor)).count();
        let mut take = |name: &str| self.floats.take(&format!("{name}.weight_scale"));
        let weights = self.layers.iter().filter_map(|layer| take(&layer.name));
        let weights = weights.count();
        if values + weights > 0 {
            self.notes.push(format!(
                "the model's own scales of {values} tensors and of the weights of {weights} layers are not kept: they are found anew"
            ));
        }
    }

    /// Drops the scale of a tensor for integers, with a note.
    pub(super) fn drop_scale(&mut self, tensor: usize, because: &str) {
        if self.take_scale(tensor) {
            self.notes.push(format!(
                "`{}` {because}, so the scale of its own quantizer is not kept",
                self.name_of(tensor)
            ));
        }
    }

    /// Takes the scale of a tensor away from the integers; `false` if it has none. The float network still
    /// rounds to it.
    fn take_scale(&mut self, tensor: usize) -> bool {
        let name = self.name_of(tensor).to_owned();
        let Some(scale) = self.floats.take(&format!("{name}.scale")) else {
            return false;
        };
        self.floats.take(&format!("{name}.zero_point"));
        self.floats
            .insert(format!("{name}.step"), scale)
            .expect("it was among the floats before");
        true
    }

    /// The tensor itself, or its values after a table if it has the scale of a product.
    pub(crate) fn of_one_scale(&mut self, tensor: usize) -> Result<usize, Refusal> {
        let mut root = tensor;
        while let Some(index) = root.checked_sub(1) {
            match self.layers[index].op {
                Op::Mul => return self.identity(tensor),
                Op::Pool(_) | Op::Flatten => root = self.sources(index)[0],
                _ => break,
            }
        }
        Ok(tensor)
    }

    /// The tensors whose scale a tensor has: itself, or those that its values are chosen from.
    fn roots(&self, tensor: usize) -> Vec<usize> {
        match self.maker(tensor) {
            Some(layer) if chooses(layer) => {
                let sources = self.sources(tensor - 1);
                sources
                    .into_iter()
                    .flat_map(|source| self.roots(source))
                    .collect()
            }
            _ => vec![tensor],
        }
    }

    /// Whether a tensor keeps this scale.
    pub(super) fn is_on(&self, tensor: usize, grid: Grid) -> bool {
        self.roots(tensor).into_iter().all(|root| {
            let known = self.grids.iter().find(|(tensor, _)| *tensor == root);
            known.is_some_and(|(_, known)| *known == grid)
        })
    }
}

/// Whether the results of a layer are some of the values that it reads.
pub(super) fn chooses(layer: &Layer) -> bool {
    match &layer.op {
        Op::Pool(pool) => pool.kind == Pool::Max,
        op => matches!(op, Op::Concat | Op::Flatten),
    }
}
