//! The conditions that a plan from outside must meet before keys are made for it.

use core::ops::RangeInclusive;
use std::collections::BTreeSet;

use crate::noise::{
    COMPANION_PARTS, Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, ProductDigits,
};
use crate::plan::bootstrap::Bootstrap;
use crate::plan::error::PlanError;
use crate::plan::output::OutputPlan;
use crate::plan::stage::Stage;
use crate::plan::sums::{MAX_STEP_WIDTH, Sums};
use crate::plan::version::Version;
use crate::plan::{Plan, cost, range};
use crate::rounding::{DIGIT_BITS, digit_bootstraps};
use crate::spec::Rounding;
use crate::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS, MAX_VALUES, Reader};

/// Greatest number of stages.
const MAX_STAGES: u64 = 128;
/// Greatest number of bytes of an evaluation key in memory.
const MAX_KEY_BYTES: u64 = 1 << 36;

impl Plan {
    /// Checks that every parameter lies in the range that [`Plan::find`] chooses from: dimensions of
    /// 132-bit security, and keys of at most 64 GiB.
    ///
    /// # Errors
    /// [`PlanError::OutOfRange`] names the parameter.
    pub fn validate(&self) -> Result<(), PlanError> {
        let client = &self.client;
        check("input bits", client.input_bits.into(), 1..=16)?;
        check("inputs", client.inputs as u64, 1..=MAX_VALUES)?;
        let untold = self.version < Version::of(client, &self.stages, &self.options);
        check("parts that its version does not have", untold.into(), 0..=0)?;
        let useless = !client.encoder.is_usable(client.inputs);
        check("useless encoders of inputs", useless.into(), 0..=0)?;
        let vocabulary = client.tokens.map_or(1, |tokens| tokens.vocabulary as u64);
        check("tokens", vocabulary, 1..=MAX_VALUES / client.inputs as u64)?;
        let small = self.small_key_of_inputs();
        let dimensions = small.map_or(widen(range::INPUT_DIMENSIONS), exactly);
        check("input dimension", self.input.dimension.into(), dimensions)?;
        check_stages(self.stages.len())?;
        for (index, sums) in self.sums().enumerate() {
            self.validate_sources(&sums.sources, index as u32)?;
        }
        let read: BTreeSet<u32> = self.sums().flat_map(|sums| sums.sources.to_vec()).collect();
        let results = 1..=self.stages.len() as u32;
        let unread = results.filter(|result| !read.contains(result)).count();
        check("stages that nothing reads", unread as u64, 0..=0)?;
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
        let limit = self.options.memory_limit().unwrap_or(MAX_KEY_BYTES);
        check(
            "bytes of evaluation keys",
            self.evaluation_memory_bytes(),
            0..=limit.min(MAX_KEY_BYTES),
        )?;
        let scores = exactly(self.output.sums.neurons);
        check("score widths", client.widths.len() as u64, scores.clone())?;
        check(
            "score lattices",
            client.lattices.len() as u64,
            scores.clone(),
        )?;
        check("score meanings", client.decoder.len() as u64, scores)?;
        let laws =
            client
                .interface
                .laws(client.inputs, client.tokens.is_some(), client.decoder.len());
        check(
            "broken laws of the order of inputs and of outputs",
            laws.is_err().into(),
            0..=0,
        )?;
        for (&width, lattice) in client.widths.iter().zip(&*client.lattices) {
            check(
                "score bits",
                width.into(),
                1..=self.output.sums.width.into(),
            )?;
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
    /// Checks that the sums of stage `index` add up values that exist, each once, under one key.
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
}

impl OutputPlan {
    /// Checks the scores, whose accumulators are under a key of dimension `before`.
    fn validate(&self, before: u32) -> Result<(), PlanError> {
        let sums = &self.sums;
        check("scores", sums.neurons.into(), 1..=MAX_VALUES)?;
        let by_client = sums.reader == Reader::Client;
        check("readers of scores", by_client.into(), 1..=1)?;
        let most = MAX_OUTPUT_BITS.into();
        check("width of scores", sums.width.into(), 1..=most)?;
        check("bits of a score", sums.table_bits.into(), 1..=most)?;
        sums.validate_step()?;
        let (dimensions, bits) = match self.keyswitch {
            None => (exactly(before), MODULUS_BITS),
            Some(digits) => {
                check_keyswitch(digits)?;
                (widen(range::SMALL_DIMENSIONS), KEYSWITCH_MODULUS_BITS)
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
    /// Checks the stage, whose accumulators are under a key of dimension `from`.
    fn validate(&self, from: u32) -> Result<(), PlanError> {
        let sums = &self.sums;
        check("neurons", sums.neurons.into(), 1..=MAX_VALUES)?;
        check(
            "bits of a table",
            sums.table_bits.into(),
            1..=sums.reader.max_width().into(),
        )?;
        check("width", sums.width.into(), 1..=MAX_ROUNDED_BITS.into())?;
        sums.validate_step()?;
        let size = u64::from(self.bootstrap.table_size());
        check("phases", self.phases.into(), 1..=size)?;
        let values = u64::from(sums.neurons) * u64::from(self.phases);
        check("values of a layer", values, 1..=MAX_VALUES)?;
        let step = (2 * size) >> sums.read_bits();
        check("coefficients of a step", step, 2..=2 * size)?;
        check(
            "rounds",
            self.rounds.len() as u64,
            0..=MAX_ROUNDED_BITS.into(),
        )?;
        for round in self.rounds.iter() {
            check(
                "bits above a digit",
                round.above.into(),
                1..=MAX_ROUNDED_BITS.into(),
            )?;
            check(
                "neurons of a round",
                round.neurons.into(),
                1..=sums.neurons.into(),
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

impl Sums {
    /// Checks that the ciphertexts have the step of these sums, or one that other sums share.
    fn validate_step(&self) -> Result<(), PlanError> {
        let least = self.width.into();
        check(
            "step width",
            self.step_width.into(),
            least..=MAX_STEP_WIDTH.into(),
        )?;
        let own = self.modulus_of(self.step_width);
        let next = self.modulus_of(self.step_width + 1);
        let shares = self.rounding == Rounding::Approximate
            && self.modulus.is_power_of_two()
            && (own..next).contains(&self.modulus);
        let expected = if shares { self.modulus } else { own };
        check("steps of the torus", self.modulus, expected..=expected)
    }
}

impl Bootstrap {
    fn validate(&self) -> Result<(), PlanError> {
        let dimensions = widen(range::SMALL_DIMENSIONS);
        check("small dimension", self.small_dimension.into(), dimensions)?;
        let known = cost::SHAPES.iter().any(|(shape, ..)| *shape == self.shape);
        check("GLWE shapes of this crate", known.into(), 1..=1)?;
        let most = range::MAX_KEY_BITS.into();
        check("key bits of a step", self.key_bits.into(), 1..=most)?;
        let extended = range::extensions(self.shape).any(|extension| extension == self.extension);
        check("extensions of this crate", extended.into(), 1..=1)?;
        // steps can be sorted only where a table has several polynomials
        let most = if self.extension > 1 {
            COMPANION_PARTS
        } else {
            0
        };
        check("companion", self.companion.into(), 0..=most.into())?;
        let most = (range::MAX_BOOTSTRAP_LEVELS, range::BOOTSTRAP_DIGIT_BITS);
        let ProductDigits { masks, body } = self.product_digits();
        check_digits(masks, most.0, most.1)?;
        check_digits(body, masks.levels.min(most.0), most.1)?;
        // one form for one key
        let told_twice = self.body == Some(masks);
        check(
            "digits of bodies that are those of masks",
            told_twice.into(),
            0..=0,
        )?;
        self.keyswitch.map_or(Ok(()), check_keyswitch)
    }
}

/// Checks that there are no more stages than a plan may have.
pub(crate) fn check_stages(stages: usize) -> Result<(), PlanError> {
    check("stages", stages as u64, 0..=MAX_STAGES)
}

fn check_keyswitch(digits: Decomposition) -> Result<(), PlanError> {
    check_digits(
        digits,
        range::MAX_KEYSWITCH_LEVELS,
        range::KEYSWITCH_DIGIT_BITS,
    )
}

/// Checks that there are at most `levels` levels, with at most `bits` bits together.
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
