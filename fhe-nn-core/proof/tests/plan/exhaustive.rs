//! The fewest bytes of keys, against the parameters of two layers tried one by one.

use std::collections::BTreeMap;

use fhe_nn_proof::noise::{
    Decomposition, ProductDigits, Shape, body_bytes, bootstrap_variance, keyswitch_variance,
    modulus_switch_variance, secure_variance, secure_variance_of, seeded_variance,
    standard_deviations,
};
use fhe_nn_proof::plan::{Plan, PlanOptions, Prefer};
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

const FIRST: u32 = 500;
const LAST: u32 = 1600;
const LEVELS: u32 = 12;
const SHAPES: [(u32, u32); 11] = [
    (4, 256),
    (6, 256),
    (2, 512),
    (3, 512),
    (4, 512),
    (1, 1024),
    (2, 1024),
    (3, 1024),
    (1, 2048),
    (2, 2048),
    (1, 4096),
];

/// Shapes whose tables are spread over several polynomials, and the number of polynomials.
const EXTENSIONS: [((u32, u32), u32); 4] = [
    ((1, 2048), 2),
    ((1, 2048), 4),
    ((1, 2048), 8),
    ((1, 2048), 16),
];

#[test]
fn no_two_layers_have_fewer_bytes_of_keys() {
    let tables = [
        (Reader::Antiperiodic, 4, 9.0),
        (Reader::Padded, 4, 500.0),
        (Reader::Antiperiodic, 6, 77.0),
    ];
    let parameters = Parameters::new();
    for (first, second) in tables.iter().flat_map(|a| tables.map(|b| (*a, b))) {
        let scores = (Reader::Client, 12, 900.0);
        let layer = |(reader, width, gain)| Layer::alike(reader, 5, width, gain);
        let chain = Chain {
            inputs: 10,
            hidden: vec![layer(first), layer(second)],
            last: layer(scores),
        };
        let options = PlanOptions::new().with_prefer(Prefer::SmallestKeys);
        let plan = Plan::find(&chain.requirements(), &options).expect("parameters exist");
        let least = parameters.least([first, second, scores].map(Limit::new));
        assert_eq!(plan.evaluation_key_bytes() as f64, least, "{plan}");
    }
}

/// A layer of identical neurons: gain, greatest variance that is read right, and bits of the modulus.
struct Limit {
    gain: f64,
    budget: f64,
    modulus_bits: u32,
}

/// A shape with levels and their least noisy base: what a step leaves, and bytes of a step's key.
struct Bootstrap {
    shape: Shape,
    /// Coefficients of a table.
    size: u32,
    variance: f64,
    bytes: f64,
}

struct Parameters {
    bootstraps: Vec<Bootstrap>,
    /// For every dimension, number of levels and small key, the variance of the least noisy
    /// keyswitch.
    keyswitches: BTreeMap<u32, Vec<Vec<f64>>>,
}

impl Limit {
    fn new((reader, width, gain): (Reader, u32, f64)) -> Self {
        let modulus_bits = reader.modulus_bits(width);
        let half_step = 2f64.powi(-(modulus_bits as i32) - 1);
        let budget = (half_step / standard_deviations(128.0)).powi(2);
        Limit {
            gain,
            budget,
            modulus_bits,
        }
    }

    fn room(&self, variance: f64) -> f64 {
        self.budget - self.gain * variance
    }

    fn fits(&self, size: u32) -> bool {
        (2 * size) >> self.modulus_bits >= 2
    }
}

impl Parameters {
    fn new() -> Self {
        let bootstrap = |(dimension, polynomial_size), extension, levels, of_body| {
            let shape = Shape {
                dimension,
                polynomial_size,
            };
            let digits = |levels: u32| {
                (1..=60 / levels).map(move |base_log| Decomposition { base_log, levels })
            };
            let variances = digits(levels).flat_map(|masks| {
                let bodies = digits(of_body).map(move |body| ProductDigits { masks, body });
                bodies.map(|digits| bootstrap_variance(1, shape, digits))
            });
            let large = shape.lwe_dimension();
            let bodies = (levels * dimension + of_body) * polynomial_size;
            Bootstrap {
                shape,
                size: polynomial_size * extension,
                variance: variances.fold(f64::INFINITY, f64::min),
                bytes: f64::from(bodies * body_bytes(secure_variance(large), 64)),
            }
        };
        let keyswitches = |dimension| {
            let least = |levels, n| {
                let bases = (1..=31 / levels).map(|base_log| Decomposition { base_log, levels });
                let noise = bases.map(|digits| keyswitch_variance(dimension, n, digits));
                noise.fold(f64::INFINITY, f64::min)
            };
            let of_levels = |levels| (FIRST..=LAST).map(|n| least(levels, n)).collect();
            (1..=LEVELS).map(of_levels).collect()
        };
        let large = SHAPES.map(|(k, size)| k * size);
        let dimensions = (512..=2048).step_by(32).chain(large);
        Parameters {
            bootstraps: SHAPES
                .iter()
                .flat_map(|&shape| {
                    let extensions = EXTENSIONS.iter().filter(move |(of, _)| *of == shape);
                    let extensions = extensions.map(|(_, extension)| *extension).chain([1]);
                    extensions.flat_map(move |extension| {
                        let levels =
                            (1..=6).flat_map(|masks| (1..=masks).map(move |body| (masks, body)));
                        levels.map(move |(masks, body)| bootstrap(shape, extension, masks, body))
                    })
                })
                .collect(),
            keyswitches: dimensions.map(|d| (d, keyswitches(d))).collect(),
        }
    }

    /// The fewest bytes of keys for two stages with scores that stay under their key.
    fn least(&self, [first, second, scores]: [Limit; 3]) -> f64 {
        let mut least = f64::INFINITY;
        let sizes = || (8..=15).map(|log| 1 << log);
        for one in self.bootstraps.iter().filter(|one| first.fits(one.size)) {
            let (dimension, size) = (one.shape.lwe_dimension(), one.size);
            let key = |n| Some(self.arrive(n, size, &first)? + f64::from(n) * one.bytes);
            let keys = (FIRST..=LAST).filter_map(|n| Some((n, key(n)?)));
            for (index, (n, bytes)) in keys.enumerate() {
                let variance = f64::from(n) * one.variance;
                let room = second.room(variance);
                // the second stage with the keys of the first
                if second.fits(size) && scores.room(variance) >= 0.0 {
                    let levels = self.levels(dimension, n, room - switched(n, 32, size));
                    let key = levels.map(|levels| bytes + key_bytes(dimension, levels, n));
                    least = least.min(key.unwrap_or(f64::INFINITY));
                }
                // and with keys of its own: larger ones than the smallest of the first are worse
                for size in sizes().filter(|&size| index < 12 && second.fits(size)) {
                    for m in FIRST..=LAST {
                        let left = room - switched(m, 32, size);
                        let Some(levels) = self.levels(dimension, m, left) else {
                            continue;
                        };
                        let two = self.bootstraps.iter().filter(|two| two.size == size);
                        let two = two.filter(|two| scores.room(f64::from(m) * two.variance) >= 0.0);
                        let bootstrap = two
                            .map(|two| f64::from(m) * two.bytes)
                            .fold(f64::INFINITY, f64::min);
                        least = least.min(bytes + key_bytes(dimension, levels, m) + bootstrap);
                        if levels == 1 {
                            break;
                        }
                    }
                }
            }
        }
        least
    }

    /// Bytes of the key that brings inputs to a small key of `n` dimensions.
    fn arrive(&self, n: u32, size: u32, first: &Limit) -> Option<f64> {
        let fresh = |dimension| first.room(seeded_variance(dimension, 64));
        if switched(n, 64, size) <= fresh(n) {
            return Some(0.0);
        }
        let inputs = (512..=2048).step_by(32).filter_map(|dimension| {
            let left = fresh(dimension) - switched(n, 32, size);
            let levels = self.levels(dimension, n, left)?;
            Some(key_bytes(dimension, levels, n))
        });
        inputs.min_by(f64::total_cmp)
    }

    /// The fewest levels of a keyswitch that adds no more than is left.
    fn levels(&self, dimension: u32, n: u32, left: f64) -> Option<u32> {
        let of_levels = &self.keyswitches[&dimension];
        (1..=LEVELS).find(|&levels| of_levels[levels as usize - 1][(n - FIRST) as usize] <= left)
    }
}

fn switched(n: u32, from_bits: u32, size: u32) -> f64 {
    modulus_switch_variance(n, from_bits, size.ilog2() + 1)
}

fn key_bytes(dimension: u32, levels: u32, n: u32) -> f64 {
    f64::from(levels * dimension * body_bytes(secure_variance_of(n, 32), 32))
}
