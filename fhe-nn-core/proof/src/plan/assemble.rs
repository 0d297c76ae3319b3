//! A plan from the parameters of its stages.

use crate::noise::{MODULUS_BITS, log2_sum, seeded_variance};
use crate::plan::demand::{Accumulators, Program, StageDemand};
use crate::plan::output::Ending;
use crate::plan::rotation::Rotation;
use crate::plan::state::Choice;
use crate::plan::{Bootstrap, InputPlan, Options, OutputPlan, Plan, Round, Stage};
use crate::spec::Rounding;

/// The plan of these choices, those of a stage's rounds before that of its tables, with the noise on
/// the way.
pub(super) fn plan(
    program: &Program,
    options: &Options,
    rotations: &[Rotation],
    choices: &[Choice],
    (dimension, ending): (u32, &Ending),
) -> Plan {
    let input = InputPlan {
        dimension: choices
            .first()
            .map_or(dimension, |choice| choice.input_dimension),
    };
    let mut variances = vec![seeded_variance(input.dimension, MODULUS_BITS)];
    let mut stages = Vec::with_capacity(program.stages.len());
    let mut choices = choices.iter();
    for demand in &program.stages {
        let rounds = demand.accumulators.rounds().len();
        let own: Vec<&Choice> = choices.by_ref().take(rounds + 1).collect();
        let variance = noisiest(&demand.accumulators.sources, &variances);
        let stage = stage(demand, rotations, &own, variance);
        variances.push(stage.output_variance);
        stages.push(stage);
    }
    let output = &program.output;
    let variance = noisiest(&output.sources, &variances);
    Plan {
        client: program.client.clone(),
        input,
        stages,
        output: OutputPlan {
            linear: output.linear.clone(),
            sources: output.sources.clone(),
            terms: output.terms,
            scores: output.neurons,
            width: output.width(),
            scale: output.scale,
            table: output.table,
            rounding: output.rounding,
            modulus: output.modulus,
            keyswitch: ending.keyswitch,
            dimension: ending.dimension,
            element_bits: ending.element_bits,
            variance: worst_variance(output, variance, ending.added),
            log2_failure: failure(output, variance, ending.added),
        },
        model: program.model,
        options: *options,
    }
}

/// A stage whose inputs have this variance.
fn stage(
    demand: &StageDemand,
    rotations: &[Rotation],
    choices: &[&Choice],
    variance: f64,
) -> Stage {
    let accumulators = &demand.accumulators;
    let (mut rounds, mut failures, mut removed) = (Vec::new(), Vec::new(), 0.0);
    for (round, choice) in accumulators.rounds().iter().zip(choices) {
        let bootstrap = bootstrap(choice, rotations);
        let (added, result) = (
            bootstrap.way_variance(choice.input_dimension),
            bootstrap.result_variance(),
        );
        failures.extend(round.log2_failures(variance, removed, result, added));
        removed += f64::from(round.passes()) * result;
        rounds.push(Round {
            above: round.above,
            neurons: round.neurons(),
            bootstraps: round.bootstraps(),
            bootstrap,
        });
    }
    let choice = choices[choices.len() - 1];
    let bootstrap = bootstrap(choice, rotations);
    let added = removed + bootstrap.way_variance(choice.input_dimension);
    failures.push(failure(accumulators, variance, added));
    Stage {
        linear: accumulators.linear.clone(),
        lookup: demand.lookup.clone(),
        sources: accumulators.sources.clone(),
        terms: accumulators.terms,
        reader: accumulators.reader,
        width: accumulators.width(),
        scale: accumulators.scale,
        table: accumulators.table,
        rounding: accumulators.rounding,
        modulus: accumulators.modulus,
        neurons: accumulators.neurons,
        phases: demand.phases,
        rounds,
        bootstrap,
        output_variance: bootstrap.result_variance(),
        table_variance: worst_variance(accumulators, variance, added),
        log2_failure: log2_sum(failures),
        step_probability: step_probability(accumulators, variance, added),
    }
}

/// The greatest of the variances of some values.
pub(super) fn noisiest(sources: &[u32], variances: &[f64]) -> f64 {
    let of = |&source: &u32| variances.get(source as usize).copied().unwrap_or(0.0);
    sources.iter().map(of).fold(0.0, f64::max)
}

pub(super) fn bootstrap(choice: &Choice, rotations: &[Rotation]) -> Bootstrap {
    let rotation = &rotations[choice.rotation];
    Bootstrap {
        keyswitch: choice.keyswitch,
        small_dimension: choice.n,
        shape: rotation.shape,
        extension: rotation.extension,
        digits: rotation.digits,
    }
}

/// How likely the value is to move that is the likeliest to.
fn step_probability(accumulators: &Accumulators, input: f64, added: f64) -> Option<f64> {
    let each = accumulators.constraints();
    let each = each.map(|constraint| constraint.step_probability(input, added));
    match accumulators.rounding {
        Rounding::Exact => None,
        Rounding::Approximate => Some(each.fold(0.0, f64::max)),
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
    accumulators
        .constraints()
        .map(|constraint| (constraint.variance(input, added), constraint.budget(1.0)))
        .min_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)))
        .map_or(0.0, |(variance, _)| variance)
}
