//! The search through the rounds of exact rounding.

use crate::noise::KEYSWITCH_MODULUS_BITS;
use crate::plan::cost::keyswitch_cost;
use crate::plan::range::MAX_KEYSWITCH_LEVELS;
use crate::search::chain::Chains;
use crate::search::layer::{Layer, RoundLayer};
use crate::search::small_keys::modulus_switch_step;
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
                let steps: Vec<(State, Choice)> = states
                    .iter()
                    .flat_map(|state| self.round(round, state))
                    .collect();
                states = self.leading(steps);
            }
            all.extend(states);
        }
        all
    }

    /// Every way through one round.
    fn round(&self, round: &RoundLayer, state: &State) -> Vec<(State, Choice)> {
        let dimension = state.point.dimension;
        let room = round.room(state.point.variance, state.removed);
        let mut ways = Vec::new();
        if room <= 0.0 {
            return ways;
        }
        let before = state.link.and_then(|link| self.choice(link));
        for (index, rotation) in self.rotations.iter().enumerate() {
            let size = rotation.table_size();
            if rotation.shape.lwe_dimension() != dimension || !round.fits(size) {
                continue;
            }
            // the last pass sees the noise of the passes before it
            let seen = f64::from(round.passes() - 1) * round.gain * rotation.step_variance;
            let step = modulus_switch_step(KEYSWITCH_MODULUS_BITS, size) + seen;
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
                let shares = before.is_some_and(|before| before.same_keys(&choice));
                let bytes = if shares {
                    0.0
                } else {
                    f64::from(n) * rotation.step_bytes
                        + self.keyswitches.key_bytes(dimension, levels, n)
                };
                let cost = self.objective.cost(f64::from(round.bootstraps) * ns, bytes);
                let mut next = *state;
                next.point.cost = next.point.cost + cost;
                next.removed += f64::from(round.passes() * n) * rotation.step_variance;
                next.keys = None;
                ways.push((next, choice));
            }
        }
        ways
    }

    /// The states that no other beats in cost and noise, among those that come from the same one.
    fn leading(&mut self, mut steps: Vec<(State, Choice)>) -> Vec<State> {
        steps.sort_by(|a, b| {
            let cost = a.0.point.cost.order(&b.0.point.cost);
            cost.then(a.0.removed.total_cmp(&b.0.removed))
        });
        let mut least = f64::INFINITY;
        let mut states = Vec::new();
        for (mut state, choice) in steps {
            if state.removed < least {
                least = state.removed;
                let before = state.link;
                state.link = Some(self.remember(Link { before, choice }));
                states.push(state);
            }
        }
        states
    }
}
