//! Fewer keys where low bits are removed: bootstraps with similar parameters get the same keys.
//!
//! The search gives each round of each layer the parameters that are best for that round. Many of
//! them hardly differ, but every set of keys takes space in the server's memory.

use crate::noise::{MODULUS_BITS, seeded_variance};
use crate::plan::{Bootstrap, Plan, Prefer};
use crate::search::assemble::greatest;
use crate::search::ending::Ending;
use crate::search::layer::Layer;
use crate::search::objective::Objective;
use crate::search::state::Choice;

/// The fastest plan may take longer by this factor times the share of the keys' memory that it saves, 1%
/// more time for 10% less memory, and by the price of that memory if it has one.
const TIME_FOR_MEMORY: f64 = 0.1;

/// The conditions that a chain must satisfy.
pub(super) struct Chain<'a> {
    pub(super) layers: &'a [Layer],
    pub(super) output: &'a Layer,
    /// Dimension of the last large key, for which the ending was made.
    pub(super) dimension: u32,
    pub(super) ending: &'a Ending,
}

/// Gives bootstraps the parameters of others as long as that is worth it. `plan` makes a plan of
/// choices, `bootstrap` the bootstrap of one.
pub(super) fn merge(
    chain: &Chain<'_>,
    objective: &Objective,
    mut choices: Vec<Choice>,
    plan: impl Fn(&[Choice]) -> Plan,
    bootstrap: impl Fn(&Choice) -> Bootstrap,
) -> Vec<Choice> {
    let mut now = Weight::of(&plan(&choices));
    loop {
        let mut best: Option<(f64, Weight, Vec<Choice>)> = None;
        for changed in changes(&choices) {
            if !chain.holds(&changed, &bootstrap) {
                continue;
            }
            let weight = Weight::of(&plan(&changed));
            let gain = now.gain(&weight, objective);
            if gain > best.as_ref().map_or(0.0, |(gain, ..)| *gain) {
                best = Some((gain, weight, changed));
            }
        }
        match best {
            None => return choices,
            Some((_, weight, changed)) => (now, choices) = (weight, changed),
        }
    }
}

/// Every change of the choices in which one of them, or all that have its keys, take over the keys
/// of another.
fn changes(choices: &[Choice]) -> Vec<Vec<Choice>> {
    let mut kinds: Vec<&Choice> = Vec::new();
    for choice in choices.iter().filter(|choice| choice.keyswitch.is_some()) {
        if !kinds.iter().any(|kind| kind.same_keys(choice)) {
            kinds.push(choice);
        }
    }
    let mut all = Vec::new();
    for (index, to) in choices.iter().enumerate() {
        // inputs under the small key stay there
        if to.keyswitch.is_none() {
            continue;
        }
        let alone = choices.iter().filter(|other| other.same_keys(to)).count() == 1;
        let first = choices.iter().position(|other| other.same_keys(to)) == Some(index);
        for from in kinds.iter().filter(|from| !from.same_keys(to)) {
            let replace = |replaced: &dyn Fn(usize, &Choice) -> bool| {
                let mut changed = choices.to_vec();
                for (index, choice) in changed.iter_mut().enumerate() {
                    if replaced(index, choice) {
                        *choice = Choice {
                            input_dimension: choice.input_dimension,
                            ..**from
                        };
                    }
                }
                changed
            };
            if first {
                all.push(replace(&|_, choice| choice.same_keys(to)));
            }
            if !alone {
                all.push(replace(&|other, _| other == index));
            }
        }
    }
    all
}

/// The costs of a plan.
struct Weight {
    seconds: f64,
    memory: f64,
    bytes: f64,
}

impl Weight {
    fn of(plan: &Plan) -> Self {
        Weight {
            seconds: plan.predicted_seconds(1),
            memory: plan.evaluation_memory_bytes() as f64,
            bytes: plan.evaluation_key_bytes() as f64,
        }
    }

    /// The amount that another plan saves.
    fn gain(&self, other: &Weight, objective: &Objective) -> f64 {
        let saved = self.memory - other.memory;
        match objective.prefer {
            Prefer::SmallestKeys => self.bytes - other.bytes + objective.memory_price * saved,
            Prefer::Fastest => {
                let slower = other.seconds / self.seconds - 1.0;
                let price = objective.memory_price * saved / (1e9 * self.seconds);
                TIME_FOR_MEMORY * (1.0 - other.memory / self.memory) + price - slower
            }
        }
    }
}

impl Chain<'_> {
    /// Whether the noise stays within the limits of every reader if the chain takes these choices.
    pub(super) fn holds(
        &self,
        choices: &[Choice],
        bootstrap: impl Fn(&Choice) -> Bootstrap,
    ) -> bool {
        let mut choices = choices.iter();
        let first = choices.as_slice().first();
        let input = first.map_or(self.dimension, |choice| choice.input_dimension);
        let (mut dimensions, mut variances) =
            (vec![input], vec![seeded_variance(input, MODULUS_BITS)]);
        for layer in self.layers {
            let Some(dimension) = common(&layer.sources, &dimensions) else {
                return false;
            };
            let variance = greatest(&layer.sources, &variances);
            let mut removed = 0.0;
            for (round, choice) in layer.rounds.iter().zip(choices.by_ref()) {
                // the choice was made for this key
                if choice.input_dimension != dimension {
                    return false;
                }
                let bootstrap = bootstrap(choice);
                let result = bootstrap.result_variance();
                let seen = f64::from(round.passes() - 1) * round.gain * result;
                let room = round.room(variance, removed) - seen;
                if bootstrap.switch_variance(dimension) > room
                    || bootstrap.shape.lwe_dimension() != dimension
                    || !round.fits(bootstrap.table_size())
                {
                    return false;
                }
                removed += f64::from(round.passes()) * result;
            }
            let Some(choice) = choices.next() else {
                return false;
            };
            let bootstrap = bootstrap(choice);
            let room = layer.room(variance) - removed;
            if choice.input_dimension != dimension
                || bootstrap.switch_variance(dimension) > room
                || !layer.fits(bootstrap.table_size())
            {
                return false;
            }
            variances.push(bootstrap.shared_variance(layer.shared));
            dimensions.push(bootstrap.shape.lwe_dimension());
        }
        let variance = greatest(&self.output.sources, &variances);
        common(&self.output.sources, &dimensions) == Some(self.dimension)
            && self.ending.added <= self.output.room(variance)
    }
}

/// The dimension of the key that all these values are under, if it is the same one.
fn common(sources: &[u32], dimensions: &[u32]) -> Option<u32> {
    let mut all = sources
        .iter()
        .map(|&source| dimensions.get(source as usize).copied());
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}
