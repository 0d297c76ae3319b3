//! What may be chosen, and what it costs: shipped constants, measured once.

use core::ops::RangeInclusive;

use crate::noise::Shape;
use crate::plan::{Bootstrap, Plan};

/// Small keys, n, and the keys of keyswitched scores: tfhe's security curve is a fit over the
/// dimensions in use.
pub(super) const SMALL_DIMENSIONS: RangeInclusive<u32> = 500..=1600;
/// Dimensions of a key for inputs that is not the first small key, and the step between those that
/// the search tries.
pub(super) const INPUT_DIMENSIONS: RangeInclusive<u32> = 512..=2048;
pub(super) const INPUT_DIMENSION_STEP: usize = 32;
/// Levels of a keyswitch and of a bootstrap.
pub(super) const MAX_KEYSWITCH_LEVELS: u32 = 12;
pub(super) const MAX_BOOTSTRAP_LEVELS: u32 = 6;
/// Bits of all digits of a bootstrap together, at most: beyond, they would be noise.
pub(super) const BOOTSTRAP_DIGIT_BITS: u32 = 44;
/// Bits of all digits of a keyswitch together, at most: signed digits of a 32-bit number carry.
pub(super) const KEYSWITCH_DIGIT_BITS: u32 = 31;

/// Nanoseconds of one step of a rotation (one of n) in a batch, per shape: a part that every step
/// costs, and a part per level. Measured with this crate's engine (DESIGN.md, "Where do the costs
/// come from?"); they decide between parameters and nothing else.
pub(super) const SHAPES: [(Shape, f64, f64); 11] = [
    glwe(4, 256, 700.0, 1_290.0),
    glwe(6, 256, 1_140.0, 2_100.0),
    glwe(2, 512, 950.0, 1_300.0),
    glwe(3, 512, 1_170.0, 2_030.0),
    glwe(4, 512, 1_470.0, 2_850.0),
    glwe(1, 1024, 1_480.0, 1_640.0),
    glwe(2, 1024, 2_250.0, 2_760.0),
    glwe(3, 1024, 2_700.0, 4_260.0),
    glwe(1, 2048, 3_470.0, 3_520.0),
    glwe(2, 2048, 5_270.0, 5_600.0),
    glwe(1, 4096, 7_400.0, 7_590.0),
];
/// The shape whose polynomials a table may be spread over, and over how many at most: a power of two.
const EXTENDED: (u32, u32) = (1, 2048);
const MAX_EXTENSION: u32 = 16;

/// The numbers of polynomials of a shape that a table may be spread over.
pub(super) fn extensions(shape: Shape) -> impl Iterator<Item = u32> {
    let most = match (shape.dimension, shape.polynomial_size) == EXTENDED {
        true => MAX_EXTENSION,
        false => 1,
    };
    (0..=most.ilog2()).map(|log| 1 << log)
}

/// Nanoseconds of one multiplication of a digit with a key element in a keyswitch.
const KEYSWITCH_NS: f64 = 0.032;
/// Nanoseconds of one multiplication of a weight with a ciphertext element in a linear layer.
const LINEAR_NS: f64 = 0.12;

/// Nanoseconds of one keyswitch.
pub(super) fn keyswitch_cost(dimension: u32, levels: u32, n: u32) -> f64 {
    f64::from(levels) * f64::from(dimension) * f64::from(n) * KEYSWITCH_NS
}

/// Nanoseconds of a linear layer on ciphertexts of this dimension.
pub(super) fn linear_cost(terms: u32, neurons: u32, dimension: u32) -> f64 {
    f64::from(terms) * f64::from(neurons) * f64::from(dimension) * LINEAR_NS
}

/// Nanoseconds of one step of a rotation; of a shape that is not in [`SHAPES`], none.
fn step_cost(bootstrap: &Bootstrap) -> f64 {
    let known = SHAPES.iter().find(|(known, ..)| *known == bootstrap.shape);
    known.map_or(0.0, |(_, step_ns, level_ns)| {
        f64::from(bootstrap.extension) * (step_ns + f64::from(bootstrap.digits.levels) * level_ns)
    })
}

impl Plan {
    /// Seconds that one inference of a [valid](Plan::validate) plan takes, roughly, on so many
    /// threads of the machine on which this crate's constants were measured (DESIGN.md, "Where do
    /// the costs come from?"). A rotation is the work of one thread, all else is shared evenly.
    pub fn predicted_seconds(&self, threads: usize) -> f64 {
        let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
        let shared = 1.0 / f64::from(threads);
        let mut ns = 0.0;
        for (stage, dimension) in self.stages.iter().zip(self.dimensions()) {
            ns += shared * linear_cost(stage.terms, stage.neurons, dimension);
            let rounds = stage.rounds.iter();
            let rounds = rounds.map(|round| (round.bootstraps, &round.bootstrap));
            for (count, bootstrap) in rounds.chain([(stage.neurons, &stage.bootstrap)]) {
                let n = bootstrap.small_dimension;
                let switch = bootstrap
                    .keyswitch
                    .map_or(0.0, |digits| keyswitch_cost(dimension, digits.levels, n));
                ns += shared * f64::from(count) * switch;
                let turns = f64::from(count.div_ceil(threads));
                ns += turns * f64::from(n) * step_cost(bootstrap);
            }
        }
        let output = &self.output;
        let dimension = self.last_dimension();
        let switch = output.keyswitch.map_or(0.0, |digits| {
            keyswitch_cost(dimension, digits.levels, output.dimension)
        });
        ns += shared
            * (linear_cost(output.terms, output.scores, dimension)
                + f64::from(output.scores) * switch);
        ns * 1e-9
    }
}

const fn glwe(
    dimension: u32,
    polynomial_size: u32,
    step_ns: f64,
    level_ns: f64,
) -> (Shape, f64, f64) {
    let shape = Shape {
        dimension,
        polynomial_size,
    };
    (shape, step_ns, level_ns)
}
