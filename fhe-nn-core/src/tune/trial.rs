//! A declaration that is tried: quantized, run in the clear and planned.

use fhe_nn_proof::plan::{Plan, PlanOptions};
use fhe_nn_proof::spec::{Rounding, Spec};
use ndarray::ArrayView2;

use super::judge::{Judge, Loss};
#[cfg(feature = "train")]
use crate::Floats;
use crate::plot::front;
use crate::quantize::{Float, quantize};
use crate::{Calibration, Error, Model};

/// A declaration that was tried.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// The declaration.
    pub spec: Spec,
    /// How its scales are found from rows.
    pub calibration: Calibration,
    /// The fraction of the rows that it was compared on that is lost, less those that are won.
    pub loss: f64,
    /// The fraction of endlessly many rows like these that is lost, estimated from how near the others are to that.
    pub expected_loss: f64,
    /// Predicted seconds of an encrypted inference.
    pub seconds: f64,
    /// Bytes of the evaluation key on the wire.
    pub key_bytes: u64,
    /// Whether encrypted equals clear; `false` with approximate rounding.
    pub exact: bool,
    /// What the search goes by.
    pub(super) guide: f64,
}

/// How declarations are tried.
pub(super) struct Bench<'a> {
    pub(super) float: Float<'a>,
    pub(super) options: PlanOptions,
    pub(super) threads: usize,
    pub(super) seed: u64,
    /// The factor by which an expected loss counts.
    pub(super) caution: f64,
}

impl Bench<'_> {
    /// Quantizes a declaration on rows, `[rows, values of one row]`.
    ///
    /// # Errors
    /// Those of [`Model::quantize_with`].
    pub(super) fn model(
        &self,
        spec: &Spec,
        calibration: &Calibration,
        rows: ArrayView2<'_, f32>,
    ) -> Result<Model, Error> {
        let Float {
            floats, functions, ..
        } = self.float;
        let (parts, _) = quantize(spec, floats, functions, rows, calibration)?;
        Ok(Model::new(spec.clone(), parts))
    }

    /// What a model loses: in the clear under an exact plan, and else as an encrypted run would.
    ///
    /// # Errors
    /// Those of [`Model::run_batch`] and [`Model::simulate`].
    pub(super) fn loss(&self, model: &Model, plan: &Plan, judge: &Judge) -> Result<Loss, Error> {
        if plan.is_exact() {
            return self.clear_loss(model, judge);
        }
        Ok(judge.loss(&model.simulate(plan, judge.rows.view(), self.seed)?))
    }

    /// What a model loses in the clear.
    ///
    /// # Errors
    /// Those of [`Model::run_batch`].
    fn clear_loss(&self, model: &Model, judge: &Judge) -> Result<Loss, Error> {
        Ok(judge.loss(&model.run_batch(judge.rows.view())?))
    }

    /// Tries a declaration: it is calibrated on either part of the rows and compared on the other. `None` if it loses
    /// more than `hopeless` on the first.
    ///
    /// # Errors
    /// Those of quantizing, planning and running.
    pub(super) fn tried(
        &self,
        spec: Spec,
        calibration: Calibration,
        [first, second]: &[Judge; 2],
        hopeless: f64,
    ) -> Result<Option<Trial>, Error> {
        let model = self.model(&spec, &calibration, first.rows.view())?;
        let clear = self.clear_loss(&model, second)?;
        if clear.counted().max(clear.expected()) > hopeless {
            return Ok(None);
        }
        let plan = model.plan(&self.options)?;
        // under an exact plan, the first loss is that in the clear
        let loss = match plan.is_exact() {
            true => clear,
            false => self.loss(&model, &plan, second)?,
        };
        let other = self.model(&spec, &calibration, second.rows.view())?;
        let loss = loss.and(match plan.is_exact() {
            true => self.clear_loss(&other, first)?,
            false => self.loss(&other, &other.plan(&self.options)?, first)?,
        });
        Ok(Some(Trial {
            spec,
            calibration,
            loss: loss.counted(),
            expected_loss: loss.expected(),
            seconds: plan.predicted_seconds(self.threads),
            key_bytes: plan.evaluation_key_bytes(),
            exact: plan.is_exact(),
            guide: self.guide(&loss),
        }))
    }

    /// The same, for a network that was trained on.
    #[cfg(feature = "train")]
    pub(super) fn with_floats<'b>(&'b self, floats: &'b Floats) -> Bench<'b> {
        Bench {
            float: Float {
                floats,
                ..self.float
            },
            ..*self
        }
    }

    /// What a search and a choice go by: what is counted, or what is expected with caution, if that is more.
    pub(super) fn guide(&self, loss: &Loss) -> f64 {
        loss.counted().max(self.caution * loss.expected())
    }
}

/// The factor by which an expected loss counts if it is found from this number of rows: estimates from few rows may be far
/// too low, and what is chosen among many declarations was lucky on them.
pub(super) fn caution(rows: usize) -> f64 {
    (400.0 / rows.max(1) as f64).max(1.0)
}

impl Trial {
    /// The number of bits of all widths of the declaration together, which tells trials of equal times apart.
    pub(super) fn bits(&self) -> u32 {
        let layers = self.spec.layers.iter().map(|layer| {
            let act = layer.op.activation();
            let act = act.map_or(0, |act| act.output + act.table.unwrap_or(0));
            act + layer.op.weights().unwrap_or(0)
        });
        self.spec.input.bits + layers.sum::<u32>()
    }

    /// The trials that no other beats in both speed and loss, fastest first.
    pub(super) fn front(trials: &[Trial]) -> Vec<&Trial> {
        front(trials, |trial| (trial.seconds, trial.guide))
    }
}

/// The rounding of the declarations of a search.
pub(super) fn rounding(approximate: bool) -> Rounding {
    match approximate {
        true => Rounding::Approximate,
        false => Rounding::Exact,
    }
}
