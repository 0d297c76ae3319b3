//! The cheapest parameters of a whole chain.
//!
//! One layer's bootstrap decides the noise that the next one starts from, so the chain is solved as
//! one: after every stage stands the Pareto front of what it can leave behind (the dimension of its
//! key, the variance of its results) against what it has cost; the next stage goes on from every
//! point of it. Everything is computed with `libm` from shipped constants: client and server find
//! the same plan.

use crate::noise::{
    Decomposition, Shape, bootstrap_variance, keyswitch_key_variance, keyswitch_rounding_variance,
    keyswitch_variance, log2_sum, modulus_switch_variance, secure_variance, standard_deviations,
};
use crate::plan::demand::{Accumulators, Program, StageDemand};
use crate::plan::{InputPlan, Options, OutputPlan, Plan, PlanError, Stage};

/// Small keys, n: tfhe's security curve is a fit over the dimensions in use.
pub(super) const SMALL_DIMENSIONS: core::ops::RangeInclusive<u32> = 500..=1600;
/// Dimensions of a large key for inputs.
pub(super) const INPUT_DIMENSIONS: [u32; 5] = [1024, 1280, 1536, 1792, 2048];
/// Levels of a keyswitch and of a bootstrap.
pub(super) const MAX_KEYSWITCH_LEVELS: u32 = 8;
pub(super) const MAX_BOOTSTRAP_LEVELS: u32 = 5;

/// Nanoseconds of one step of a rotation (one of n) in a batch, per shape: a part that every step
/// costs, and a part per level. Measured with this crate's engine (DESIGN.md, "Where do the costs
/// come from?"); they decide between parameters and nothing else.
pub(super) const SHAPES: [(Shape, f64, f64); 14] = [
    (
        Shape {
            dimension: 4,
            polynomial_size: 256,
        },
        1_300.0,
        2_000.0,
    ),
    (
        Shape {
            dimension: 6,
            polynomial_size: 256,
        },
        2_100.0,
        3_600.0,
    ),
    (
        Shape {
            dimension: 2,
            polynomial_size: 512,
        },
        1_500.0,
        1_700.0,
    ),
    (
        Shape {
            dimension: 3,
            polynomial_size: 512,
        },
        2_100.0,
        2_700.0,
    ),
    (
        Shape {
            dimension: 4,
            polynomial_size: 512,
        },
        2_800.0,
        4_000.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 1024,
        },
        2_000.0,
        1_800.0,
    ),
    (
        Shape {
            dimension: 2,
            polynomial_size: 1024,
        },
        3_200.0,
        3_800.0,
    ),
    (
        Shape {
            dimension: 3,
            polynomial_size: 1024,
        },
        4_500.0,
        6_000.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 2048,
        },
        4_500.0,
        4_500.0,
    ),
    (
        Shape {
            dimension: 2,
            polynomial_size: 2048,
        },
        7_500.0,
        9_000.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 4096,
        },
        10_000.0,
        9_500.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 8192,
        },
        30_000.0,
        30_000.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 16384,
        },
        70_000.0,
        70_000.0,
    ),
    (
        Shape {
            dimension: 1,
            polynomial_size: 32768,
        },
        150_000.0,
        150_000.0,
    ),
];
/// Nanoseconds of one multiplication of a digit with a key element in a keyswitch.
const KEYSWITCH_NS: f64 = 0.45;
/// Nanoseconds of one multiplication of a weight with a ciphertext element in a linear layer.
const LINEAR_NS: f64 = 0.15;

/// What a chain of stages can leave behind.
#[derive(Debug, Clone)]
struct Point {
    cost: f64,
    dimension: u32,
    variance: f64,
    /// Whether the point is a key for inputs that the first stage is to choose.
    input_under_small_key: bool,
    stages: Vec<Choice>,
    input_dimension: u32,
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    keyswitch: Option<Decomposition>,
    small_dimension: u32,
    shape: Shape,
    digits: Decomposition,
    input_variance: f64,
    added_variance: f64,
    output_variance: f64,
}

/// A bootstrap's shape and digits, with what they cost and leave for each step of the rotation.
struct Bootstrap {
    shape: Shape,
    digits: Decomposition,
    step_ns: f64,
    step_variance: f64,
}

/// The cheapest plan, see [`Plan::find`].
pub(super) fn find(program: &Program, options: &Options) -> Result<Plan, PlanError> {
    let z = standard_deviations(options.failure_bits);
    let bootstraps = bootstraps();
    let mut front = inputs(!program.stages.is_empty());
    for demand in &program.stages {
        let next = front
            .iter()
            .flat_map(|point| stage(point, demand, z, &bootstraps))
            .collect();
        front = prune(next);
        if front.is_empty() {
            return Err(no_parameters(&demand.accumulators, options));
        }
    }
    let output = &program.output;
    let best = front
        .into_iter()
        .filter(|point| fits(output, point.variance, 0.0, z))
        .map(|point| (point.cost + linear_cost(output, point.dimension), point))
        .min_by(|(a, _), (b, _)| a.total_cmp(b));
    match best {
        Some((_, point)) => Ok(plan(program, options, &point)),
        None => Err(no_parameters(output, options)),
    }
}

/// The keys that inputs can come under. Under the first small key, the first stage chooses.
fn inputs(has_stages: bool) -> Vec<Point> {
    let point = |dimension, input_under_small_key| Point {
        cost: 0.0,
        dimension,
        variance: secure_variance(dimension),
        input_under_small_key,
        stages: Vec::new(),
        input_dimension: dimension,
    };
    let mut points: Vec<Point> = INPUT_DIMENSIONS.iter().map(|&d| point(d, false)).collect();
    if has_stages {
        points.push(point(0, true));
    }
    points
}

/// Every way on from `point` through a stage.
fn stage<'a>(
    point: &'a Point,
    demand: &'a StageDemand,
    z: f64,
    bootstraps: &'a [Bootstrap],
) -> Vec<Point> {
    let accumulators = &demand.accumulators;
    let neurons = f64::from(accumulators.neurons);
    let mut sizes: Vec<u32> = bootstraps.iter().map(|b| b.shape.polynomial_size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut points = Vec::new();
    for size in sizes {
        for (keyswitch, n) in small_keys(point, accumulators, size, z) {
            let (dimension, input_variance) = match keyswitch {
                Some(_) => (point.dimension, point.variance),
                None => (n, secure_variance(n)),
            };
            let switched = keyswitch.map_or(0.0, |digits| keyswitch_variance(dimension, n, digits));
            let added_variance = switched + modulus_switch_variance(n, size);
            let switch_ns = keyswitch.map_or(0.0, |digits| {
                f64::from(digits.levels) * f64::from(dimension) * f64::from(n) * KEYSWITCH_NS
            });
            let before = point.cost + linear_cost(accumulators, dimension) + neurons * switch_ns;
            for bootstrap in bootstraps
                .iter()
                .filter(|b| b.shape.polynomial_size == size)
            {
                let output_variance = f64::from(n) * bootstrap.step_variance;
                let choice = Choice {
                    keyswitch,
                    small_dimension: n,
                    shape: bootstrap.shape,
                    digits: bootstrap.digits,
                    input_variance,
                    added_variance,
                    output_variance,
                };
                let mut stages = point.stages.clone();
                stages.push(choice);
                points.push(Point {
                    cost: before + neurons * f64::from(n) * bootstrap.step_ns,
                    dimension: bootstrap.shape.lwe_dimension(),
                    variance: output_variance,
                    input_under_small_key: false,
                    stages,
                    input_dimension: if keyswitch.is_some() {
                        point.input_dimension
                    } else {
                        n
                    },
                });
            }
        }
    }
    points
}

/// The smallest feasible small key for every keyswitch worth a thought; a smaller key is cheaper
/// and leaves less noise.
fn small_keys(
    point: &Point,
    accumulators: &Accumulators,
    size: u32,
    z: f64,
) -> Vec<(Option<Decomposition>, u32)> {
    if point.input_under_small_key {
        // fresh noise falls with n, that of the modulus switch grows: the first that fits
        let fitting = SMALL_DIMENSIONS.clone().find(|&n| {
            fits(
                accumulators,
                secure_variance(n),
                modulus_switch_variance(n, size),
                z,
            )
        });
        return fitting.map(|n| (None, n)).into_iter().collect();
    }
    // what the constraints leave to the keyswitch and the modulus switch
    let room = accumulators
        .constraints()
        .map(|constraint| constraint.budget(z) - constraint.variance(point.variance, 0.0))
        .fold(f64::INFINITY, f64::min);
    if room <= modulus_switch_variance(*SMALL_DIMENSIONS.start(), size) {
        return Vec::new();
    }
    let mut keys: Vec<(Option<Decomposition>, u32)> = Vec::new();
    for levels in 1..=MAX_KEYSWITCH_LEVELS {
        let smallest = (1..=24 / levels)
            .filter_map(|base_log| {
                let digits = Decomposition { base_log, levels };
                Some((smallest_key(point.dimension, digits, size, room)?, digits))
            })
            .min_by_key(|(n, digits)| (*n, digits.base_log));
        // another level costs as much as it saves unless the key shrinks
        if let Some((n, digits)) = smallest
            && keys.last().is_none_or(|(_, best)| n < *best)
        {
            keys.push((Some(digits), n));
        }
    }
    keys
}

/// The smallest n for which keyswitch and modulus switch stay within `room`: the noise of the key
/// falls exponentially with n and the modulus switch grows linearly, so the feasible n are an
/// interval, and stepping to where the key's noise alone fits what the modulus switch leaves
/// climbs to its lower end.
fn smallest_key(dimension: u32, digits: Decomposition, size: u32, room: f64) -> Option<u32> {
    let room = room - keyswitch_rounding_variance(dimension, digits);
    let (first, last) = SMALL_DIMENSIONS.into_inner();
    let mut n = first;
    loop {
        let left = room - modulus_switch_variance(n, size);
        if left <= 0.0 || n > last {
            return None;
        }
        if keyswitch_key_variance(dimension, n, digits) <= left {
            return Some(n);
        }
        // halfway by bisection: the least n with key noise within `left`
        let (mut below, mut above) = (n, last + 1);
        while above - below > 1 {
            let middle = below.midpoint(above);
            let fits = keyswitch_key_variance(dimension, middle, digits) <= left;
            if fits { above = middle } else { below = middle }
        }
        n = above;
    }
}

/// Whether every constraint of a layer holds with `z` standard deviations.
fn fits(accumulators: &Accumulators, input: f64, added: f64, z: f64) -> bool {
    accumulators
        .constraints()
        .all(|constraint| constraint.variance(input, added) <= constraint.budget(z))
}

/// For every dimension of a key, the points that no other beats in cost and variance.
fn prune(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| {
        a.dimension
            .cmp(&b.dimension)
            .then(a.cost.total_cmp(&b.cost))
            .then(a.variance.total_cmp(&b.variance))
    });
    let mut front: Vec<Point> = Vec::new();
    for point in points {
        let beaten = front.last().is_some_and(|best| {
            best.dimension == point.dimension && best.variance <= point.variance
        });
        if !beaten {
            front.push(point);
        }
    }
    front
}

/// Every shape and number of levels, each with its least noisy base.
fn bootstraps() -> Vec<Bootstrap> {
    let with = |(shape, step_ns, level_ns): (Shape, f64, f64), levels: u32| {
        (1..=44 / levels)
            .map(|base_log| {
                let digits = Decomposition { base_log, levels };
                let step_variance = bootstrap_variance(1, shape, digits);
                let step_ns = step_ns + f64::from(levels) * level_ns;
                Bootstrap {
                    shape,
                    digits,
                    step_ns,
                    step_variance,
                }
            })
            .min_by(|a, b| a.step_variance.total_cmp(&b.step_variance))
    };
    SHAPES
        .iter()
        .flat_map(|&shape| (1..=MAX_BOOTSTRAP_LEVELS).filter_map(move |levels| with(shape, levels)))
        .collect()
}

fn linear_cost(accumulators: &Accumulators, dimension: u32) -> f64 {
    let products = f64::from(accumulators.neurons) * f64::from(accumulators.inputs);
    products * f64::from(dimension) * LINEAR_NS
}

fn no_parameters(accumulators: &Accumulators, options: &Options) -> PlanError {
    PlanError::NoParameters {
        layer: accumulators.linear.clone(),
        bits: accumulators.width(),
        norm: accumulators.norm(),
        failure_bits: options.failure_bits,
    }
}

fn plan(program: &Program, options: &Options, point: &Point) -> Plan {
    let layers = || program.stages.iter().map(|demand| &demand.accumulators);
    let following = layers().skip(1).chain([&program.output]);
    let stages: Vec<Stage> = program
        .stages
        .iter()
        .zip(&point.stages)
        .zip(following)
        .map(|((demand, choice), next)| {
            let accumulators = &demand.accumulators;
            let (input, added) = (choice.input_variance, choice.added_variance);
            Stage {
                linear: accumulators.linear.clone(),
                lookup: demand.lookup.clone(),
                reader: accumulators.reader,
                width: accumulators.width(),
                bootstraps: accumulators.neurons,
                phases: demand.phases,
                keyswitch: choice.keyswitch,
                small_dimension: choice.small_dimension,
                shape: choice.shape,
                digits: choice.digits,
                output_modulus_bits: next.modulus_bits(),
                output_variance: choice.output_variance,
                table_variance: worst_variance(accumulators, input, added),
                log2_failure: failure(accumulators, input, added),
            }
        })
        .collect();
    let output = &program.output;
    Plan {
        client: program.client.clone(),
        input: InputPlan {
            dimension: point.input_dimension,
            modulus_bits: layers().next().unwrap_or(output).modulus_bits(),
        },
        output: OutputPlan {
            linear: output.linear.clone(),
            scores: output.neurons,
            width: output.width(),
            dimension: point.dimension,
            variance: worst_variance(output, point.variance, 0.0),
            log2_failure: failure(output, point.variance, 0.0),
        },
        stages,
        model: program.model,
        options: *options,
    }
}

fn failure(accumulators: &Accumulators, input: f64, added: f64) -> f64 {
    log2_sum(
        accumulators
            .constraints()
            .map(|constraint| constraint.log2_failure(input, added)),
    )
}

/// Variance that the reader with the least room sees.
fn worst_variance(accumulators: &Accumulators, input: f64, added: f64) -> f64 {
    let room = |variance: f64, half_step: f64| half_step * half_step / variance;
    accumulators
        .constraints()
        .map(|constraint| (constraint.variance(input, added), constraint.half_step))
        .min_by(|a, b| room(a.0, a.1).total_cmp(&room(b.0, b.1)))
        .map_or(0.0, |(variance, _)| variance)
}
