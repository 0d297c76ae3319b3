//! Makes a plan from the parameters of its stages.

use crate::noise::{MODULUS_BITS, log2_sum, seeded_variance};
use crate::plan::{
    Accumulators, Bootstrap, InputPlan, OutputPlan, Plan, PlanOptions, Requirements, Round, Stage,
    StageDemand, Version,
};
use crate::search::ending::Ending;
use crate::search::rotation::Rotation;
use crate::search::state::Choice;
use crate::spec::Rounding;

/// The plan of these choices, with the noise that they lead to. The choices of a stage's rounds
/// stand before the choice of its tables.
pub(super) fn plan(
    requirements: &Requirements,
    options: &PlanOptions,
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
    let shared = requirements.shared();
    let mut stages = Vec::with_capacity(requirements.stages.len());
    let mut choices = choices.iter();
    for (index, demand) in requirements.stages.iter().enumerate() {
        let rounds = demand.accumulators.rounds().len();
        let own: Vec<&Choice> = choices.by_ref().take(rounds + 1).collect();
        let variance = greatest(&demand.accumulators.sums.sources, &variances);
        let stage = stage(demand, rotations, &own, variance);
        variances.push(stage.bootstrap.shared_variance(shared[index + 1]));
        stages.push(stage);
    }
    let output = &requirements.output;
    let variance = greatest(&output.sums.sources, &variances);
    Plan {
        version: Version::of(&requirements.client, &stages, options),
        client: requirements.client.clone(),
        input,
        stages: stages.into(),
        output: OutputPlan {
            sums: output.sums.clone(),
            keyswitch: ending.keyswitch,
            dimension: ending.dimension,
            element_bits: ending.element_bits,
            variance: worst_variance(output, variance, ending.added),
            log2_failure: failure(output, variance, ending.added),
        },
        model: requirements.model,
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
            bootstrap.switch_variance(choice.input_dimension),
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
    let added = removed + bootstrap.switch_variance(choice.input_dimension);
    failures.push(failure(accumulators, variance, added));
    Stage {
        sums: accumulators.sums.clone(),
        lookup: demand.lookup.clone(),
        phases: demand.phases,
        rounds: rounds.into(),
        bootstrap,
        output_variance: bootstrap.result_variance(),
        table_variance: worst_variance(accumulators, variance, added),
        log2_failure: log2_sum(failures),
        step_probability: step_probability(accumulators, variance, added),
    }
}

/// The greatest number that any of the tensors has which a layer adds up, such as the variance; 0 if none has one.
pub(super) fn greatest(sources: &[u32], numbers: &[f64]) -> f64 {
    let of = |&source: &u32| numbers.get(source as usize).copied().unwrap_or(0.0);
    sources.iter().map(of).fold(0.0, f64::max)
}

/// The bootstrap of a choice.
pub(super) fn bootstrap(choice: &Choice, rotations: &[Rotation]) -> Bootstrap {
    rotations[choice.rotation].bootstrap(choice.n, choice.keyswitch)
}

/// With approximate rounding, the greatest probability that a value moves by a step.
fn step_probability(accumulators: &Accumulators, input: f64, added: f64) -> Option<f64> {
    let each = accumulators.constraints();
    let each = each.map(|constraint| constraint.step_probability(input, added));
    match accumulators.sums.rounding {
        Rounding::Exact => None,
        Rounding::Approximate => Some(each.fold(0.0, f64::max)),
    }
}

/// Logarithm to base 2 of the probability that any accumulator is read wrong.
fn failure(accumulators: &Accumulators, input: f64, added: f64) -> f64 {
    log2_sum(
        accumulators
            .constraints()
            .map(|constraint| constraint.log2_failure(input, added)),
    )
}

/// Variance of the noise at the reader that has the least room for it.
fn worst_variance(accumulators: &Accumulators, input: f64, added: f64) -> f64 {
    accumulators
        .constraints()
        .map(|constraint| (constraint.variance(input, added), constraint.budget(1.0)))
        .min_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)))
        .map_or(0.0, |(variance, _)| variance)
}
