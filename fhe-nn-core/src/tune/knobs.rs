//! The numbers of a declaration that are searched, and the declaration that they make.

use fhe_nn_proof::spec::{Function, Op, Overflow, Rounding, Spec, Tensor};
use fhe_nn_proof::widths::{
    MAX_ANTIPERIODIC_TABLE_BITS, MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, MAX_TABLE_BITS,
};

use super::error::TuneError;
use crate::quantize::{Clipping, Float};
use crate::{Calibration, Error};

/// The numbers of a declaration that are searched.
pub(super) struct Knobs<'a> {
    origin: &'a Spec,
    knobs: Vec<Knob>,
}

/// A number of a declaration with the values that it may have, from the least.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Knob {
    number: Number,
    /// The layer; 0 for the input, too.
    layer: usize,
    values: Vec<u32>,
}

/// A number of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Number {
    /// Bits of the input.
    Input,
    /// Bits of weights.
    Weights,
    /// 0 for `checked` accumulators and 1 for `calibrated` ones.
    Calibrated,
    /// Bits of the results of a table.
    Output,
    /// Bits that a table reads.
    Table,
    /// How scales are found, as an index of [`CLIPPINGS`].
    Clipping,
}

/// The ranges of observed values that are tried.
const CLIPPINGS: [Clipping; 3] = [Clipping::Mse, Clipping::MinMax, Clipping::Percentile(99.0)];

/// For every knob, the index of its value.
pub(super) type Choice = Vec<u8>;

/// The same widths for all layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Uniform {
    pub(super) input: u32,
    pub(super) weights: u32,
    pub(super) output: u32,
    pub(super) table: u32,
    pub(super) calibrated: bool,
}

impl<'a> Knobs<'a> {
    /// # Errors
    /// [`TuneError::NothingToFind`].
    pub(super) fn new(float: &Float<'a>) -> Result<Self, Error> {
        let spec = float.spec;
        let is_kept =
            |name: &str, number: &str| float.floats.get(&format!("{name}.{number}")).is_some();
        let mut knobs = Vec::new();
        let mut add = |number, layer, values: std::ops::RangeInclusive<u32>| {
            knobs.push(Knob {
                number,
                layer,
                values: values.collect(),
            });
        };
        if spec.input.tokens.is_none() && !is_kept("input", "scale") {
            add(Number::Input, 0, 1..=8);
        }
        for (index, layer) in spec.layers.iter().enumerate() {
            if layer.op.weights().is_some() && !is_kept(&layer.name, "weight_scale") {
                add(Number::Weights, index, 2..=8);
            }
            if let Some(linear) = layer.op.linear()
                && linear.overflow != Overflow::Wrap
            {
                add(Number::Calibrated, index, 0..=1);
            }
            let Some(act) = layer.op.activation() else {
                continue;
            };
            let antiperiodic = act.function.is_antiperiodic();
            if act.function != Function::Sign && !is_kept(&layer.name, "scale") {
                add(Number::Output, index, 1..=MAX_TABLE_BITS - 1);
            }
            if antiperiodic {
                let least = 2.max(1 + act.phases.max(1).ilog2());
                add(Number::Table, index, least..=MAX_ANTIPERIODIC_TABLE_BITS);
            } else {
                add(Number::Table, index, 2..=MAX_TABLE_BITS);
            }
        }
        if knobs.is_empty() {
            let network = spec.name.to_string();
            return Err(TuneError::NothingToFind { network }.into());
        }
        knobs.push(Knob {
            number: Number::Clipping,
            layer: 0,
            values: (0..CLIPPINGS.len() as u32).collect(),
        });
        Ok(Knobs {
            origin: spec,
            knobs,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.knobs.len()
    }

    /// The greatest index of a knob's value.
    pub(super) fn last(&self, knob: usize) -> u8 {
        self.knobs[knob].values.len() as u8 - 1
    }

    /// The choice of the same widths for all layers, or the nearest that there are.
    pub(super) fn uniform(&self, uniform: Uniform) -> Choice {
        let index = |knob: &Knob| {
            let wanted = match knob.number {
                Number::Input => uniform.input,
                Number::Weights => uniform.weights,
                Number::Calibrated => u32::from(uniform.calibrated),
                Number::Output => uniform.output,
                Number::Table => uniform.table,
                Number::Clipping => 0,
            };
            let nearest = knob.values.iter().enumerate();
            let nearest = nearest.min_by_key(|(_, value)| value.abs_diff(wanted));
            nearest.map_or(0, |(index, _)| index as u8)
        };
        self.knobs.iter().map(index).collect()
    }

    /// How the scales of a choice are found.
    pub(super) fn calibration(&self, choice: &Choice) -> Calibration {
        let knobs = self.knobs.iter().zip(choice);
        let mut clippings = knobs.filter(|(knob, _)| knob.number == Number::Clipping);
        let clipping = clippings
            .next()
            .map(|(_, &index)| CLIPPINGS[usize::from(index)]);
        Calibration::new().with_clipping(clipping.unwrap_or_default())
    }

    /// The declaration that a choice makes, with this rounding; `None` if it breaks a law.
    ///
    /// Accumulators are as wide as the widths around them can make them, and a table reads all bits where it could
    /// read more.
    pub(super) fn declare(&self, choice: &Choice, rounding: Rounding) -> Option<Spec> {
        let mut spec = self.origin.clone();
        let chosen = |number: Number, layer: usize| {
            let mut knobs = self.knobs.iter().zip(choice);
            let found = knobs.find(|(knob, _)| knob.number == number && knob.layer == layer);
            found.map(|(knob, &index)| knob.values[usize::from(index)])
        };
        if let Some(bits) = chosen(Number::Input, 0) {
            spec.input.bits = bits;
        }
        let mut facts = vec![spec.input.tensor()];
        for index in 0..spec.layers.len() {
            let (source, is_read) = (spec.sources(index)[0], spec.reader(index).is_some());
            let range = facts[source].range;
            let before = source.checked_sub(1);
            let before = before.and_then(|before| spec.layers[before].op.linear());
            let width = before.map_or(range.signed_bits().max(2), |linear| linear.accumulator);
            let op = &mut spec.layers.to_mut()[index].op;
            if let (Some(weights), Some(bits)) = (op.weights_mut(), chosen(Number::Weights, index))
            {
                *weights = bits;
            }
            if let (Some(linear), Some(calibrated)) =
                (op.linear(), chosen(Number::Calibrated, index))
            {
                let most = if is_read {
                    MAX_ROUNDED_BITS
                } else {
                    MAX_OUTPUT_BITS
                };
                let worst = linear.worst_case(range).unwrap_or(u32::MAX);
                let overflow = match calibrated {
                    0 => Overflow::Checked,
                    _ => Overflow::Calibrated,
                };
                let held = op.held_mut()?;
                (*held.0, *held.1) = (worst.min(most), overflow);
            }
            if let Op::Activation(act) = op {
                if let Some(bits) = chosen(Number::Output, index) {
                    act.output = bits;
                }
                let table = chosen(Number::Table, index).filter(|&table| table < width);
                act.table = table;
                act.rounding = match table {
                    Some(_) => rounding,
                    None => Rounding::Exact,
                };
            }
            let layer = &spec.layers[index];
            if !layer.op.has_lawful_numbers() {
                return None;
            }
            if let Some(linear) = layer.op.linear()
                && linear.overflow == Overflow::Wrap
                && linear
                    .worst_case(range)
                    .is_some_and(|worst| worst <= linear.accumulator)
            {
                return None;
            }
            let sources = spec.sources(index);
            let operands: Vec<&Tensor> = sources.iter().map(|&source| &facts[source]).collect();
            let fact = layer.op.result(&operands).ok()?;
            facts.push(fact);
        }
        spec.flow().ok()?;
        Some(spec)
    }
}
