//! How a plan is found: the best parameters of all stages together.
//!
//! The bootstrap of one layer determines the noise from which the next layer starts, so all stages
//! are solved as one. After every stage the search keeps the states that no other beats in the
//! dimension of the key, the variance of the results, and the cost. The next stage goes on from each
//! of them, to the smallest small key of every keyswitch and with every bootstrap. Stages may share
//! keys; then the search also tries the small keys that later stages ask for.
//!
//! Nothing is rounded or binned. The search chooses among the shapes of [`cost`](crate::plan::cost)
//! and the ranges of [`range`](crate::plan::range); it tries the keys of inputs in steps, for every number of levels
//! the least noisy base, because all bases cost the same, and four shares of a companion modulus switch, which rounds
//! do without. Everything is computed with `libm` from shipped constants, so that client and server find the same plan.

mod assemble;
mod chain;
mod climb;
mod companions;
mod ending;
mod front;
mod keyswitches;
mod layer;
mod memory;
mod merge;
mod objective;
mod removal;
mod rotation;
mod shared;
mod small_keys;
mod state;

use crate::noise::standard_deviations;
use crate::plan::validate::check_stages;
use crate::plan::{Accumulators, Plan, PlanError, PlanOptions, Prefer, Requirements};
use crate::search::chain::Chains;
use crate::search::companions::spend;
use crate::search::ending::{Ending, endings};
use crate::search::keyswitches::Keyswitches;
use crate::search::layer::Layer;
use crate::search::objective::Objective;
use crate::search::rotation::{Rotation, rotations};
use crate::search::state::{Choice, State};

/// Share of its time by which the fastest plan may take longer for a smaller reply.
const REPLY_TOLERANCE: f64 = 0.01;
/// Share of the time by which a key for scores alone may take longer than having none.
const OWN_KEY_TOLERANCE: f64 = 0.05;
/// Share of its time by which the fastest plan may take longer if all stages share their keys. Each set
/// of keys that is saved may take its part of that.
const SHARING_TOLERANCE: f64 = 0.01;

impl Plan {
    /// The best parameters for what a network requires.
    ///
    /// # Errors
    /// [`PlanError::NoParameters`] names the layer for which there are none.
    /// [`PlanError::OutOfRange`] names a number of the network that is too large, see
    /// [`Plan::validate`]. [`PlanError::FailureBits`] refuses the failure probability, and
    /// [`PlanError::Memory`] a limit of memory within which nothing is found.
    pub fn find(requirements: &Requirements, options: &PlanOptions) -> Result<Plan, PlanError> {
        let failure_bits = options.failure_bits();
        if !(1.0..=1024.0).contains(&failure_bits) {
            return Err(PlanError::FailureBits(failure_bits));
        }
        check_stages(requirements.stages.len())?;
        let plan = find(requirements, options)?;
        plan.validate()?;
        Ok(plan)
    }
}

fn find(requirements: &Requirements, options: &PlanOptions) -> Result<Plan, PlanError> {
    let search = Search::new(requirements, options, options.prefer());
    let plan = search.plan(0.0)?;
    match options.memory_limit() {
        Some(limit) if plan.evaluation_memory_bytes() > limit => {
            memory::within(limit, &plan, &search)
        }
        _ => Ok(plan),
    }
}

/// What is known of a network before its plan is searched for.
struct Search<'a> {
    requirements: &'a Requirements,
    options: &'a PlanOptions,
    /// What to save, which the options say unless nothing else fits a limit of memory.
    prefer: Prefer,
    stages: Vec<Layer>,
    output: Layer,
    rotations: Vec<Rotation>,
    keyswitches: Keyswitches,
}

impl<'a> Search<'a> {
    fn new(requirements: &'a Requirements, options: &'a PlanOptions, prefer: Prefer) -> Self {
        let z = standard_deviations(options.failure_bits());
        let stages = Layer::stages(requirements, z);
        let shared = stages.iter().map(|layer| layer.shared).fold(0.0, f64::max);
        Search {
            requirements,
            options,
            prefer,
            stages,
            output: Layer::new(&requirements.output, z),
            rotations: rotations(shared, prefer, options),
            keyswitches: Keyswitches::new(),
        }
    }

    /// The best plan if every byte of a server's memory has this price.
    ///
    /// # Errors
    /// [`PlanError::NoParameters`].
    fn plan(&self, memory_price: f64) -> Result<Plan, PlanError> {
        let Search {
            requirements,
            options,
            prefer,
            ..
        } = *self;
        let chains = |sharing, key_ns| {
            let objective = Objective {
                prefer,
                memory_price,
                sharing,
                key_ns,
            };
            Chains::new(&self.stages, &self.rotations, &self.keyswitches, objective)
        };
        let none = |index: usize| no_parameters(&requirements.stages[index].accumulators, options);
        let mut search = chains(prefer == Prefer::SmallestKeys, 0.0);
        let mut ends = search.ends().map_err(none)?;
        // each shared set of keys may take its part of the time that sharing may take in all
        let boundaries = requirements.stages.len().saturating_sub(1);
        if prefer == Prefer::Fastest && boundaries > 0 {
            let costs = ends.iter().map(|end| end.point.cost.first);
            let fastest = costs.fold(f64::INFINITY, f64::min);
            search = chains(true, fastest * SHARING_TOLERANCE / boundaries as f64);
            ends = search.ends().map_err(none)?;
        }
        let Some((end, ending)) = best(&search, &ends, &self.output) else {
            return Err(no_parameters(&requirements.output, options));
        };
        let dimension = end.point.dimension;
        let plan = |rotations: &[Rotation], choices: &[Choice]| {
            let ending = (dimension, &ending);
            assemble::plan(requirements, options, rotations, choices, ending)
        };
        let mut choices = search.choices(&end);
        let chain = merge::Chain {
            layers: &self.stages,
            output: &self.output,
            dimension,
            ending: &ending,
        };
        if self.stages.iter().any(|layer| !layer.rounds.is_empty()) {
            let plan = |choices: &[Choice]| plan(&self.rotations, choices);
            let bootstrap = |choice: &Choice| assemble::bootstrap(choice, &self.rotations);
            choices = merge::merge(&chain, &search.objective, choices, plan, bootstrap);
        }
        Ok(match prefer {
            Prefer::Fastest => plan(&self.rotations, &choices),
            Prefer::SmallestKeys => {
                let (rotations, choices) = spend(&chain, &self.rotations, choices);
                plan(&rotations, &choices)
            }
        })
    }
}

/// The best end of a chain, with the way to send its scores.
///
/// For the fewest bytes of keys, scores stay under the last key, which needs no key of its own.
///
/// For the fastest plan, a key for scores alone is worth some time, because it at least halves the
/// reply. Every end counts with its fastest way to a smaller reply if that is worth its time, and
/// otherwise without a key for scores. Among all ways that take hardly more time than the best of
/// these, the one with the smallest reply is chosen; no other is both faster and smaller.
fn best(search: &Chains<'_>, ends: &[State], output: &Layer) -> Option<(State, Ending)> {
    let (mut ways, mut fastest) = (Vec::new(), f64::INFINITY);
    for end in ends {
        let (dimension, variance) = (end.point.dimension, end.point.variance);
        let ns = output.sum_ns(dimension);
        let of_end = endings(output, dimension, variance, search.keyswitches);
        let cost = |ending: &Ending| {
            let own = search.objective.cost(ns + ending.ns, ending.key);
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

fn no_parameters(accumulators: &Accumulators, options: &PlanOptions) -> PlanError {
    PlanError::NoParameters {
        layer: accumulators.sums.linear.to_string(),
        bits: accumulators.sums.width,
        norm: accumulators.norm(),
        failure_bits: options.failure_bits(),
    }
}
