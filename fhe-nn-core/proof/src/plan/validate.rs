//! What a plan from outside must hold before keys are made for it.

use core::ops::RangeInclusive;

use crate::noise::{Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS};
use crate::plan::layer::holds;
use crate::plan::scale;
use crate::plan::{Bootstrap, OutputPlan, Plan, PlanError, Program, Stage, StageDemand, cost};
use crate::rounding::{DIGIT_BITS, digit_bootstraps};
use crate::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, MAX_VALUES, Reader};

/// Stages, at most.
const MAX_STAGES: u64 = 128;
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
        let vocabulary = client.tokens.map_or(1, |tokens| tokens.vocabulary as u64);
        check("tokens", vocabulary, 1..=MAX_VALUES / client.inputs as u64)?;
        let small = self.small_key_of_inputs();
        let dimensions = small.map_or(widen(cost::INPUT_DIMENSIONS), exactly);
        check("input dimension", self.input.dimension.into(), dimensions)?;
        check("stages", self.stages.len() as u64, 0..=MAX_STAGES)?;
        let readers = self.stages.iter().map(|stage| &stage.sources);
        for (index, sources) in readers.chain([&self.output.sources]).enumerate() {
            self.validate_sources(sources, index as u32)?;
        }
        for (stage, from) in self.stages.iter().zip(self.dimensions()) {
            stage.validate(from)?;
        }
        for (index, (_, bootstrap)) in self.every_bootstrap().enumerate() {
            bootstrap.validate()?;
            let stays = index == 0 && small.is_some();
            let missing = bootstrap.keyswitch.is_none() && !stays;
            check("missing keyswitches", missing.into(), 0..=0)?;
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
    /// Whether the sums of stage `index` add up values that are there, each once, under one key.
    fn validate_sources(&self, sources: &[u32], index: u32) -> Result<(), PlanError> {
        check(
            "sources of a sum",
            sources.len() as u64,
            1..=u64::from(index) + 1,
        )?;
        for (place, &source) in sources.iter().enumerate() {
            let least = place.checked_sub(1).map_or(0, |before| sources[before] + 1);
            check(
                "source of a sum",
                source.into(),
                least.into()..=index.into(),
            )?;
            let dimension = exactly(self.dimension_of(sources[0]));
            check(
                "dimension of a source",
                self.dimension_of(source).into(),
                dimension,
            )?;
        }
        Ok(())
    }

    /// Whether the plan has the layers, widths and encodings of a program. Only then can the program
    /// run with it: a plan may come from outside, and its fingerprint of the model is only a claim.
    pub fn serves(&self, program: &Program) -> bool {
        let mut stages = self.stages.iter().zip(&program.stages);
        self.client == program.client
            && self.model == program.model
            && self.stages.len() == program.stages.len()
            && stages.all(|(stage, demand)| stage.serves(demand))
            && self.output.scores == program.output.neurons
            && self.output.sources == program.output.sources
            && self.output.width == program.output.width()
            && self.output.scale == program.output.scale
            && self.output.table == program.output.table
            && self.output.rounding == program.output.rounding
            && self.output.modulus == program.output.modulus
    }
}

impl Stage {
    fn serves(&self, demand: &StageDemand) -> bool {
        let accumulators = &demand.accumulators;
        let rounds = accumulators.rounds();
        let mut pairs = self.rounds.iter().zip(&rounds);
        self.reader == accumulators.reader
            && self.sources == accumulators.sources
            && self.width == accumulators.width()
            && self.scale == accumulators.scale
            && self.table == accumulators.table
            && self.rounding == accumulators.rounding
            && self.modulus == accumulators.modulus
            && self.neurons == accumulators.neurons
            && self.phases == demand.phases
            && self.rounds.len() == rounds.len()
            && pairs.all(|(round, demand)| {
                round.above == demand.above
                    && round.neurons == demand.neurons()
                    && round.bootstraps == demand.bootstraps()
                    && holds(round.bootstrap.table_size(), demand.bits())
            })
    }
}

impl OutputPlan {
    /// `before` is the dimension of the key that the accumulators come under.
    fn validate(&self, before: u32) -> Result<(), PlanError> {
        check("scores", self.scores.into(), 1..=MAX_VALUES)?;
        check(
            "width of scores",
            self.width.into(),
            1..=MAX_OUTPUT_BITS.into(),
        )?;
        check(
            "bits of a score",
            self.table.into(),
            1..=MAX_OUTPUT_BITS.into(),
        )?;
        let sums = (Reader::Client, self.width, self.table, self.rounding);
        scale::check(sums, self.scale, self.modulus)?;
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
            1..=bits.into(),
        )
    }
}

impl Stage {
    /// `from` is the dimension of the key that the accumulators come under.
    fn validate(&self, from: u32) -> Result<(), PlanError> {
        check("neurons", self.neurons.into(), 1..=MAX_VALUES)?;
        check(
            "bits of a table",
            self.table.into(),
            1..=self.reader.max_width().into(),
        )?;
        check("width", self.width.into(), 1..=MAX_ROUNDED_BITS.into())?;
        let sums = (self.reader, self.width, self.table, self.rounding);
        scale::check(sums, self.scale, self.modulus)?;
        let size = u64::from(self.bootstrap.table_size());
        check("phases", self.phases.into(), 1..=size)?;
        let values = u64::from(self.neurons) * u64::from(self.phases);
        check("values of a layer", values, 1..=MAX_VALUES)?;
        let read = self.reader.modulus_bits(self.width.min(self.table));
        check("coefficients of a step", (2 * size) >> read, 2..=2 * size)?;
        check(
            "rounds",
            self.rounds.len() as u64,
            0..=MAX_ROUNDED_BITS.into(),
        )?;
        for round in &self.rounds {
            check(
                "bits above a digit",
                round.above.into(),
                1..=MAX_ROUNDED_BITS.into(),
            )?;
            check(
                "neurons of a round",
                round.neurons.into(),
                1..=self.neurons.into(),
            )?;
            let most = u64::from(digit_bootstraps(DIGIT_BITS)) * u64::from(round.neurons);
            check("bootstraps of a round", round.bootstraps.into(), 1..=most)?;
            // results are subtracted from what they were made from
            let dimension = round.bootstrap.shape.lwe_dimension();
            check("dimension of a round", dimension.into(), exactly(from))?;
        }
        Ok(())
    }
}

impl Bootstrap {
    fn validate(&self) -> Result<(), PlanError> {
        let dimensions = widen(cost::SMALL_DIMENSIONS);
        check("small dimension", self.small_dimension.into(), dimensions)?;
        let known = cost::SHAPES.iter().any(|(shape, ..)| *shape == self.shape);
        check("GLWE shapes of this crate", known.into(), 1..=1)?;
        let extended = cost::extensions(self.shape).any(|extension| extension == self.extension);
        check("extensions of this crate", extended.into(), 1..=1)?;
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
