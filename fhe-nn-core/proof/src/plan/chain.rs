//! The search through the stages of a chain.

use crate::plan::bootstrap::Bootstrap;
use crate::plan::cost::{MAX_KEYSWITCH_LEVELS, keyswitch_cost, linear_cost};
use crate::plan::demand::{Accumulators, Program};
use crate::plan::front::{Front, Point};
use crate::plan::keyswitch::Keyswitches;
use crate::plan::objective::{Cost, Objective};
use crate::plan::reach::{Arrival, Reach};
use crate::plan::shared::{Shared, wanted};
use crate::plan::state::{Choice, Keys, Link, State, Step, inputs};

/// A search.
pub(super) struct Chains<'a> {
    pub(super) program: &'a Program,
    pub(super) z: f64,
    pub(super) bootstraps: &'a [Bootstrap],
    pub(super) keyswitches: &'a Keyswitches,
    pub(super) objective: Objective,
    /// Every step that may be part of the best chain.
    links: Vec<Link>,
}

impl<'a> Chains<'a> {
    pub(super) fn new(
        program: &'a Program,
        z: f64,
        bootstraps: &'a [Bootstrap],
        keyswitches: &'a Keyswitches,
        objective: Objective,
    ) -> Self {
        Chains {
            program,
            z,
            bootstraps,
            keyswitches,
            objective,
            links: Vec::new(),
        }
    }

    /// What the whole chain can leave behind, none beaten by another; or the number of the stage that
    /// nothing can pass.
    pub(super) fn ends(&mut self) -> Result<Vec<State>, usize> {
        let (mut front, mut sharing) = (inputs(), Vec::new());
        for index in 0..self.program.stages.len() {
            let mut steps = self.with_own_keys(index, front);
            steps.extend(self.with_shared_keys(index, &sharing));
            (front, sharing) = self.prune(steps);
            if front.is_empty() {
                return Err(index);
            }
        }
        Ok(front)
    }

    /// The choices that led to a state.
    pub(super) fn choices(&self, state: &State) -> Vec<Choice> {
        let links = core::iter::successors(state.link, |&link| self.links[link].before);
        let mut choices: Vec<Choice> = links.map(|link| self.links[link].choice).collect();
        choices.reverse();
        choices
    }

    /// Every way through a stage with keys of its own.
    fn with_own_keys(&self, index: usize, before: Vec<State>) -> Vec<Step> {
        let accumulators = &self.program.stages[index].accumulators;
        let reach = Reach::new(
            accumulators,
            self.objective,
            self.keyswitches,
            self.z,
            index == 0,
            before,
        );
        let mut steps = Vec::new();
        for size in self.sizes(accumulators) {
            let arrivals = reach.smallest(size);
            let of_size = self.bootstraps.iter().enumerate();
            for (bootstrap, of_size) in of_size.filter(|(_, b)| b.shape.polynomial_size == size) {
                let later = self.shared(index + 1, of_size);
                let larger = wanted(later).into_iter().filter_map(|n| reach.at(size, n));
                let arrivals = arrivals.iter().copied().chain(larger);
                steps.extend(
                    arrivals.map(|arrival| self.with_own_key(accumulators, bootstrap, arrival)),
                );
            }
        }
        steps
    }

    /// One way through a stage with keys of its own.
    fn with_own_key(
        &self,
        accumulators: &Accumulators,
        bootstrap: usize,
        arrival: Arrival,
    ) -> Step {
        let n = arrival.n;
        let keys = Keys {
            bootstrap,
            n,
            levels: 0,
        };
        let choice = Choice {
            keyswitch: arrival
                .from
                .map(|(_, levels)| self.keyswitches.digits(levels, n)),
            input_dimension: arrival.from.map_or(n, |(state, _)| state.point.dimension),
            n,
            bootstrap,
            shares_key: false,
        };
        let before = arrival.from.and_then(|(state, _)| state.link);
        let bytes = f64::from(n) * self.bootstraps[bootstrap].step_bytes;
        let cost = arrival.cost + self.objective.cost(self.objective.key_ns, bytes);
        self.rotated(accumulators, keys, cost, Link { before, choice })
    }

    /// Every way through a stage with the keys of the stage before.
    fn with_shared_keys(&self, index: usize, before: &[State]) -> Vec<Step> {
        let accumulators = &self.program.stages[index].accumulators;
        let neurons = f64::from(accumulators.neurons);
        let mut steps = Vec::new();
        for state in before {
            let Some(keys) = state.keys else { continue };
            let bootstrap = &self.bootstraps[keys.bootstrap];
            if !self
                .sizes(accumulators)
                .contains(&bootstrap.shape.polynomial_size)
            {
                continue;
            }
            let dimension = state.point.dimension;
            let linear = linear_cost(accumulators.inputs, accumulators.neurons, dimension);
            let shared = self.stage_with(accumulators, bootstrap);
            for levels in shared.levels(keys.n) {
                // the first that keyswitches between these keys brings the key to do it
                let bytes = match keys.levels {
                    0 => self.keyswitches.key_bytes(dimension, levels, keys.n),
                    known if known == levels => 0.0,
                    _ => continue,
                };
                let switch = neurons * keyswitch_cost(dimension, levels, keys.n);
                let cost = state.point.cost + self.objective.cost(linear + switch, bytes);
                let choice = Choice {
                    keyswitch: Some(self.keyswitches.digits(levels, keys.n)),
                    input_dimension: dimension,
                    n: keys.n,
                    bootstrap: keys.bootstrap,
                    shares_key: true,
                };
                let before = state.link;
                let keys = Keys { levels, ..keys };
                steps.push(self.rotated(accumulators, keys, cost, Link { before, choice }));
            }
        }
        steps
    }

    /// After the rotation.
    fn rotated(&self, accumulators: &Accumulators, keys: Keys, cost: Cost, link: Link) -> Step {
        let bootstrap = &self.bootstraps[keys.bootstrap];
        let steps = f64::from(accumulators.neurons) * f64::from(keys.n);
        let point = Point {
            dimension: bootstrap.shape.lwe_dimension(),
            variance: f64::from(keys.n) * bootstrap.step_variance,
            cost: cost + self.objective.cost(steps * bootstrap.step_ns, 0.0),
        };
        Step { point, keys, link }
    }

    /// The states from which the next stage may go on with keys of its own, and those from which it
    /// may go on with theirs.
    fn prune(&mut self, mut steps: Vec<Step>) -> (Vec<State>, Vec<State>) {
        steps.sort_by(|a, b| a.point.order(&b.point));
        let (mut seen, mut front, mut sharing) = (Front::default(), Vec::new(), Vec::new());
        // the keys of steps to one point, with different levels
        let mut alike: Vec<(Point, Keys)> = Vec::new();
        for step in steps {
            let best = seen.cost(&step.point);
            let leads = seen.insert(&step.point);
            alike.retain(|(point, _)| point.variance == step.point.variance);
            let shares = self.objective.sharing
                && !alike.iter().any(|(_, keys)| *keys == step.keys)
                && best
                    .is_none_or(|best| step.point.cost.beats(&(best + self.new_keys(step.keys))));
            if !leads && !shares {
                continue;
            }
            alike.push((step.point, step.keys));
            let state = State {
                point: step.point,
                keys: Some(step.keys),
                link: Some(self.links.len()),
            };
            self.links.push(step.link);
            if leads {
                front.push(state);
            }
            if shares {
                sharing.push(state);
            }
        }
        (front, sharing)
    }

    /// What sharing keys can save at most, against making the same anew: a step that costs as much
    /// more than another that leaves no more behind need not be followed.
    fn new_keys(&self, keys: Keys) -> Cost {
        let bootstrap = &self.bootstraps[keys.bootstrap];
        let dimension = bootstrap.shape.lwe_dimension();
        let switch = self
            .keyswitches
            .key_bytes(dimension, MAX_KEYSWITCH_LEVELS, keys.n);
        let bytes = f64::from(keys.n) * bootstrap.step_bytes + 2.0 * switch;
        self.objective.cost(self.objective.key_ns, bytes)
    }

    /// Sizes of polynomials that can hold the tables: a step of the torus is at least two
    /// coefficients wide.
    fn sizes(&self, accumulators: &Accumulators) -> Vec<u32> {
        let mut sizes: Vec<u32> = self
            .bootstraps
            .iter()
            .map(|b| b.shape.polynomial_size)
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.retain(|&size| (2 * size) >> accumulators.modulus_bits() >= 2);
        sizes
    }

    /// The stages from `index` on, if they have the keys of a bootstrap in common with one before.
    fn shared<'b>(
        &'b self,
        index: usize,
        bootstrap: &'b Bootstrap,
    ) -> impl Iterator<Item = Shared<'b>> + Clone {
        let sharing = if self.objective.sharing {
            usize::MAX
        } else {
            0
        };
        let later = self.program.stages[index..].iter().take(sharing);
        later.map(move |demand| self.stage_with(&demand.accumulators, bootstrap))
    }

    fn stage_with<'b>(
        &'b self,
        accumulators: &'b Accumulators,
        bootstrap: &'b Bootstrap,
    ) -> Shared<'b> {
        Shared {
            accumulators,
            bootstrap,
            keyswitches: self.keyswitches,
            z: self.z,
        }
    }
}
