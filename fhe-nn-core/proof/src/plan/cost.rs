//! The time that a plan takes, from constants that were measured once and are shipped.

use crate::noise::{Shape, odd_steps};
use crate::plan::{Bootstrap, Plan};

/// The GLWE shapes that may be chosen, each with the nanoseconds that a blind rotation in a batch takes for
/// each of the n bits of the small key, in steps of one bit and in steps of two. They were measured with
/// this crate's engine (BENCHMARKS.md, "Steps of a rotation") and only decide between parameters.
pub(crate) const SHAPES: [(Shape, Ns, Ns); 11] = [
    glwe(4, 256, [1_490.0, 1_180.0], [800.0, 1_130.0]),
    glwe(6, 256, [2_020.0, 1_970.0], [970.0, 2_140.0]),
    glwe(2, 512, [1_600.0, 1_210.0], [880.0, 1_010.0]),
    glwe(3, 512, [2_040.0, 1_850.0], [1_210.0, 1_590.0]),
    glwe(4, 512, [2_500.0, 2_630.0], [1_470.0, 2_410.0]),
    glwe(1, 1024, [1_900.0, 1_630.0], [1_070.0, 1_250.0]),
    glwe(2, 1024, [2_960.0, 2_650.0], [1_470.0, 2_360.0]),
    glwe(3, 1024, [3_730.0, 4_100.0], [2_140.0, 3_460.0]),
    glwe(1, 2048, [4_750.0, 3_350.0], [2_710.0, 2_480.0]),
    glwe(2, 2048, [7_190.0, 5_510.0], [4_170.0, 4_390.0]),
    glwe(1, 4096, [10_310.0, 7_430.0], [6_010.0, 5_180.0]),
];

/// Nanoseconds for each bit of the small key: a part that all rotations have, and a part for each level of all
/// `k + 1` polynomials.
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
pub(crate) fn rotation_cost(bootstrap: &Bootstrap) -> f64 {
    let Bootstrap {
        shape, key_bits, ..
    } = *bootstrap;
    let levels = f64::from(bootstrap.rows()) / (f64::from(shape.dimension) + 1.0);
    let known = SHAPES.iter().find(|(known, ..)| *known == shape);
    known.map_or(0.0, |(_, one, two)| {
        let [all, level] = if key_bits == 1 { one } else { two };
        moved_parts(bootstrap) * (all + levels * level)
    })
}

/// Number of polynomials of a table that a step of a sorted rotation moves, on average: all of them if it has an odd
/// power of X, and otherwise those of a table of half as many. Whether the half of an even power is odd is as if no
/// modulus switch had preferred anything.
fn moved_parts(bootstrap: &Bootstrap) -> f64 {
    let Bootstrap {
        extension,
        key_bits,
        companion,
        ..
    } = *bootstrap;
    let (mut parts, mut moved) = (1, 1.0);
    while parts < extension {
        parts *= 2;
        let preferred = if parts < extension { 0 } else { companion };
        let odd = odd_steps(key_bits, preferred);
        moved = odd * f64::from(parts) + (1.0 - odd) * moved;
    }
    moved
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
