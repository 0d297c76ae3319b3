//! Tensors that must have one scale.
//!
//! Integers are added as they are, so the operands of `Add` and of `Concat` must mean the same by a unit.
//! The scale of a tensor is free where it comes from a padded table, an embedding or the input; it is given
//! for `Wave` and `Sign`; and it follows from another where a layer only adds up or chooses: an average of
//! n values has a scale n times as small.
//!
//! So every tensor has a root, whose scale is divided by a number; and roots that meet are one group.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{Function, Op, Pool, Spec, Tensor};
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::{Calibration, Float, undeclarable};
use crate::Error;

/// What the integers of some tensors must mean.
pub(super) struct Scales {
    /// Of every tensor: its root, and the divisor of the root's scale.
    roots: Vec<(usize, f64)>,
    /// Of every tensor that is a root: the scale, if it is shared.
    shared: Vec<Option<f64>>,
    /// Whether 0 must stand for 0, of every tensor that is a root.
    centred: Vec<bool>,
    /// Of every tensor, what is given and kept.
    kept: Vec<Option<Affine>>,
}

/// A root, and by what the scale of its group is divided to give its own.
#[derive(Clone, Copy)]
struct Member {
    group: usize,
    divisor: f64,
}

impl Scales {
    /// Finds what must be shared, and scales for it that hold what all need.
    ///
    /// # Errors
    /// [`Error::Undeclarable`] if given scales differ that must be one, and those of the float network.
    pub(super) fn find(
        float: &Float<'_>,
        facts: &[Tensor],
        samples: &Array2<f64>,
        calibration: &Calibration,
    ) -> Result<Self, Error> {
        let spec = float.spec;
        let roots = roots(spec);
        let mut members: Vec<Member> = (0..roots.len())
            .map(|group| Member {
                group,
                divisor: 1.0,
            })
            .collect();
        let mut shared = vec![false; roots.len()];
        for (index, layer) in spec.layers.iter().enumerate() {
            if !matches!(layer.op, Op::Add | Op::Concat) {
                continue;
            }
            let sources = spec.sources(index);
            let is_product = |&source: &usize| {
                let root = roots[source].0.checked_sub(1);
                root.is_some_and(|root| spec.layers[root].op == Op::Mul)
            };
            if sources.iter().any(is_product) {
                return Err(undeclarable(
                    &layer.name,
                    "a product has a scale of its own, and a table gives it another",
                ));
            }
            let (first, factor) = roots[sources[0]];
            shared[first] = true;
            for &source in &sources[1..] {
                let (root, divisor) = roots[source];
                // scale of the first / factor = scale of this / divisor
                let (a, b) = (members[first], members[root]);
                let (a_total, b_total) = (a.divisor * factor, b.divisor * divisor);
                if a.group == b.group && a_total != b_total {
                    return Err(undeclarable(&layer.name, "operands have one scale"));
                }
                for member in members.iter_mut().filter(|member| member.group == b.group) {
                    *member = Member {
                        group: a.group,
                        divisor: member.divisor * a_total / b_total,
                    };
                }
                shared[root] = true;
            }
        }
        let kept = facts.iter().enumerate();
        let kept = kept.map(|(tensor, fact)| float.kept(tensor, fact.range));
        let mut scales = Scales {
            shared: vec![None; roots.len()],
            centred: centred(spec, &roots),
            kept: kept.collect::<Result<_, _>>()?,
            roots,
        };
        let is_moved = |&tensor: &usize| {
            let moved = scales.kept[tensor].is_some_and(|kept| kept.zero_point != 0);
            moved && scales.is_centred(tensor)
        };
        if let Some(tensor) = (0..facts.len()).find(is_moved) {
            return Err(undeclarable(
                name_of(spec, tensor),
                "what is multiplied, concatenated or padded has the zero point 0",
            ));
        }
        if !shared.contains(&true) {
            return Ok(scales);
        }
        let reals = float.run(samples.clone())?;
        for group in 0..members.len() {
            let own = |&tensor: &usize| shared[tensor] && members[tensor].group == group;
            let own: Vec<usize> = (0..members.len()).filter(own).collect();
            let Some(&last) = own.last() else { continue };
            let mut given = own
                .iter()
                .filter_map(|&tensor| Some(scales.given(spec, tensor)? * members[tensor].divisor));
            let scale = match given.next() {
                Some(scale) if given.any(|other| other != scale) => {
                    let layer = name_of(spec, last);
                    return Err(undeclarable(layer, "tensors of given scales have the same"));
                }
                Some(scale) => scale,
                None => {
                    let needed = own.iter().map(|&tensor| {
                        let levels = facts[tensor].range;
                        let affine = scales.calibrate(tensor, &reals[tensor], levels, calibration);
                        affine.scale * members[tensor].divisor
                    });
                    needed.fold(0.0, f64::max)
                }
            };
            for &tensor in &own {
                scales.shared[tensor] = Some(scale / members[tensor].divisor);
            }
        }
        Ok(scales)
    }

    /// What the integers of a tensor mean that is free, from its real values.
    pub(super) fn of(
        &self,
        tensor: usize,
        real: &Array2<f64>,
        levels: Range,
        calibration: &Calibration,
    ) -> Affine {
        if let Some(kept) = self.kept[tensor] {
            return kept;
        }
        let own = self.calibrate(tensor, real, levels, calibration);
        let Some(scale) = self.shared[tensor] else {
            return own;
        };
        if self.is_centred(tensor) {
            return Affine {
                scale,
                zero_point: 0,
            };
        }
        // the same reals in the middle of the levels, or as they were
        let lo = own.real(levels.lo) / scale;
        let zero_point = (levels.lo as f64 - lo).round() as i64;
        Affine {
            scale,
            zero_point: zero_point.clamp(levels.lo, levels.hi),
        }
    }

    /// The same for values that are symmetric around 0.
    pub(super) fn symmetric(
        &self,
        tensor: usize,
        values: &Array2<f64>,
        levels: Range,
        calibration: &Calibration,
    ) -> Affine {
        let values: Vec<f64> = values.iter().copied().collect();
        let own = calibration.weights(&values, levels.hi);
        Affine {
            scale: self.shared[tensor].unwrap_or(own),
            zero_point: 0,
        }
    }

    /// The scale of a tensor that no calibration changes.
    fn given(&self, spec: &Spec, tensor: usize) -> Option<f64> {
        let kept = self.kept[tensor].map(|kept| kept.scale);
        let layer = tensor.checked_sub(1).map(|index| &spec.layers[index].op);
        match layer {
            Some(Op::Activation(act)) if act.function.is_antiperiodic() => {
                Some(1.0 / act.function.range(act.output).hi as f64)
            }
            _ => kept,
        }
    }

    /// Whether 0 must stand for 0.
    pub(super) fn is_centred(&self, tensor: usize) -> bool {
        self.centred[self.roots[tensor].0]
    }

    fn calibrate(
        &self,
        tensor: usize,
        real: &Array2<f64>,
        levels: Range,
        calibration: &Calibration,
    ) -> Affine {
        if !self.is_centred(tensor) || levels.lo == 0 {
            return calibration.tensor(real.iter(), levels);
        }
        // as many levels on either side of 0
        let most = levels.hi.min(-levels.lo);
        let sizes: Vec<f64> = real.iter().map(|x| x.abs()).collect();
        let sizes = calibration.tensor(sizes.iter(), Range { lo: 0, hi: most });
        Affine {
            scale: sizes.scale,
            zero_point: 0,
        }
    }
}

/// For every tensor, the one whose scale decides, and the divisor.
fn roots(spec: &Spec) -> Vec<(usize, f64)> {
    let mut roots = vec![(0, 1.0)];
    for (index, layer) in spec.layers.iter().enumerate() {
        let (root, divisor): (usize, f64) = roots[spec.sources(index)[0]];
        roots.push(match &layer.op {
            Op::Pool(pool) => match pool.kind {
                Pool::Max => (root, divisor),
                Pool::Average => (root, divisor * pool.window.taps() as f64),
            },
            Op::Add | Op::Concat | Op::Flatten => (root, divisor),
            Op::Dense(_) | Op::Conv(_) | Op::Embedding(_) | Op::Activation(_) | Op::Mul => {
                (index + 1, 1.0)
            }
        });
    }
    roots
}

/// The name of the field that makes a tensor.
fn name_of(spec: &Spec, tensor: usize) -> &str {
    let layer = tensor.checked_sub(1).map(|index| &spec.layers[index]);
    layer.map_or("input", |layer| &layer.name)
}

/// Where 0 must stand for 0: what is multiplied, put one behind the other, padded in an average, or whose
/// sign is taken.
fn centred(spec: &Spec, roots: &[(usize, f64)]) -> Vec<bool> {
    let mut centred = vec![false; roots.len()];
    for (index, layer) in spec.layers.iter().enumerate() {
        let needs = match &layer.op {
            Op::Mul | Op::Concat => true,
            Op::Pool(pool) => pool.kind == Pool::Average && pool.window.pads(),
            Op::Activation(act) => act.function == Function::Sign,
            Op::Dense(_) | Op::Conv(_) | Op::Embedding(_) | Op::Add | Op::Flatten => false,
        };
        if needs {
            for source in spec.sources(index) {
                mark(spec, roots, source, &mut centred);
            }
        }
    }
    centred
}

/// Marks all roots that a tensor is a sum of.
fn mark(spec: &Spec, roots: &[(usize, f64)], tensor: usize, centred: &mut [bool]) {
    centred[roots[tensor].0] = true;
    if let Some(index) = tensor.checked_sub(1) {
        let sums = matches!(
            spec.layers[index].op,
            Op::Pool(_) | Op::Add | Op::Concat | Op::Flatten
        );
        for source in spec.sources(index).into_iter().filter(|_| sums) {
            mark(spec, roots, source, centred);
        }
    }
}
