//! The time that a plan takes, from constants that were measured once and are shipped.

use crate::noise::Shape;
use crate::plan::{Bootstrap, Plan};

/// The GLWE shapes that may be chosen, each with the nanoseconds that a blind rotation in a batch takes for
/// each of the n bits of the small key, in steps of one bit and in steps of two. They were measured with
/// this crate's engine (BENCHMARKS.md, "Steps of a rotation") and only decide between parameters.
pub(crate) const SHAPES: [(Shape, Ns, Ns); 11] = [
    glwe(4, 256, [700.0, 1_290.0], [280.0, 967.0]),
    glwe(6, 256, [1_140.0, 2_100.0], [456.0, 1_575.0]),
    glwe(2, 512, [950.0, 1_300.0], [380.0, 975.0]),
    glwe(3, 512, [1_170.0, 2_030.0], [468.0, 1_522.0]),
    glwe(4, 512, [1_470.0, 2_850.0], [588.0, 2_137.0]),
    glwe(1, 1024, [1_480.0, 1_640.0], [592.0, 1_230.0]),
    glwe(2, 1024, [2_250.0, 2_760.0], [900.0, 2_070.0]),
    glwe(3, 1024, [2_700.0, 4_260.0], [1_080.0, 3_195.0]),
    glwe(1, 2048, [3_470.0, 3_520.0], [1_388.0, 2_640.0]),
    glwe(2, 2048, [5_270.0, 5_600.0], [2_108.0, 4_200.0]),
    glwe(1, 4096, [7_400.0, 7_590.0], [2_960.0, 5_692.0]),
];

/// Nanoseconds for each bit of the small key: a part that all rotations have, and a part for each level.
type Ns = [f64; 2];

/// Nanoseconds that a keyswitch takes to multiply a digit with an element of the key.
const KEYSWITCH_NS: f64 = 0.032;
/// Nanoseconds that a linear layer takes to multiply a weight with an element of a ciphertext.
const LINEAR_NS: f64 = 0.12;

/// Nanoseconds of one keyswitch.
pub(crate) fn keyswitch_cost(dimension: u32, levels: u32, n: u32) -> f64 {
    f64::from(levels) * f64::from(dimension) * f64::from(n) * KEYSWITCH_NS
}

/// Nanoseconds of a linear layer on ciphertexts of this dimension.
pub(crate) fn linear_cost(terms: u32, neurons: u32, dimension: u32) -> f64 {
    f64::from(terms) * f64::from(neurons) * f64::from(dimension) * LINEAR_NS
}

/// Nanoseconds of a rotation for each bit of the small key; 0 for a shape that is not in [`SHAPES`].
pub(crate) fn bit_cost(shape: Shape, extension: u32, levels: u32, key_bits: u32) -> f64 {
    let known = SHAPES.iter().find(|(known, ..)| *known == shape);
    known.map_or(0.0, |(_, one, two)| {
        let [all, level] = if key_bits == 1 { one } else { two };
        f64::from(extension) * (all + f64::from(levels) * level)
    })
}

fn rotation_cost(bootstrap: &Bootstrap) -> f64 {
    let Bootstrap {
        shape,
        extension,
        digits,
        key_bits,
        ..
    } = *bootstrap;
    bit_cost(shape, extension, digits.levels, key_bits)
}

impl Plan {
    /// Seconds that one inference of a [valid](Plan::validate) plan takes, roughly, on this number of
    /// threads of the machine on which the constants were measured (DESIGN.md, "Where do the costs
    /// come from?"). One thread does a rotation; everything else is shared evenly.
    pub fn predicted_seconds(&self, threads: usize) -> f64 {
        self.predicted_seconds_of_layers(threads).sum()
    }

    /// The [predicted seconds](Plan::predicted_seconds) of every stage, and of the scores last.
    pub fn predicted_seconds_of_layers(&self, threads: usize) -> impl Iterator<Item = f64> + '_ {
        let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
        let shared = 1.0 / f64::from(threads);
        let stages = self.stages.iter().zip(self.dimensions());
        let stages = stages.map(move |(stage, dimension)| {
            let sums = &stage.sums;
            let mut ns = shared * linear_cost(sums.terms, sums.neurons, dimension);
            let rounds = stage.rounds.iter();
            let rounds = rounds.map(|round| (round.bootstraps, &round.bootstrap));
            for (count, bootstrap) in rounds.chain([(sums.neurons, &stage.bootstrap)]) {
                let n = bootstrap.small_dimension;
                let switch = bootstrap
                    .keyswitch
                    .map_or(0.0, |digits| keyswitch_cost(dimension, digits.levels, n));
                ns += shared * f64::from(count) * switch;
                let turns = f64::from(count.div_ceil(threads));
                ns += turns * f64::from(n) * rotation_cost(bootstrap);
            }
            ns
        });
        let output = &self.output;
        let dimension = self.last_dimension();
        let switch = output.keyswitch.map_or(0.0, |digits| {
            keyswitch_cost(dimension, digits.levels, output.dimension)
        });
        let scores = linear_cost(output.sums.terms, output.sums.neurons, dimension)
            + f64::from(output.sums.neurons) * switch;
        stages.chain([shared * scores]).map(|ns| ns * 1e-9)
    }
}

const fn glwe(dimension: u32, polynomial_size: u32, one: Ns, two: Ns) -> (Shape, Ns, Ns) {
    let shape = Shape {
        dimension,
        polynomial_size,
    };
    (shape, one, two)
}
