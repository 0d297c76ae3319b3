//! What the client makes of the scores: the places, weighted sums and levels that the outputs of a model are.

use std::rc::Rc;

use fhe_nn_proof::client::{Combination, MAX_TERMS, OutputForm, OutputGrid, Outputs, ScoreTerm};
use fhe_nn_proof::spec::TensorKind;

use super::network::{Net, Source};
use super::pending::ClientValues;
use crate::import::error::{Refusal, refuse};
use crate::import::function::{Expr, Line};
use crate::import::place::{Grid, NOTHING, View};

impl Net {
    /// Sums of scores that the client computes: each adds up the values at some places of a view, times a weight.
    /// `None` if these are not the sums of a layer that is still pending, for which tables would be needed otherwise.
    pub(crate) fn client_sums(
        &mut self,
        of: &View,
        sums: Vec<Vec<u32>>,
        weight: f64,
        shape: &[usize],
    ) -> Option<View> {
        let terms = sums.iter().map(Vec::len);
        let is_pending = matches!(self.bases[of.base].source, Source::Linear(_));
        if !is_pending
            || !self.may_be_scores(of)
            || terms.fold(0, usize::saturating_add) > MAX_TERMS
        {
            return None;
        }
        let values = ClientValues {
            of: of.clone(),
            sums: Some((sums, weight)),
            grid: None,
        };
        let own = vec![shape.iter().product()];
        let base = self.base(own, Source::Client(Rc::new(values)));
        Some(View::whole(base, shape))
    }

    /// Scores on the grid of a quantizer, which the client puts them on. `None` if these are not values that can be
    /// scores.
    pub(crate) fn client_levels(
        &mut self,
        of: &View,
        grid: Grid,
        form: OutputForm,
    ) -> Option<View> {
        if !self.may_be_scores(of) || !grid.is_usable() {
            return None;
        }
        let values = ClientValues {
            of: of.clone(),
            sums: None,
            grid: Some(OutputGrid {
                scale: grid.scale,
                zero_point: grid.zero_point,
                lo: grid.lo,
                hi: grid.hi,
                form,
            }),
        };
        let own = self.bases[of.base].shape.clone();
        let base = self.base(own, Source::Client(Rc::new(values)));
        Some(View {
            base,
            expr: Expr::itself(),
            ..of.clone()
        })
    }

    /// Whether a view is a line of sums that may be the last ones.
    fn may_be_scores(&self, view: &View) -> bool {
        let is_sums = match &self.bases[view.base].source {
            Source::Linear(_) => true,
            Source::Tensor(tensor) | Source::Each(tensor) => self.is_last_sums(*tensor),
            Source::Input | Source::MaxPool(..) | Source::Client(_) => false,
        };
        is_sums && view.expr.line().is_some()
    }

    /// Whether a tensor has sums, and is the result of the last layer so far.
    pub(super) fn is_last_sums(&self, tensor: usize) -> bool {
        tensor == self.layers.len() && self.facts[tensor].kind == TensorKind::Sums
    }

    /// Ends the network with values that the client makes of scores, through a line of each channel.
    pub(super) fn put_out_values(
        &mut self,
        view: &View,
        values: &ClientValues,
        line: &Line,
    ) -> Result<(), Refusal> {
        let of = &values.of;
        let Some(inner) = of.expr.line() else {
            return refuse("its scores are not sums");
        };
        let inner = match self.bases[of.base].source.clone() {
            Source::Linear(linear) => {
                self.linear(&linear, &inner)?;
                Line::itself()
            }
            Source::Tensor(tensor) | Source::Each(tensor) if self.is_last_sums(tensor) => inner,
            _ => return refuse("something else is computed behind its scores"),
        };
        if values.grid.is_some() && !line.is_itself() {
            return refuse("it scales or shifts outputs behind their quantizer");
        }
        let (_, positions) = self.channels(view.base);
        let (_, inner_positions) = self.channels(of.base);
        let combination = |&place: &u32| {
            let channel = place as usize / positions.max(1);
            let (slope, offset) = (line.slope_at(channel), line.offset_at(channel));
            let own = [place];
            let (places, weight) = match &values.sums {
                Some((sums, weight)) => (sums[place as usize].as_slice(), *weight),
                None => (own.as_slice(), 1.0),
            };
            let mut combination = Combination {
                offset,
                terms: Vec::with_capacity(places.len()).into(),
            };
            for &place in places.iter().filter(|&&place| place != NOTHING) {
                let channel = place as usize / inner_positions.max(1);
                combination.offset += slope * weight * inner.offset_at(channel);
                combination.terms.to_mut().push(ScoreTerm {
                    score: place as usize,
                    weight: slope * weight * inner.slope_at(channel),
                });
            }
            combination
        };
        self.finish(view, combination, values.grid)
    }

    /// Says what the client makes of the scores: the values of a view, through a line of each channel. `rows` are the
    /// places of the scores that there are, if these are not all.
    pub(super) fn put_out(
        &mut self,
        view: &View,
        rows: Option<&[u32]>,
        line: &Line,
    ) -> Result<(), Refusal> {
        let (_, positions) = self.channels(view.base);
        let values: usize = self.bases[view.base].shape.iter().product();
        let is_itself = match rows {
            Some(rows) => view.places.iter().eq(rows),
            None => view.is_whole(values),
        };
        if is_itself && line.is_itself() {
            return Ok(());
        }
        // where each place is among the scores
        let mut scores: Vec<usize> = (0..values).collect();
        for (score, &place) in rows.into_iter().flatten().enumerate() {
            scores[place as usize] = score;
        }
        let combination = |&place: &u32| {
            let channel = place as usize / positions.max(1);
            let term = ScoreTerm {
                score: scores[place as usize],
                weight: line.slope_at(channel),
            };
            Combination {
                offset: line.offset_at(channel),
                terms: vec![term].into(),
            }
        };
        self.finish(view, combination, None)
    }

    /// Says what the value at each place of a view is made of; what is not there is 0.
    fn finish(
        &mut self,
        view: &View,
        combination: impl Fn(&u32) -> Combination,
        grid: Option<OutputGrid>,
    ) -> Result<(), Refusal> {
        let zero = Combination {
            offset: 0.0,
            terms: Vec::new().into(),
        };
        let mut combinations = Vec::new();
        let mut terms = 0;
        for place in view.places.iter() {
            let own = match *place {
                NOTHING => zero.clone(),
                _ => combination(place),
            };
            terms += own.terms.len();
            combinations.push(own);
            if terms > MAX_TERMS || combinations.len() > MAX_TERMS {
                let values = view.places.len();
                return refuse(format!(
                    "its {values} outputs are made of more than {MAX_TERMS} scores"
                ));
            }
        }
        if combinations.is_empty() {
            return refuse("it has no outputs");
        }
        self.outputs = Some(Outputs {
            combinations: combinations.into(),
            grid,
        });
        Ok(())
    }
}
