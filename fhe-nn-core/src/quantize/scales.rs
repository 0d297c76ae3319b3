//! The meaning of tensors' integers, which is given, shared by a group of tensors, or found from values.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::spec::{Op, Spec, Tensor};
use fhe_nn_proof::widths::Range;
use ndarray::Array2;

use super::Calibration;
use super::float::Float;
use super::groups::Groups;
use super::run::undeclarable;
use crate::Error;

/// The meanings that the integers of some tensors must have.
pub(crate) struct Scales {
    groups: Groups,
    /// For every tensor that is a root, its scale if it is shared.
    shared: Vec<Option<f64>>,
    /// For every tensor, the meaning of its integers if the floats give it.
    preset: Vec<Option<Affine>>,
}

/// Relative difference allowed between scales that should be the same, because they are kept as 32-bit
/// floats.
const SAME: f64 = 1e-6;

impl Scales {
    /// Finds the groups that share a scale, and a scale for each that is large enough for all members among the tensors whose
    /// `facts` are given.
    ///
    /// # Errors
    /// [`Error::Model`] if given scales differ that must be the same, and those of the float network.
    pub(crate) fn find(
        float: &Float<'_>,
        facts: &[Tensor],
        samples: &Array2<f64>,
        calibration: &Calibration,
    ) -> Result<Self, Error> {
        let spec = float.spec;
        let groups = Groups::of(spec)?;
        let preset = facts.iter().enumerate();
        let preset = preset.map(|(tensor, fact)| float.kept(tensor, fact.range, calibration));
        let mut scales = Scales {
            shared: vec![None; facts.len()],
            preset: preset.collect::<Result<_, _>>()?,
            groups,
        };
        let is_moved = |&tensor: &usize| {
            let moved = scales.preset[tensor].is_some_and(|preset| preset.zero_point != 0);
            moved && scales.is_centred(tensor)
        };
        if let Some(tensor) = (0..facts.len()).find(is_moved) {
            return Err(undeclarable(
                name_of(spec, tensor),
                "what is multiplied, concatenated or padded has the zero point 0",
            ));
        }
        let shared = scales.groups.shared();
        if shared.is_empty() {
            return Ok(scales);
        }
        let reals = float.run(samples.clone())?;
        for own in shared {
            let own = own.into_iter().filter(|&(tensor, _)| tensor < facts.len());
            let own: Vec<_> = own.collect();
            let Some(&(last, _)) = own.last() else {
                continue;
            };
            let mut given = own
                .iter()
                .filter_map(|&(tensor, divisor)| Some(scales.given(spec, tensor)? * divisor));
            let scale = match given.next() {
                Some(scale) if given.any(|other| (other - scale).abs() > SAME * scale) => {
                    let layer = name_of(spec, last);
                    return Err(undeclarable(layer, "tensors of given scales have the same"));
                }
                Some(scale) => scale,
                None => {
                    let needed = own.iter().map(|&(tensor, divisor)| {
                        let levels = facts[tensor].range;
                        let affine = scales.calibrate(tensor, &reals[tensor], levels, calibration);
                        affine.scale * divisor
                    });
                    needed.fold(0.0, f64::max)
                }
            };
            for (tensor, divisor) in own {
                scales.shared[tensor] = Some(scale / divisor);
            }
        }
        Ok(scales)
    }

    /// The meaning of a tensor's integers, found from its real values where it is not given.
    pub(crate) fn of(
        &self,
        tensor: usize,
        real: &Array2<f64>,
        levels: Range,
        calibration: &Calibration,
    ) -> Affine {
        if let Some(preset) = self.preset[tensor] {
            return preset;
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
        // the same reals stay in the middle of the levels, or at their place
        let lo = own.real(levels.lo) / scale;
        let zero_point = (levels.lo as f64 - lo).round_ties_even() as i64;
        Affine {
            scale,
            zero_point: zero_point.clamp(levels.lo, levels.hi),
        }
    }

    /// The meaning of a tensor's integers for values that are symmetric around 0.
    pub(crate) fn symmetric(
        &self,
        tensor: usize,
        values: &Array2<f64>,
        levels: Range,
        calibration: &Calibration,
    ) -> Affine {
        if let Some(preset) = self.preset[tensor] {
            return preset;
        }
        let values: Vec<f64> = values.iter().copied().collect();
        let own = calibration.weights(&values, levels.hi);
        Affine {
            scale: self.shared[tensor].unwrap_or(own),
            zero_point: 0,
        }
    }

    /// The scale of a tensor if calibration cannot change it.
    fn given(&self, spec: &Spec, tensor: usize) -> Option<f64> {
        let preset = self.preset[tensor].map(|preset| preset.scale);
        let layer = tensor.checked_sub(1).map(|index| &spec.layers[index].op);
        match layer {
            Some(Op::Activation(act)) if act.function.is_antiperiodic() => {
                Some(1.0 / act.function.range(act.output).hi as f64)
            }
            _ => preset,
        }
    }

    /// Whether 0 must stand for 0 in a tensor.
    pub(super) fn is_centred(&self, tensor: usize) -> bool {
        self.groups.is_centred(tensor)
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
        // the same number of levels on either side of 0
        let most = levels.hi.min(-levels.lo);
        let sizes: Vec<f64> = real.iter().map(|x| x.abs()).collect();
        let sizes = calibration.tensor(sizes.iter(), Range { lo: 0, hi: most });
        Affine {
            scale: sizes.scale,
            zero_point: 0,
        }
    }
}

/// The name of the field that makes a tensor.
fn name_of(spec: &Spec, tensor: usize) -> &str {
    let layer = tensor.checked_sub(1).map(|index| &spec.layers[index]);
    layer.map_or("input", |layer| &layer.name)
}
