//! The search through the rounds of exact rounding.

use crate::plan::cost::keyswitch_cost;
use crate::plan::range::MAX_KEYSWITCH_LEVELS;
use crate::search::chain::Chains;
use crate::search::climb::Climb;
use crate::search::layer::{Layer, RoundLayer};
use crate::search::objective::{Cost, KeySize};
use crate::search::state::{Choice, Link, State};

impl Chains<'_> {
    /// The states after the rounds of a layer. From each state before the layer, these are the ones
    /// that no other beats in the noise that they add and in their cost.
    ///
    /// What a round subtracts must be under the accumulators' own key. A key of `k N` bits serves
    /// every shape with that product: the same bits are cut into other polynomials.
    pub(super) fn removed(&mut self, layer: &Layer, before: Vec<State>) -> Vec<State> {
        let mut all = Vec::new();
        for group in before.chunk_by(|a, b| a.point.dimension == b.point.dimension) {
            let dimension = group[0].point.dimension;
            let of = |round| self.ways(round, dimension);
            let rounds: Vec<Ways> = layer.rounds.iter().map(of).collect();
            for state in group {
                let mut states = vec![*state];
                for (round, ways) in layer.rounds.iter().zip(&rounds) {
                    let mut leading = Leading::default();
                    for state in &states {
                        self.round(round, ways, state, &mut leading);
                    }
                    states = self.remembered(leading);
                }
                all.extend(states);
            }
        }
        if !layer.joins {
            // the tables see the noise of the inputs and of the rounds as one
            let room = |state: &State| layer.room(state.point.variance) - state.removed;
            all = unbeaten(all, room);
        }
        all
    }

    /// The rotations of a round's digits, of accumulators under a key of this dimension, the fastest first: what it
    /// leads to beats most of what the others lead to.
    fn ways(&self, round: &RoundLayer, dimension: u32) -> Ways {
        let indices = 0..self.rotations.len();
        let mut all: Vec<Way> = indices
            .filter(|&index| !self.rotations[index].beaten_in_rounds)
            .filter_map(|index| self.way(round, dimension, index))
            .collect();
        let ns = |way: &Way| self.rotations[way.rotation].step_ns;
        all.sort_by(|a, b| ns(a).total_cmp(&ns(b)));
        let steps = all.iter().map(|way| way.step);
        Ways {
            least_step: steps.fold(f64::INFINITY, f64::min),
            all,
        }
    }

    /// A rotation of a round's digits, if it is one.
    fn way(&self, round: &RoundLayer, dimension: u32, rotation: usize) -> Option<Way> {
        let of = &self.rotations[rotation];
        // the last pass sees the noise of the passes before it
        let seen = f64::from(round.passes() - 1) * round.gain * of.step_variance;
        let fits = of.lwe_dimension() == dimension && round.fits(of.table_size());
        fits.then_some(Way {
            rotation,
            step: of.switch.keyswitched + seen,
        })
    }

    /// Adds the ways through one round from this state that may lead.
    fn round(&self, round: &RoundLayer, ways: &Ways, state: &State, leading: &mut Leading) {
        let room = round.room(state.point.variance, state.removed);
        if room <= 0.0 {
            return;
        }
        let start = Start {
            state,
            before: state.link.and_then(|link| self.choice(link)),
            room,
        };
        let dimension = state.point.dimension;
        // how small keys can be where most room is left tells how much any rotation costs at least
        let mut smallest = Climb::new();
        let left = |n| room - f64::from(n) * ways.least_step;
        for levels in 1..=MAX_KEYSWITCH_LEVELS {
            smallest.smallest(self.keyswitches, (dimension, levels), left);
        }
        for way in &ways.all {
            self.rotate(round, way, &start, &smallest, leading);
        }
        // one that is beaten may still have the keys of the step before
        let before = start.before.map(|choice| choice.rotation);
        let beaten = before.filter(|&index| self.rotations[index].beaten_in_rounds);
        if let Some(way) = beaten.and_then(|index| self.way(round, dimension, index)) {
            self.rotate(round, &way, &start, &Climb::new(), leading);
        }
    }

    /// Adds the ways through one round by this rotation that may lead. No small key is smaller than `smallest` says.
    fn rotate(
        &self,
        round: &RoundLayer,
        way: &Way,
        start: &Start<'_>,
        smallest: &Climb,
        leading: &mut Leading,
    ) {
        let &Start {
            state,
            before,
            room,
        } = start;
        let (dimension, rotation) = (state.point.dimension, &self.rotations[way.rotation]);
        let before = before.filter(|before| self.rotations[before.rotation].key == rotation.key);
        let choice = |levels, n| Choice {
            keyswitch: Some(self.keyswitches.digits(levels, n)),
            input_dimension: dimension,
            n,
            rotation: way.rotation,
        };
        let measure = |levels: u32, n: u32, key: KeySize| {
            let ns = keyswitch_cost(dimension, levels, n) + f64::from(n) * rotation.step_ns;
            let cost = self.objective.cost(f64::from(round.bootstraps) * ns, key);
            Measure {
                cost: state.point.cost + cost,
                removed: state.removed + f64::from(round.passes() * n) * rotation.step_variance,
            }
        };
        let key = |levels, n| {
            f64::from(n) * rotation.step_key + self.keyswitches.key(dimension, levels, n)
        };
        let at_least = |levels, n| {
            let key = match before {
                Some(_) => KeySize::NONE,
                None => key(levels, n),
            };
            measure(levels, n, key)
        };
        // the fewest levels and the smallest key, be it of more levels
        let Some((levels, n)) = smallest.lowest() else {
            return;
        };
        if leading.beats(&at_least(levels, n)) {
            return;
        }
        let left = |n| room - f64::from(n) * way.step;
        let mut least = u32::MAX;
        for levels in 1..=MAX_KEYSWITCH_LEVELS {
            // more levels than another number are worth their time for a smaller key alone
            let Some(from) = smallest.least(levels).filter(|&n| n < least) else {
                continue;
            };
            if leading.beats(&at_least(levels, from)) {
                continue;
            }
            let found = self
                .keyswitches
                .smallest_from(from, (dimension, levels), left);
            let Some(n) = found.filter(|&n| n < least) else {
                continue;
            };
            least = n;
            let choice = choice(levels, n);
            let shares = before.is_some_and(|before| before.same_keyswitch(&choice));
            let new = if shares {
                KeySize::NONE
            } else {
                key(levels, n)
            };
            leading.add(measure(levels, n, new), state, choice);
        }
    }

    /// Keeps the steps that lead to these states.
    fn remembered(&mut self, leading: Leading) -> Vec<State> {
        let Leading { measures, steps } = leading;
        let remember = |(measure, (mut state, choice)): (Measure, (State, Choice))| {
            let before = state.link;
            state.point.cost = measure.cost;
            state.removed = measure.removed;
            state.keys = None;
            state.link = Some(self.remember(Link { before, choice }));
            state
        };
        measures.into_iter().zip(steps).map(remember).collect()
    }
}

/// Where a round begins.
struct Start<'a> {
    state: &'a State,
    /// The step that led to the state.
    before: Option<Choice>,
    /// The variance that is left to keyswitch and modulus switch.
    room: f64,
}

/// The rotations of a round's digits, the fastest first.
struct Ways {
    all: Vec<Way>,
    /// The least `step` of all.
    least_step: f64,
}

/// A rotation of a round's digits.
struct Way {
    /// Its index.
    rotation: usize,
    /// For each dimension of the small key, the room that it takes from the keyswitch.
    step: f64,
}

/// What a way through rounds costs, and the variance that it adds.
struct Measure {
    cost: Cost,
    removed: f64,
}

/// The steps that no other beats in cost and noise, among those that come from one state before the rounds.
#[derive(Default)]
struct Leading {
    /// Ascending cost, descending noise.
    measures: Vec<Measure>,
    /// For each measure, the state from which the step comes, and the step.
    steps: Vec<(State, Choice)>,
}

impl Leading {
    /// Whether a step is as good.
    fn beats(&self, measure: &Measure) -> bool {
        let cheaper = self.after(measure).checked_sub(1);
        cheaper.is_some_and(|index| self.measures[index].removed <= measure.removed)
    }

    /// The number of steps that cost no more.
    fn after(&self, measure: &Measure) -> usize {
        self.measures
            .partition_point(|other| !measure.cost.beats(&other.cost))
    }

    /// Adds a step from this state, unless an earlier one is as good.
    fn add(&mut self, measure: Measure, state: &State, choice: Choice) {
        if self.beats(&measure) {
            return;
        }
        let after = self.after(&measure);
        let cheaper = after.checked_sub(1).map(|index| &self.measures[index]);
        // one of the same cost is noisier
        let first = after - usize::from(cheaper.is_some_and(|other| other.cost == measure.cost));
        let worse =
            self.measures[after..].partition_point(|other| measure.removed <= other.removed);
        self.steps.splice(first..after + worse, [(*state, choice)]);
        self.measures.splice(first..after + worse, [measure]);
    }
}

/// The states that no other of the same dimension beats in cost and in the room that is left, in the order of
/// dimension and falling room.
fn unbeaten(states: Vec<State>, room: impl Fn(&State) -> f64) -> Vec<State> {
    let mut states: Vec<(State, f64)> = states
        .into_iter()
        .map(|state| (state, room(&state)))
        .collect();
    states.sort_by(|(a, room_of_a), (b, room_of_b)| {
        let dimension = a.point.dimension.cmp(&b.point.dimension);
        let room = room_of_b.total_cmp(room_of_a);
        let cost = || a.point.cost.order(&b.point.cost);
        dimension.then(room).then_with(cost)
    });
    let mut last: Option<(u32, Cost)> = None;
    states.retain(|(state, _)| {
        let (dimension, cost) = (state.point.dimension, state.point.cost);
        let kept = last.is_none_or(|(of, least)| of != dimension || cost.beats(&least));
        if kept {
            last = Some((dimension, cost));
        }
        kept
    });
    states.into_iter().map(|(state, _)| state).collect()
}
