//! The cheapest parameters of a whole chain.
//!
//! One layer's bootstrap decides the noise that the next one starts from, so the chain is solved as
//! one: after every stage stands the Pareto front of what it can leave behind (the dimension of its
//! key, the variance of its results) against what it has cost; the next stage goes on from every
//! point of it. Everything is computed with `libm` from shipped constants: client and server find
//! the same plan.

use crate::noise::{
    Decomposition, Shape, keyswitch_variance, log2_sum, modulus_switch_variance, secure_variance,
    standard_deviations,
};
use crate::plan::cost::{Bootstrap, INPUT_DIMENSIONS, KEYSWITCH_NS, bootstraps, linear_cost};
use crate::plan::demand::{Accumulators, Program, StageDemand};
use crate::plan::small_key::{Incoming, fits, small_keys};
use crate::plan::{InputPlan, Options, OutputPlan, Plan, PlanError, Stage};

/// What a chain of stages can leave behind, and what it has cost in nanoseconds.
#[derive(Debug, Clone)]
struct Point {
    cost: f64,
    left: Incoming,
    stages: Vec<Choice>,
}

/// The parameters of one stage, and the noise on its way.
#[derive(Debug, Clone, Copy)]
struct Choice {
    input_dimension: u32,
    input_variance: f64,
    keyswitch: Option<Decomposition>,
    small_dimension: u32,
    added_variance: f64,
    shape: Shape,
    digits: Decomposition,
    output_variance: f64,
}

/// The cheapest plan, see [`Plan::find`].
pub(super) fn find(program: &Program, options: &Options) -> Result<Plan, PlanError> {
    let z = standard_deviations(options.failure_bits);
    let bootstraps = bootstraps();
    let mut front = inputs();
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
    let decrypted = |point: Point| match point.left {
        Incoming::UnderLargeKey {
            dimension,
            variance,
        } if fits(output, variance, 0.0, z) => Some((
            point.cost + linear_cost(output, dimension),
            dimension,
            variance,
            point.stages,
        )),
        Incoming::UnderLargeKey { .. } | Incoming::UnderSmallKey => None,
    };
    let best = front
        .into_iter()
        .filter_map(decrypted)
        .min_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((_, dimension, variance, choices)) => {
            Ok(plan(program, options, &choices, dimension, variance))
        }
        None => Err(no_parameters(output, options)),
    }
}

/// The keys that inputs can come under.
fn inputs() -> Vec<Point> {
    let large = INPUT_DIMENSIONS
        .iter()
        .map(|&dimension| Incoming::UnderLargeKey {
            dimension,
            variance: secure_variance(dimension),
        });
    let incoming = large.chain([Incoming::UnderSmallKey]);
    incoming
        .map(|left| Point {
            cost: 0.0,
            left,
            stages: Vec::new(),
        })
        .collect()
}

/// Every way on from `point` through a stage.
fn stage(point: &Point, demand: &StageDemand, z: f64, bootstraps: &[Bootstrap]) -> Vec<Point> {
    let accumulators = &demand.accumulators;
    let mut sizes: Vec<u32> = bootstraps.iter().map(|b| b.shape.polynomial_size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    // a step of the torus is at least two coefficients wide
    sizes.retain(|&size| (2 * size) >> accumulators.modulus_bits() >= 2);
    let mut points = Vec::new();
    for size in sizes {
        for (keyswitch, n) in small_keys(point.left, accumulators, size, z) {
            let of_size = bootstraps
                .iter()
                .filter(|b| b.shape.polynomial_size == size);
            points.extend(
                of_size.map(|bootstrap| go_on(point, accumulators, keyswitch, n, bootstrap)),
            );
        }
    }
    points
}

/// One way on from `point`: through this keyswitch to dimension `n`, and this bootstrap.
fn go_on(
    point: &Point,
    accumulators: &Accumulators,
    keyswitch: Option<Decomposition>,
    n: u32,
    bootstrap: &Bootstrap,
) -> Point {
    let (input_dimension, input_variance) = match point.left {
        Incoming::UnderLargeKey {
            dimension,
            variance,
        } => (dimension, variance),
        Incoming::UnderSmallKey => (n, secure_variance(n)),
    };
    let (switch_ns, switch_variance) = keyswitch.map_or((0.0, 0.0), |digits| {
        let products = f64::from(digits.levels) * f64::from(input_dimension) * f64::from(n);
        (
            products * KEYSWITCH_NS,
            keyswitch_variance(input_dimension, n, digits),
        )
    });
    let switched = modulus_switch_variance(n, bootstrap.shape.polynomial_size);
    let output_variance = f64::from(n) * bootstrap.step_variance;
    let choice = Choice {
        input_dimension,
        input_variance,
        keyswitch,
        small_dimension: n,
        added_variance: switch_variance + switched,
        shape: bootstrap.shape,
        digits: bootstrap.digits,
        output_variance,
    };
    let neuron_ns = switch_ns + f64::from(n) * bootstrap.step_ns;
    Point {
        cost: point.cost
            + linear_cost(accumulators, input_dimension)
            + f64::from(accumulators.neurons) * neuron_ns,
        left: Incoming::UnderLargeKey {
            dimension: bootstrap.shape.lwe_dimension(),
            variance: output_variance,
        },
        stages: point.stages.iter().copied().chain([choice]).collect(),
    }
}

/// For every dimension of a key, the points that no other beats in cost and variance.
fn prune(points: Vec<Point>) -> Vec<Point> {
    let mut points: Vec<(u32, f64, Point)> = points
        .into_iter()
        .filter_map(|point| match point.left {
            Incoming::UnderLargeKey {
                dimension,
                variance,
            } => Some((dimension, variance, point)),
            Incoming::UnderSmallKey => None,
        })
        .collect();
    points.sort_by(|(d, v, p), (e, w, q)| {
        d.cmp(e)
            .then(p.cost.total_cmp(&q.cost))
            .then(v.total_cmp(w))
    });
    let mut best: Option<(u32, f64)> = None;
    points.retain(|&(dimension, variance, _)| {
        let beaten = best.is_some_and(|(d, v)| d == dimension && v <= variance);
        if !beaten {
            best = Some((dimension, variance));
        }
        !beaten
    });
    points.into_iter().map(|(.., point)| point).collect()
}

fn no_parameters(accumulators: &Accumulators, options: &Options) -> PlanError {
    PlanError::NoParameters {
        layer: accumulators.linear.clone(),
        bits: accumulators.width(),
        norm: accumulators.norm(),
        failure_bits: options.failure_bits,
    }
}

fn plan(
    program: &Program,
    options: &Options,
    choices: &[Choice],
    dimension: u32,
    variance: f64,
) -> Plan {
    let layers = || program.stages.iter().map(|demand| &demand.accumulators);
    let following = layers().skip(1).chain([&program.output]);
    let stages: Vec<Stage> = program
        .stages
        .iter()
        .zip(choices)
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
            dimension: choices
                .first()
                .map_or(dimension, |choice| choice.input_dimension),
            modulus_bits: layers().next().unwrap_or(output).modulus_bits(),
        },
        output: OutputPlan {
            linear: output.linear.clone(),
            scores: output.neurons,
            width: output.width(),
            dimension,
            variance: worst_variance(output, variance, 0.0),
            log2_failure: failure(output, variance, 0.0),
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
