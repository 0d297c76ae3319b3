//! The search through the rounds of exact rounding.

use crate::plan::cost::keyswitch_cost;
use crate::plan::range::MAX_KEYSWITCH_LEVELS;
use crate::search::chain::Chains;
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
        for state in before {
            let mut states = vec![state];
            for round in &layer.rounds {
                let mut leading = Leading::default();
                for state in &states {
                    self.round(round, state, &mut leading);
                }
                states = self.remembered(leading);
            }
            all.extend(states);
        }
        if !layer.joins {
            // the tables see the noise of the inputs and of the rounds as one
            let room = |state: &State| layer.room(state.point.variance) - state.removed;
            all = unbeaten(all, room);
        }
        all
    }

    /// Adds every way through one round from this state.
    fn round(&self, round: &RoundLayer, state: &State, leading: &mut Leading) {
        let dimension = state.point.dimension;
        let room = round.room(state.point.variance, state.removed);
        if room <= 0.0 {
            return;
        }
        let before = state.link.and_then(|link| self.choice(link));
        for (index, rotation) in self.rotations.iter().enumerate() {
            // one that is beaten may still have the keys of the step before
            let useful =
                !rotation.beaten_in_rounds || before.is_some_and(|before| before.rotation == index);
            let fits = || round.fits(rotation.table_size());
            if rotation.lwe_dimension() != dimension || !useful || !fits() {
                continue;
            }
            // the last pass sees the noise of the passes before it
            let seen = f64::from(round.passes() - 1) * round.gain * rotation.step_variance;
            let step = rotation.switch.keyswitched + seen;
            let left = |n| room - f64::from(n) * step;
            let mut least = u32::MAX;
            for levels in 1..=MAX_KEYSWITCH_LEVELS {
                let smallest = self.keyswitches.smallest(dimension, levels, left);
                let Some(n) = smallest.filter(|&n| n < least) else {
                    continue;
                };
                least = n;
                let choice = Choice {
                    keyswitch: Some(self.keyswitches.digits(levels, n)),
                    input_dimension: dimension,
                    n,
                    rotation: index,
                };
                let ns = keyswitch_cost(dimension, levels, n) + f64::from(n) * rotation.step_ns;
                let shares = before.is_some_and(|before| {
                    let key = |choice: &Choice| self.rotations[choice.rotation].key;
                    key(&before) == key(&choice) && before.same_keyswitch(&choice)
                });
                let key = if shares {
                    KeySize::NONE
                } else {
                    f64::from(n) * rotation.step_key + self.keyswitches.key(dimension, levels, n)
                };
                let cost = self.objective.cost(f64::from(round.bootstraps) * ns, key);
                let mut next = *state;
                next.point.cost = next.point.cost + cost;
                next.removed += f64::from(round.passes() * n) * rotation.step_variance;
                next.keys = None;
                leading.add(next, choice);
            }
        }
    }

    /// Keeps the steps that lead to these states.
    fn remembered(&mut self, leading: Leading) -> Vec<State> {
        let remember = |(mut state, choice): (State, Choice)| {
            let before = state.link;
            state.link = Some(self.remember(Link { before, choice }));
            state
        };
        leading.steps.into_iter().map(remember).collect()
    }
}

/// The steps that no other beats in cost and noise, among those that come from one state before the rounds.
#[derive(Default)]
struct Leading {
    /// Ascending cost, descending noise.
    steps: Vec<(State, Choice)>,
}

impl Leading {
    /// Adds a step, unless an earlier one is as good.
    fn add(&mut self, state: State, choice: Choice) {
        let cost = state.point.cost;
        let after = self
            .steps
            .partition_point(|(other, _)| !cost.beats(&other.point.cost));
        let cheaper = after.checked_sub(1).map(|index| &self.steps[index].0);
        if cheaper.is_some_and(|cheaper| cheaper.removed <= state.removed) {
            return;
        }
        // one of the same cost is noisier
        let first = after - usize::from(cheaper.is_some_and(|other| other.point.cost == cost));
        let worse =
            self.steps[after..].partition_point(|(other, _)| state.removed <= other.removed);
        self.steps.splice(first..after + worse, [(state, choice)]);
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
