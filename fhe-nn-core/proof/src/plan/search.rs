//! The best parameters of a whole chain.
//!
//! One layer's bootstrap decides the noise that the next one starts from, so the chain is solved as
//! one: after every stage stand the states that no other beats in the dimension of the key, the
//! variance of the results and what it has cost; the next stage goes on from every one of them, to
//! the smallest small key of every keyswitch and with every bootstrap. Stages may share keys; then
//! small keys that later stages ask for are tried as well.
//!
//! Nothing is rounded or binned. The search chooses among the shapes and ranges of `cost`, inputs'
//! keys in steps, and for every number of levels the least noisy base: it costs what the others cost.
//! Everything is computed with `libm` from shipped constants: client and server find the same plan.

use crate::noise::standard_deviations;
use crate::plan::assemble;
use crate::plan::chain::Chains;
use crate::plan::demand::{Accumulators, Program};
use crate::plan::keyswitch::Keyswitches;
use crate::plan::layer::Layer;
use crate::plan::merge;
use crate::plan::objective::Objective;
use crate::plan::output::{Ending, endings};
use crate::plan::rotation::rotations;
use crate::plan::state::{Choice, State};
use crate::plan::{Options, Plan, PlanError, Prefer};

/// The fastest plan may take so much more time for a smaller reply.
const REPLY_TOLERANCE: f64 = 0.01;
/// A key for scores alone may take so much more time than having none.
const OWN_KEY_TOLERANCE: f64 = 0.05;
/// The fastest plan may take so much more time for keys that are shared, if all stages share theirs;
/// every set of keys that is saved may take its part.
const SHARING_TOLERANCE: f64 = 0.01;

/// The best plan, see [`Plan::find`].
pub(super) fn find(program: &Program, options: &Options) -> Result<Plan, PlanError> {
    let z = standard_deviations(options.failure_bits);
    let (rotations, keyswitches) = (rotations(), Keyswitches::new());
    let stages = Layer::stages(program, z);
    let output = Layer::new(&program.output, z);
    let chains = |sharing, key_ns| {
        let objective = Objective {
            prefer: options.prefer,
            sharing,
            key_ns,
        };
        Chains::new(&stages, &rotations, &keyswitches, objective)
    };
    let none = |index: usize| no_parameters(&program.stages[index].accumulators, options);
    let mut search = chains(options.prefer == Prefer::SmallestKeys, 0.0);
    let mut ends = search.ends().map_err(none)?;
    // sharing keys is worth its part of what it may take in all
    let boundaries = program.stages.len().saturating_sub(1);
    if options.prefer == Prefer::Fastest && boundaries > 0 {
        let costs = ends.iter().map(|end| end.point.cost.first);
        let fastest = costs.fold(f64::INFINITY, f64::min);
        search = chains(true, fastest * SHARING_TOLERANCE / boundaries as f64);
        ends = search.ends().map_err(none)?;
    }
    let Some((end, ending)) = best(&search, &ends, &output) else {
        return Err(no_parameters(&program.output, options));
    };
    let dimension = end.point.dimension;
    let plan = |choices: &[Choice]| {
        assemble::plan(program, options, &rotations, choices, (dimension, &ending))
    };
    let mut choices = search.choices(&end);
    if stages.iter().any(|layer| !layer.rounds.is_empty()) {
        let chain = merge::Chain {
            layers: &stages,
            output: &output,
            dimension,
            ending: &ending,
        };
        let bootstrap = |choice: &Choice| assemble::bootstrap(choice, &rotations);
        choices = merge::merge(&chain, options.prefer, choices, plan, bootstrap);
    }
    Ok(plan(&choices))
}

/// The best end of a chain, with the way that its scores travel.
///
/// Fewest bytes of keys: scores stay under the last key, which asks for none.
///
/// Fastest: a key for scores alone makes the reply half as large or less, which is worth some time.
/// Every end counts with its fastest way to a smaller reply, if it has one that is; among all ways that take hardly more time than the best of these is the one with the
/// smallest reply. No other is both faster and smaller.
fn best(search: &Chains<'_>, ends: &[State], output: &Layer) -> Option<(State, Ending)> {
    let (mut ways, mut fastest) = (Vec::new(), f64::INFINITY);
    for end in ends {
        let (dimension, variance) = (end.point.dimension, end.point.variance);
        let ns = output.sum_ns(dimension);
        let of_end = endings(output, dimension, variance, search.keyswitches);
        let cost = |ending: &Ending| {
            let own = search.objective.cost(ns + ending.ns, ending.key_bytes);
            end.point.cost + own
        };
        let stay = of_end.iter().find(|ending| ending.keyswitch.is_none());
        let smaller = of_end
            .iter()
            .filter(|ending| stay.is_some_and(|stay| ending.bits < stay.bits))
            .map(|ending| cost(ending).first)
            .min_by(f64::total_cmp);
        let stay = stay.map(|stay| cost(stay).first);
        let worth = |ns: &f64| stay.is_none_or(|stay| *ns <= stay * (1.0 + OWN_KEY_TOLERANCE));
        let weight = smaller.filter(worth).or(stay);
        fastest = fastest.min(weight.unwrap_or(f64::INFINITY));
        ways.extend(of_end.iter().map(|ending| (cost(ending), *ending, *end)));
    }
    let best = match search.objective.prefer {
        Prefer::SmallestKeys => ways.into_iter().min_by(|a, b| a.0.order(&b.0)),
        Prefer::Fastest => ways
            .into_iter()
            .filter(|(cost, ..)| cost.first <= fastest * (1.0 + REPLY_TOLERANCE))
            .min_by(|a, b| a.1.bits.cmp(&b.1.bits).then(a.0.order(&b.0))),
    };
    best.map(|(_, ending, end)| (end, ending))
}

fn no_parameters(accumulators: &Accumulators, options: &Options) -> PlanError {
    PlanError::NoParameters {
        layer: accumulators.linear.clone(),
        bits: accumulators.width(),
        norm: accumulators.norm(),
        failure_bits: options.failure_bits,
    }
}
