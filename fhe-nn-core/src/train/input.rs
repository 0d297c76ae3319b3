//! The input of a module: its normalization, and its scales.
//!
//! If values or channels have scales of their own, the weights that read them have these scales in them: the module
//! learns `w S_i / U` for a weight `w` of values of scale `S_i`. The unit U is such that levels of an input go up to about 1,
//! whatever its scales are.

use fhe_nn_proof::client::Affine;
use fhe_nn_proof::encoder::{Encoder, own_of};
use ndarray::{Array1, Array2, ArrayView2};

use super::error::Failure;
use super::scales::Scale;
use super::trainable::{Precision, Trainable};
use crate::Error;
use crate::quantize::{Float, method, reals, shifted};

impl Trainable {
    /// Inputs in reals, normalized as the floats say.
    ///
    /// # Errors
    /// Those of wrong inputs and of the normalization.
    pub(super) fn input_reals(&self, inputs: ArrayView2<'_, f32>) -> Result<Array2<f64>, Error> {
        let inputs = reals(&self.spec, inputs)?;
        Ok(self.given().normalized(inputs)?)
    }

    /// Finds the scales of the input over samples if they are not known yet, and returns the samples in reals, as they are then
    /// normalized and quantized.
    ///
    /// # Errors
    /// Those of wrong inputs and of the floats that are given.
    pub(super) fn find_input(
        &mut self,
        samples: ArrayView2<'_, f32>,
    ) -> Result<Array2<f64>, Failure> {
        let reals = |module: &Self| -> Result<Array2<f64>, Failure> {
            Ok(module
                .given()
                .quantized_input(module.input_reals(samples)?)?)
        };
        if self.scales[0].is_none() {
            let found = reals(self)?;
            self.find_input_scale(&found)?;
        }
        reals(self)
    }

    /// Finds the scales of the input over samples, or takes those that are given. What is taken off values of several
    /// scales is added to their normalization, and lacks in the biases of the layers that read them.
    ///
    /// # Errors
    /// Those of the floats that are given.
    fn find_input_scale(&mut self, samples: &Array2<f64>) -> Result<(), Failure> {
        let levels = self.facts[0].range;
        let float = self.given();
        let calibration = method(&self.spec, &self.calibration);
        if self.spec.input.scales.is_one() {
            let meaning = match float.kept(0, levels, &self.calibration)? {
                Some(preset) => preset,
                None if self.spec.input.tokens.is_some() => Affine {
                    scale: 1.0,
                    zero_point: 0,
                },
                None => calibration.tensor(samples.iter(), levels),
            };
            self.scales[0] = Some(Scale::fixed(meaning));
            return Ok(());
        }
        let (several, shifts) = float.several(samples, &calibration)?;
        let norms = shifted(&float.norms()?, &shifts);
        // as it is stored
        let stored = |affine: Affine| Affine {
            scale: f64::from(affine.scale as f32),
            ..affine
        };
        self.several = several.into_iter().map(stored).collect();
        if !shifts.is_empty() {
            let (means, stds): (Vec<f32>, Vec<f32>) = norms
                .iter()
                .map(|norm| (norm.mean as f32, norm.std as f32))
                .unzip();
            for (name, values) in [("input.mean", means), ("input.std", stds)] {
                self.given.insert(name, Array1::from(values).into_dyn())?;
            }
        }
        self.scales[0] = Some(Scale::fixed(Affine {
            scale: 1.0 / (levels.hi + 1) as f64,
            zero_point: 0,
        }));
        Ok(())
    }

    /// What the normalized inputs have lost since they were those of `floats`, one number for each scale; empty if
    /// nothing.
    ///
    /// # Errors
    /// Those of the normalization.
    pub(super) fn shifts(&self, floats: &Float<'_>) -> Result<Vec<f64>, Failure> {
        let (before, after) = (floats.norms()?, self.given().norms()?);
        if before == after {
            return Ok(Vec::new());
        }
        let count = self.several.len().max(1);
        let shift = |index: usize| {
            let after = own_of(&after, index, count).expect("it was found");
            let before = own_of(&before, index, count);
            before.map_or(after.mean, |before| before.of(after.mean))
        };
        Ok((0..count).map(shift).collect())
    }

    /// The encoder of what layer `index` reads first, whose meaning is `meaning`.
    pub(super) fn encoder(&self, index: usize, meaning: Affine) -> Encoder {
        match self.spec.sources(index)[0] {
            0 if !self.several.is_empty() => Encoder {
                affines: self.several.clone().into(),
                ..Encoder::from(meaning)
            },
            _ => meaning.into(),
        }
    }

    /// What each weight of layer `index` is multiplied by where it is learned, for the scale of what it reads; `None` if
    /// all read the same.
    pub(super) fn factors(&self, index: usize, taps: usize) -> Result<Option<Vec<f64>>, Failure> {
        let reads_input = self.spec.sources(index)[0] == 0;
        if self.several.is_empty() || self.precision == Precision::Float || !reads_input {
            return Ok(None);
        }
        let unit = self.meaning(0)?.scale;
        let factor = |tap: usize| own_of(&self.several, tap, taps).map(|own| own.scale / unit);
        Ok((0..taps).map(factor).collect())
    }
}
