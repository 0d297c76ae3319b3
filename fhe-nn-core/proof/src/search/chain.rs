//! The search through the stages of a network, one after the other.

use std::collections::BTreeMap;

use crate::plan::cost::keyswitch_cost;
use crate::plan::range::MAX_KEYSWITCH_LEVELS;
use crate::search::front::{Front, Point};
use crate::search::keyswitches::Keyswitches;
use crate::search::layer::Layer;
use crate::search::objective::{Cost, KeySize, Objective};
use crate::search::rotation::{Rotation, Switch};
use crate::search::shared::{Shared, Smallest};
use crate::search::small_keys::{Arrival, SmallKeys};
use crate::search::state::{Choice, Keys, Link, State, Step, inputs};

/// A search for the parameters of all stages.
pub(super) struct Chains<'a> {
    stages: &'a [Layer],
    pub(super) rotations: &'a [Rotation],
    pub(super) keyswitches: &'a Keyswitches,
    pub(super) objective: Objective,
    smallest: Smallest,
    /// The modulus switches of the rotations, each once.
    switches: Vec<Switch>,
    /// For the first rotation that has a bootstrapping key, all that have it.
    with_key: Vec<Vec<usize>>,
    /// Every step that may be part of the best chain; states refer to them by index.
    links: Vec<Link>,
}

impl<'a> Chains<'a> {
    pub(super) fn new(
        stages: &'a [Layer],
        rotations: &'a [Rotation],
        keyswitches: &'a Keyswitches,
        objective: Objective,
    ) -> Self {
        let sharing = if objective.sharing { stages } else { &[] };
        let mut switches: Vec<Switch> = rotations.iter().map(|r| r.switch).collect();
        switches.sort_unstable_by(Switch::order);
        switches.dedup();
        let mut with_key = vec![Vec::new(); rotations.len()];
        for (index, rotation) in rotations.iter().enumerate() {
            with_key[rotation.key].push(index);
        }
        Chains {
            stages,
            rotations,
            keyswitches,
            objective,
            smallest: Smallest::new(sharing, rotations, keyswitches),
            switches,
            with_key,
            links: Vec::new(),
        }
    }

    /// The states that no other beats after the last stage.
    ///
    /// # Errors
    /// The index of the first stage for which there are no parameters.
    pub(super) fn ends(&mut self) -> Result<Vec<State>, usize> {
        let (mut front, mut sharing) = (inputs(), Vec::new());
        for index in 0..self.stages.len() {
            let mut steps = self.with_own_keys(index, front);
            steps.extend(self.with_shared_keys(index, &sharing));
            (front, sharing) = self.prune(steps);
            if front.is_empty() {
                return Err(index);
            }
        }
        Ok(front)
    }

    /// Keeps a step, and gives its index.
    pub(super) fn remember(&mut self, link: Link) -> usize {
        self.links.push(link);
        self.links.len() - 1
    }

    /// The choice of a step.
    pub(super) fn choice(&self, link: usize) -> Option<Choice> {
        self.links.get(link).map(|link| link.choice)
    }

    /// The choices that led to a state.
    pub(super) fn choices(&self, state: &State) -> Vec<Choice> {
        let links = core::iter::successors(state.link, |&link| self.links[link].before);
        let mut choices: Vec<Choice> = links.map(|link| self.links[link].choice).collect();
        choices.reverse();
        choices
    }

    /// Every way through a stage that has keys of its own.
    fn with_own_keys(&mut self, index: usize, before: Vec<State>) -> Vec<Step> {
        let layer = &self.stages[index];
        let before = if layer.rounds.is_empty() {
            before
        } else {
            self.removed(layer, before)
        };
        if !layer.joins {
            return self.from(index, before, &|_| true);
        }
        // results must be under the key of the values beside them
        let mut dimensions: Vec<u32> = before.iter().map(|state| state.point.dimension).collect();
        dimensions.dedup();
        let of = |dimension: u32| {
            let same = before
                .iter()
                .filter(|state| state.point.dimension == dimension);
            let keeps = |rotation: &Rotation| rotation.lwe_dimension() == dimension;
            self.from(index, same.copied().collect(), &keeps)
        };
        dimensions.into_iter().flat_map(of).collect()
    }

    /// Every way from these states through a stage with the allowed rotations.
    fn from(
        &self,
        index: usize,
        before: Vec<State>,
        allowed: &dyn Fn(&Rotation) -> bool,
    ) -> Vec<Step> {
        let layer = &self.stages[index];
        let first = index == 0 && layer.rounds.is_empty();
        let small_keys = SmallKeys::new(layer, self.objective, self.keyswitches, first, before);
        let mut steps = Vec::new();
        let switches = self.switches.iter();
        for switch in switches.filter(|switch| layer.fits(switch.table_size)) {
            let arrivals = small_keys.smallest(switch);
            let mut at = BTreeMap::new();
            let behind = self.rotations.iter().enumerate();
            let behind = behind.filter(|(_, r)| r.switch == *switch && allowed(r));
            for (rotation, _) in behind {
                // the keys of a stage with rounds are not asked for by others
                let wanted = if layer.rounds.is_empty() {
                    self.smallest.wanted(index + 1, &self.alike(rotation))
                } else {
                    Vec::new()
                };
                let larger = wanted
                    .into_iter()
                    .filter_map(|n| *at.entry(n).or_insert_with(|| small_keys.at(switch, n)));
                let arrivals = arrivals.iter().copied().chain(larger);
                steps.extend(
                    arrivals.flat_map(|arrival| self.with_own_key(layer, rotation, arrival)),
                );
            }
        }
        steps
    }

    /// The rotations by which stages are supposed to share this one's key.
    fn alike(&self, rotation: usize) -> Vec<usize> {
        let own = &self.rotations[rotation];
        let mut alike = self.with_key[own.key].clone();
        alike.retain(|&other| self.rotations[other].is_alike(own));
        alike
    }

    /// The way through a stage that has keys of its own, to stages that may share them: with a keyswitching key of
    /// theirs, and with this stage's, if it keyswitched from the key that its results are under.
    fn with_own_key(
        &self,
        layer: &Layer,
        rotation: usize,
        arrival: Arrival,
    ) -> impl Iterator<Item = Step> {
        let n = arrival.n;
        let choice = Choice {
            keyswitch: arrival
                .from
                .map(|(_, levels)| self.keyswitches.digits(levels, n)),
            input_dimension: arrival.from.map_or(n, |(state, _)| state.point.dimension),
            n,
            rotation,
        };
        let before = arrival.from.and_then(|(state, _)| state.link);
        let key = f64::from(n) * self.rotations[rotation].step_key;
        let cost = arrival.cost + self.objective.cost(self.objective.key_ns, key);
        let beside = arrival.from.map_or(0.0, |(state, _)| state.point.variance);
        let dimension = self.rotations[rotation].lwe_dimension();
        let from_its_own = arrival
            .from
            .filter(|(state, _)| self.objective.sharing && state.point.dimension == dimension);
        let known = from_its_own.map(|(_, levels)| levels);
        let to_share = [0].into_iter().chain(known);
        to_share
            .map(move |levels| self.rotated(layer, (levels, beside), cost, Link { before, choice }))
    }

    /// Every way through a stage that takes over the keys of the stage before.
    fn with_shared_keys(&self, index: usize, before: &[State]) -> Vec<Step> {
        let layer = &self.stages[index];
        let mut steps = Vec::new();
        // no earlier stage has the keys of rounds
        if !layer.rounds.is_empty() {
            return steps;
        }
        for state in before {
            let Some(keys) = state.keys else { continue };
            let dimension = state.point.dimension;
            let linear = layer.sum_ns(dimension);
            for &index in &self.with_key[keys.rotation] {
                let shared = Shared {
                    layer,
                    rotation: &self.rotations[index],
                    keyswitches: self.keyswitches,
                };
                for levels in shared.levels(keys.n) {
                    // the first stage that keyswitches between these keys pays for the key
                    let key = match keys.levels {
                        0 => self.keyswitches.key(dimension, levels, keys.n),
                        known if known == levels => KeySize::NONE,
                        _ => continue,
                    };
                    let switch = layer.each_ns(keyswitch_cost(dimension, levels, keys.n));
                    let cost = state.point.cost + self.objective.cost(linear + switch, key);
                    let choice = Choice {
                        keyswitch: Some(self.keyswitches.digits(levels, keys.n)),
                        input_dimension: dimension,
                        n: keys.n,
                        rotation: index,
                    };
                    let before = state.link;
                    let after = (levels, state.point.variance);
                    steps.push(self.rotated(layer, after, cost, Link { before, choice }));
                }
            }
        }
        steps
    }

    /// The step that a rotation completes, by keys with this number of levels, from values of this
    /// variance.
    fn rotated(&self, layer: &Layer, (levels, from): (u32, f64), cost: Cost, link: Link) -> Step {
        let n = link.choice.n;
        let rotation = &self.rotations[link.choice.rotation];
        let keys = Keys {
            rotation: rotation.key,
            n,
            levels,
        };
        let turns = layer.each_ns(f64::from(n) * rotation.step_ns);
        let point = Point {
            dimension: rotation.lwe_dimension(),
            variance: if layer.joins {
                from.max(rotation.variance(n, layer.shared))
            } else {
                rotation.variance(n, layer.shared)
            },
            cost: cost + self.objective.cost(turns, KeySize::NONE),
        };
        Step { point, keys, link }
    }

    /// The states from which the next stage may go on with keys of its own, and the states whose
    /// keys it may take over.
    fn prune(&mut self, steps: Vec<Step>) -> (Vec<State>, Vec<State>) {
        // steps are large, and most are left out
        let mut order: Vec<(Point, usize)> = steps.iter().map(|step| step.point).zip(0..).collect();
        order.sort_by(|(a, _), (b, _)| a.order(b));
        let (mut seen, mut front, mut sharing) = (Front::default(), Vec::new(), Vec::new());
        // the keys of steps to the same variance
        let mut alike: Vec<(Point, Keys)> = Vec::new();
        for (_, index) in order {
            let step = steps[index];
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
                removed: 0.0,
                keys: Some(step.keys),
                link: Some(self.remember(step.link)),
            };
            if leads {
                front.push(state);
            }
            if shares {
                sharing.push(state);
            }
        }
        (front, sharing)
    }

    /// The most that sharing these keys can save, compared with making the same keys again. A step
    /// need not be followed if it costs that much more than another that is otherwise not worse.
    fn new_keys(&self, keys: Keys) -> Cost {
        let rotation = &self.rotations[keys.rotation];
        let dimension = rotation.lwe_dimension();
        let switch = self
            .keyswitches
            .key(dimension, MAX_KEYSWITCH_LEVELS, keys.n);
        let key = f64::from(keys.n) * rotation.step_key + 2.0 * switch;
        self.objective.cost(self.objective.key_ns, key)
    }
}
