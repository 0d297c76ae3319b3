//! Floats for a changed network: its weights compute nearly what they did before the change.
//!
//! The results of the changed layer are mapped back, channel by channel, to those that the next layer with weights read
//! before: by least squares over samples, from all phases of a channel and a constant. That map goes into the weights and
//! biases of that layer. Where that layer reads padding, the constant is added for it as well, which is left to training.

use candle_core::Device;
use fhe_nn_proof::error::ModelError;
use fhe_nn_proof::spec::{Op, Spec};
use fhe_nn_proof::widths::max_weight;
use ndarray::{Array2, ArrayView2};

use super::change::{Change, Kind, before, behind};
use super::least_squares::Map;
use crate::layer::is_smooth;
use crate::quantize::{Float, float_tensors, linear_sums, weight_shape};
use crate::train::parameters::reads_wave;
use crate::train::{Trainable, insert};
use crate::{Error, Floats};

/// A network with its floats, and the results of all its layers over samples.
pub(super) struct Known<'a> {
    float: Float<'a>,
    /// In reals: those of the integers if the float network computes something else.
    tensors: Vec<Array2<f64>>,
    samples: ArrayView2<'a, f32>,
    device: &'a Device,
}

impl<'a> Known<'a> {
    /// Runs a network over samples, `[samples, values of one input]`.
    ///
    /// # Errors
    /// Those of [`Trainable::load`].
    pub(super) fn new(
        spec: &'a Spec,
        floats: &'a Floats,
        samples: ArrayView2<'a, f32>,
        device: &'a Device,
    ) -> Result<Self, Error> {
        let tensors = if is_smooth(spec.layers.iter().map(|layer| &layer.op)) {
            float_tensors(spec, &[], floats, samples)?
        } else {
            let mut module = Trainable::new(spec, Vec::new(), device, 0)?;
            module.load(floats, samples)?;
            module.reals_of_layers(samples)?
        };
        Ok(Known {
            float: Float {
                spec,
                floats,
                functions: &[],
            },
            tensors,
            samples,
            device,
        })
    }

    /// Floats for the declaration `next`, which a change made of this one, so that it computes nearly the same.
    ///
    /// # Errors
    /// Those of [`Trainable::load`].
    pub(super) fn refit(&self, change: Change, next: &Spec) -> Result<Floats, Error> {
        let (spec, layer) = (self.float.spec, change.layer);
        let name = &*spec.layers[layer].name;
        let mut own = self.float.floats.clone();
        if next.input.bits != spec.input.bits {
            own = own.without(&["input.scale", "input.zero_point", "input.step"]);
        }
        match change.kind {
            Kind::Narrower => return narrower(own, (spec, next), layer),
            Kind::Wave { .. } | Kind::Sign => own = own.without(&[name]),
            Kind::Average | Kind::Fold => {
                // averages may be padded, whose values must lie around 0
                if let Some(source) = spec.sources(layer)[0].checked_sub(1) {
                    let name = &spec.layers[source].name;
                    let found =
                        ["scale", "zero_point", "clamp"].map(|kind| format!("{name}.{kind}"));
                    own = own.without(&found.each_ref().map(String::as_str));
                }
            }
        }
        let reader = behind(spec, layer).ok_or(ModelError::PartMissing)?.linear;
        // stand in for weights that are not known yet
        self.set(&mut own, next, reader, |shape| {
            vec![0.0; shape.iter().product()]
        })?;
        let changed = match change.kind {
            Kind::Wave { .. } => before(spec, layer),
            Kind::Fold => Some(self.fold(&mut own, next, layer)?),
            Kind::Sign | Kind::Average | Kind::Narrower => None,
        };
        if let Some(linear) = changed
            && reads_wave(next, place(next, &spec.layers[linear].name)?)
        {
            self.spread(&mut own, next, linear)?;
        }
        self.map_back(&mut own, next, layer, reader)?;
        Ok(own)
    }

    /// Sets the weights of a layer, by its index before the change.
    fn set(
        &self,
        own: &mut Floats,
        next: &Spec,
        layer: usize,
        weights: impl Fn(&[usize]) -> Vec<f32>,
    ) -> Result<(), Error> {
        let name = &self.float.spec.layers[layer].name;
        let linear = next.layers[place(next, name)?].op.linear();
        let shape = weight_shape(&linear.ok_or(ModelError::PartMissing)?);
        own.take(&format!("{name}.weight_scale"));
        insert(own, format!("{name}.weight"), &shape, weights(&shape))
    }

    fn set_bias(&self, own: &mut Floats, layer: usize, bias: Vec<f32>) -> Result<(), Error> {
        let name = format!("{}.bias", self.float.spec.layers[layer].name);
        insert(own, name, &[bias.len()], bias)
    }

    /// Scales the weights whose sums a `Wave` reads so that the greatest of each channel is the greatest integer, and moves
    /// the middle of the sums to the middle of where the wave rises.
    fn spread(&self, own: &mut Floats, next: &Spec, linear: usize) -> Result<(), Error> {
        let spec = self.float.spec;
        let name = &spec.layers[linear].name;
        let place = place(next, name)?;
        let mut module = Trainable::new(next, Vec::new(), self.device, 0)?;
        module.load(own, self.samples)?;
        let latent = module.latent_weights(place)?;
        let declared = next.layers[place].op.linear();
        let declared = declared.ok_or(ModelError::PartMissing)?;
        let greatest = max_weight(declared.weights) as f64;
        let begins = Float {
            spec: next,
            floats: own,
            functions: &[],
        };
        let (weights, bias) = begins.linear(name, &declared)?;
        let values = &self.tensors[spec.sources(linear)[0]];
        let sums = linear_sums(&declared, &weights, &bias, values);
        let positions = sums.ncols() / declared.channels;
        let (mut scaled, mut moved) = (Vec::new(), Vec::new());
        for (j, row) in weights.rows().into_iter().enumerate() {
            let most = latent
                .row(j)
                .iter()
                .fold(0.0, |most: f64, w| most.max(w.abs().into()));
            let factor = if most > 0.0 { greatest / most } else { 1.0 };
            let own = sums.slice(ndarray::s![.., j * positions..(j + 1) * positions]);
            let middle = middle(own.iter().copied().collect());
            scaled.extend(row.iter().map(|w| (factor * w) as f32));
            moved.push((RISES - factor * (middle - bias[j])) as f32);
        }
        self.set(own, next, linear, |_| scaled.clone())?;
        self.set_bias(own, linear, moved)
    }

    /// Sets the weights of a convolution that takes averages of what it computed before, and returns its index.
    fn fold(&self, own: &mut Floats, next: &Spec, layer: usize) -> Result<usize, Error> {
        let spec = self.float.spec;
        let linear = spec.sources(layer)[0].checked_sub(1);
        let linear = linear.and_then(|activation| before(spec, activation));
        let linear = linear.ok_or(ModelError::PartMissing)?;
        let name = &spec.layers[linear].name;
        let ops = (
            &spec.layers[layer].op,
            &spec.layers[linear].op,
            &next.layers[place(next, name)?].op,
        );
        let (Op::Pool(pool), Op::Conv(conv), Op::Conv(folded)) = ops else {
            return Err(ModelError::PartMissing.into());
        };
        let declared = spec.layers[linear].op.linear();
        let declared = declared.ok_or(ModelError::PartMissing)?;
        let (weights, _) = self.float.linear(name, &declared)?;
        let (inner, outer) = (conv.window, pool.window);
        let [down, across] = inner.kernel;
        let wide = folded.window.kernel;
        let area = (outer.kernel[0] * outer.kernel[1]) as f64;
        self.set(own, next, linear, |shape| {
            let mut folded = vec![0.0; shape.iter().product()];
            for (at, w) in weights.iter().enumerate() {
                let (plane, y, x) = (at / (down * across), at / across % down, at % across);
                for (v, u) in
                    (0..outer.kernel[0]).flat_map(|v| (0..outer.kernel[1]).map(move |u| (v, u)))
                {
                    let (y, x) = (y + v * inner.stride[0], x + u * inner.stride[1]);
                    folded[(plane * wide[0] + y) * wide[1] + x] += (w / area) as f32;
                }
            }
            folded
        })?;
        Ok(linear)
    }

    /// Sets weights and biases of the layer that reads what changed.
    fn map_back(
        &self,
        own: &mut Floats,
        next: &Spec,
        layer: usize,
        reader: usize,
    ) -> Result<(), Error> {
        let spec = self.float.spec;
        let name = &spec.layers[reader].name;
        let mut module = Trainable::new(next, Vec::new(), self.device, 0)?;
        module.load(own, self.samples)?;
        let source = next.sources(place(next, name)?)[0];
        let features = module.reals_of_layers(self.samples)?.swap_remove(source);
        let targets = &self.tensors[spec.sources(reader)[0]];
        let facts = spec.flow().map_err(|at| ModelError::flow(spec, at))?;
        let map = Map::fit(&features, targets, facts[layer + 1].shape[0]);
        let declared = spec.layers[reader].op.linear();
        let (weights, bias) = self
            .float
            .linear(name, &declared.ok_or(ModelError::PartMissing)?)?;
        let (weights, bias) = map.through(&weights, &bias);
        let reals = |values: &mut dyn Iterator<Item = &f64>| values.map(|&x| x as f32).collect();
        let weights: Vec<f32> = reals(&mut weights.iter());
        self.set(own, next, reader, |_| weights.clone())?;
        self.set_bias(own, reader, reals(&mut bias.iter()))
    }
}

/// Floats for an activation with fewer levels over the same range.
fn narrower(mut own: Floats, (spec, next): (&Spec, &Spec), layer: usize) -> Result<Floats, Error> {
    let name = &spec.layers[layer].name;
    let range = |spec: &Spec| {
        spec.layers[layer]
            .op
            .activation()
            .map(|act| act.function.range(act.output))
    };
    let (Some(before), Some(after)) = (range(spec), range(next)) else {
        return Err(ModelError::PartMissing.into());
    };
    let factor = (before.hi - before.lo) as f32 / (after.hi - after.lo) as f32;
    let (lo, first) = (before.lo as f32, after.lo as f32);
    let (scale, zero_point) = (format!("{name}.scale"), format!("{name}.zero_point"));
    if let Some(found) = own.get(&scale) {
        let wider = found.mapv(|scale| scale * factor);
        own.insert(scale, wider)?;
    }
    if let Some(found) = own.get(&zero_point) {
        let moved = found.mapv(|zero| (first + (zero - lo) / factor).round());
        own.insert(zero_point, moved)?;
    }
    Ok(own)
}

/// Where a `Wave` rises through 0, in its own reals.
const RISES: f64 = 3.0;
/// The fraction of the sums on either side that does not count for their middle.
const TAIL: usize = 100;

/// The middle between the least and the greatest of some sums, but for a hundredth on either side.
fn middle(mut sums: Vec<f64>) -> f64 {
    sums.sort_unstable_by(f64::total_cmp);
    let tail = sums.len() / TAIL;
    match (sums.get(tail), sums.iter().rev().nth(tail)) {
        (Some(least), Some(most)) => (least + most) / 2.0,
        _ => 0.0,
    }
}

/// The index of the layer of that name.
fn place(spec: &Spec, name: &str) -> Result<usize, Error> {
    let place = spec.layers.iter().position(|layer| layer.name == name);
    Ok(place.ok_or(ModelError::PartMissing)?)
}
