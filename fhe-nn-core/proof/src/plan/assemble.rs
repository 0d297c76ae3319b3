//! A plan from the parameters of its stages.

use crate::noise::{
    KEYSWITCH_MODULUS_BITS, MODULUS_BITS, bootstrap_variance, keyswitch_variance, log2_sum,
    modulus_switch_variance, seeded_variance,
};
use crate::plan::bootstrap::Bootstrap;
use crate::plan::demand::{Accumulators, Program};
use crate::plan::output::Ending;
use crate::plan::state::Choice;
use crate::plan::{InputPlan, Options, OutputPlan, Plan, Stage};

/// The plan of these choices, with the noise on the way.
pub(super) fn plan(
    program: &Program,
    options: &Options,
    bootstraps: &[Bootstrap],
    choices: &[Choice],
    (dimension, ending): (u32, &Ending),
) -> Plan {
    let layers = || program.stages.iter().map(|demand| &demand.accumulators);
    let following = layers().skip(1).chain([&program.output]);
    let input = InputPlan {
        dimension: choices
            .first()
            .map_or(dimension, |choice| choice.input_dimension),
        modulus_bits: layers().next().unwrap_or(&program.output).modulus_bits(),
    };
    let mut variance = seeded_variance(input.dimension, MODULUS_BITS);
    let mut stages = Vec::with_capacity(choices.len());
    for ((demand, choice), next) in program.stages.iter().zip(choices).zip(following) {
        let accumulators = &demand.accumulators;
        let Bootstrap { shape, digits, .. } = bootstraps[choice.bootstrap];
        let (switched, bits) = match choice.keyswitch {
            None => (0.0, MODULUS_BITS),
            Some(digits) => (
                keyswitch_variance(choice.input_dimension, choice.n, digits),
                KEYSWITCH_MODULUS_BITS,
            ),
        };
        let table_bits = shape.polynomial_size.ilog2() + 1;
        let added = switched + modulus_switch_variance(choice.n, bits, table_bits);
        let output_variance = bootstrap_variance(choice.n, shape, digits);
        stages.push(Stage {
            linear: accumulators.linear.clone(),
            lookup: demand.lookup.clone(),
            reader: accumulators.reader,
            width: accumulators.width(),
            bootstraps: accumulators.neurons,
            phases: demand.phases,
            keyswitch: choice.keyswitch,
            small_dimension: choice.n,
            shape,
            digits,
            shares_key: choice.shares_key,
            output_modulus_bits: next.modulus_bits(),
            output_variance,
            table_variance: worst_variance(accumulators, variance, added),
            log2_failure: failure(accumulators, variance, added),
        });
        variance = output_variance;
    }
    let output = &program.output;
    Plan {
        client: program.client.clone(),
        input,
        stages,
        output: OutputPlan {
            linear: output.linear.clone(),
            scores: output.neurons,
            width: output.width(),
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
