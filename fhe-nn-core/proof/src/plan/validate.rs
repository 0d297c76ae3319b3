//! What a plan from outside must hold before keys are made for it.

use core::ops::RangeInclusive;

use crate::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS};
use crate::plan::{OutputPlan, Plan, PlanError, Program, Stage, cost};
use crate::widths::{MAX_OUTPUT_BITS, MAX_VALUES, Reader};

/// Stages of a chain, at most.
const MAX_STAGES: u64 = 64;
/// Bytes of an evaluation key in memory, at most.
const MAX_KEY_BYTES: u64 = 1 << 36;

impl Plan {
    /// Whether every parameter lies in the range that [`Plan::find`] chooses from: dimensions of
    /// 132-bit security, and keys of at most 64 GiB.
    ///
    /// # Errors
    /// [`PlanError::OutOfRange`] names the parameter.
    pub fn validate(&self) -> Result<(), PlanError> {
        let client = &self.client;
        check("input bits", client.input_bits.into(), 1..=16)?;
        check("inputs", client.inputs as u64, 1..=MAX_VALUES)?;
        check("input step bits", self.input.modulus_bits.into(), steps())?;
        match self.stages.first() {
            // inputs come under the first small key
            Some(stage) if stage.keyswitch.is_none() => {
                check(
                    "input dimension",
                    self.input.dimension.into(),
                    exactly(stage.small_dimension),
                )?;
            }
            _ => {
                let range = widen(cost::INPUT_DIMENSIONS);
                check("input dimension", self.input.dimension.into(), range)?;
            }
        }
        check("stages", self.stages.len() as u64, 0..=MAX_STAGES)?;
        for (index, stage) in self.stages.iter().enumerate() {
            stage.validate()?;
            let missing = index > 0 && stage.keyswitch.is_none();
            check("missing keyswitches", missing.into(), 0..=0)?;
            if stage.shares_key {
                let differs = !self.could_share(index);
                check("shared keys of other parameters", differs.into(), 0..=0)?;
            }
        }
        self.output.validate(self.last_dimension())?;
        check(
            "bytes of evaluation keys",
            self.evaluation_memory_bytes(),
            0..=MAX_KEY_BYTES,
        )?;
        let scores = exactly(self.output.scores);
        check("score widths", client.widths.len() as u64, scores.clone())?;
        check(
            "score lattices",
            client.lattices.len() as u64,
            scores.clone(),
        )?;
        check("score meanings", client.decoder.len() as u64, scores)?;
        for (&width, lattice) in client.widths.iter().zip(&client.lattices) {
            check("score bits", width.into(), 1..=self.output.width.into())?;
            let step_bits = u64::from(lattice.step_bits);
            check("step bits of a score", step_bits, 0..=u64::from(width) - 1)?;
            check(
                "offset of a score",
                lattice.offset as u64,
                0..=(1 << step_bits) - 1,
            )?;
        }
        Ok(())
    }
}

impl Plan {
    /// Whether the plan has the layers, widths and encodings of a program. Only then can the program
    /// run with it: a plan may come from outside, and its fingerprint of the model is only a claim.
    pub fn serves(&self, program: &Program) -> bool {
        let layers = || program.stages.iter().map(|demand| &demand.accumulators);
        let next = layers().skip(1).chain([&program.output]);
        let first = layers().next().unwrap_or(&program.output);
        let mut stages = self.stages.iter().zip(&program.stages).zip(next);
        self.client == program.client
            && self.model == program.model
            && self.input.modulus_bits == first.modulus_bits()
            && self.stages.len() == program.stages.len()
            && stages.all(|((stage, demand), next)| {
                let accumulators = &demand.accumulators;
                stage.reader == accumulators.reader
                    && stage.width == accumulators.width()
                    && stage.bootstraps == accumulators.neurons
                    && stage.phases == demand.phases
                    && stage.output_modulus_bits == next.modulus_bits()
            })
            && self.output.scores == program.output.neurons
            && self.output.width == program.output.width()
    }
}

impl Plan {
    /// Whether the keys of stage `index` have the parameters of those before that it shares.
    fn could_share(&self, index: usize) -> bool {
        let Some(before) = index.checked_sub(1).map(|before| &self.stages[before]) else {
            return false;
        };
        let stage = &self.stages[index];
        stage.small_dimension == before.small_dimension
            && stage.shape == before.shape
            && stage.digits == before.digits
            && (!self.shares_keyswitch(index) || stage.keyswitch == before.keyswitch)
    }
}

impl OutputPlan {
    /// `before` is the dimension of the key that the accumulators come under.
    fn validate(&self, before: u32) -> Result<(), PlanError> {
        check("scores", self.scores.into(), 1..=MAX_VALUES)?;
        check("width of scores", self.width.into(), steps())?;
        let (dimensions, bits) = match self.keyswitch {
            None => (exactly(before), MODULUS_BITS),
            Some(digits) => {
                check_keyswitch(digits)?;
                (widen(cost::SMALL_DIMENSIONS), KEYSWITCH_MODULUS_BITS)
            }
        };
        check("output dimension", self.dimension.into(), dimensions)?;
        check(
            "bits of an element",
            self.element_bits.into(),
            u64::from(self.width) + 1..=bits.into(),
        )
    }
}

impl Stage {
    fn validate(&self) -> Result<(), PlanError> {
        let dimensions = widen(cost::SMALL_DIMENSIONS);
        check("small dimension", self.small_dimension.into(), dimensions)?;
        let known = cost::SHAPES.iter().any(|(shape, ..)| *shape == self.shape);
        check("GLWE shapes of this crate", known.into(), 1..=1)?;
        let size = u64::from(self.shape.polynomial_size);
        check("bootstraps", self.bootstraps.into(), 1..=MAX_VALUES)?;
        check("phases", self.phases.into(), 1..=size)?;
        let values = u64::from(self.bootstraps) * u64::from(self.phases);
        check("values of a layer", values, 1..=MAX_VALUES)?;
        let reads = Reader::max_width(self.reader).into();
        check("width", self.width.into(), 1..=reads)?;
        check("step bits", self.output_modulus_bits.into(), steps())?;
        let step = (2 * size) >> self.reader.modulus_bits(self.width);
        check("coefficients of a step", step, 2..=2 * size)?;
        check_digits(
            self.digits,
            cost::MAX_BOOTSTRAP_LEVELS,
            cost::BOOTSTRAP_DIGIT_BITS,
        )?;
        self.keyswitch.map_or(Ok(()), check_keyswitch)
    }
}

fn check_keyswitch(digits: Decomposition) -> Result<(), PlanError> {
    check_digits(
        digits,
        cost::MAX_KEYSWITCH_LEVELS,
        cost::KEYSWITCH_DIGIT_BITS,
    )
}

/// At most so many levels, and bits of all levels together.
fn check_digits(digits: Decomposition, levels: u32, bits: u32) -> Result<(), PlanError> {
    check("levels", digits.levels.into(), 1..=levels.into())?;
    let most = bits / digits.levels;
    check("bits of a level", digits.base_log.into(), 1..=most.into())
}

/// Widths of a step of the torus.
fn steps() -> RangeInclusive<u64> {
    1..=MAX_OUTPUT_BITS.into()
}

fn widen(range: RangeInclusive<u32>) -> RangeInclusive<u64> {
    let (least, most) = range.into_inner();
    least.into()..=most.into()
}

fn exactly(value: u32) -> RangeInclusive<u64> {
    value.into()..=value.into()
}

fn check(what: &'static str, value: u64, allowed: RangeInclusive<u64>) -> Result<(), PlanError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let (least, most) = allowed.into_inner();
    Err(PlanError::OutOfRange {
        what,
        value,
        least,
        most,
    })
}
