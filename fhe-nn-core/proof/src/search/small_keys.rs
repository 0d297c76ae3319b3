//! The small keys to which a stage can keyswitch.

use core::ops::Range;

use crate::noise::{MODULUS_BITS, seeded_variance};
use crate::plan::cost::keyswitch_cost;
use crate::plan::range::{MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS};
use crate::search::climb::Climb;
use crate::search::keyswitches::Keyswitches;
use crate::search::layer::Layer;
use crate::search::objective::{Cost, KeySize, Objective};
use crate::search::rotation::Switch;
use crate::search::state::State;

/// The small keys that are in reach of a stage before its rotation.
pub(super) struct SmallKeys<'a> {
    layer: &'a Layer,
    objective: Objective,
    keyswitches: &'a Keyswitches,
    /// Whether this is the first stage: inputs may be encrypted under its small key.
    first: bool,
    /// The states before the stage, in the order of dimension and variance. None beats another, so
    /// the last of a dimension is the noisiest and the cheapest.
    before: Vec<State>,
    /// The variance that each state leaves to keyswitch and modulus switch.
    rooms: Vec<f64>,
    /// The states of each dimension.
    groups: Vec<Range<usize>>,
}

/// One way to a small key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) n: u32,
    pub(super) cost: Cost,
    /// The state before, and the levels of the keyswitch; `None` for inputs under the small key.
    pub(super) from: Option<(State, u32)>,
}

impl<'a> SmallKeys<'a> {
    pub(super) fn new(
        layer: &'a Layer,
        objective: Objective,
        keyswitches: &'a Keyswitches,
        first: bool,
        before: Vec<State>,
    ) -> Self {
        let rooms = before
            .iter()
            .map(|state| layer.room(state.point.variance) - state.removed);
        let rooms = rooms.collect();
        let mut groups: Vec<Range<usize>> = Vec::new();
        for (index, state) in before.iter().enumerate() {
            match groups.last_mut() {
                Some(group) if before[group.start].point.dimension == state.point.dimension => {
                    group.end = index + 1;
                }
                _ => groups.push(index..index + 1),
            }
        }
        SmallKeys {
            layer,
            objective,
            keyswitches,
            first,
            before,
            rooms,
            groups,
        }
    }

    /// The arrivals that no other beats in n and cost, behind this modulus switch. A smaller key makes
    /// the rotation cheaper and less noisy, so every state goes to the smallest key that it can
    /// reach.
    pub(super) fn smallest(&self, switch: &Switch) -> Vec<Arrival> {
        let step = switch.keyswitched;
        let mut arrivals = Vec::new();
        for group in &self.groups {
            let (before, rooms) = (&self.before[group.clone()], &self.rooms[group.clone()]);
            let (mut climb, mut least_room) = (Climb::new(), f64::INFINITY);
            for (state, &room) in before.iter().zip(rooms) {
                // room falls from state to state, unless rounds have left states that join others
                if room > least_room {
                    climb = Climb::new();
                }
                least_room = room;
                let left = |n| room - f64::from(n) * step;
                let dimension = state.point.dimension;
                let mut least = u32::MAX;
                for levels in 1..=MAX_KEYSWITCH_LEVELS {
                    let smallest = climb.smallest(self.keyswitches, (dimension, levels), left);
                    if let Some(n) = smallest.filter(|&n| n < least) {
                        least = n;
                        arrivals.push(self.arrival(state, levels, n));
                    }
                }
            }
        }
        if self.first && !self.layer.joins {
            // fresh noise falls with n and that of the modulus switch grows, so the first that fits is taken
            arrivals.extend(
                SMALL_DIMENSIONS
                    .into_iter()
                    .find_map(|n| self.direct(switch, n)),
            );
        }
        if self.layer.joins {
            // the values that stay beside the results make a difference as well
            return arrivals;
        }
        arrivals.sort_by(|a, b| a.n.cmp(&b.n).then(a.cost.order(&b.cost)));
        let mut cheapest: Option<Cost> = None;
        arrivals.retain(|arrival| {
            let better = cheapest.is_none_or(|cost| arrival.cost.beats(&cost));
            if better {
                cheapest = Some(arrival.cost);
            }
            better
        });
        arrivals
    }

    /// The cheapest way to a small key of exactly `n` dimensions.
    pub(super) fn at(&self, switch: &Switch, n: u32) -> Option<Arrival> {
        let switched = f64::from(n) * switch.keyswitched;
        let mut best = if self.first && !self.layer.joins {
            self.direct(switch, n)
        } else {
            None
        };
        for group in &self.groups {
            let dimension = self.before[group.start].point.dimension;
            let mut least = f64::INFINITY;
            for levels in 1..=MAX_KEYSWITCH_LEVELS {
                let needed = self.keyswitches.variance(dimension, levels, n) + switched;
                // more levels cost more, so they must add less noise
                if needed >= least {
                    continue;
                }
                least = needed;
                let rooms = &self.rooms[group.clone()];
                // the cheapest state of the dimension that leaves enough room
                let Some(last) = rooms.partition_point(|room| *room >= needed).checked_sub(1)
                else {
                    continue;
                };
                let arrival = self.arrival(&self.before[group.start + last], levels, n);
                if best.is_none_or(|best| arrival.cost.beats(&best.cost)) {
                    best = Some(arrival);
                }
                // no arrival with more levels can be cheaper
                if last + 1 == rooms.len() {
                    break;
                }
            }
        }
        best
    }

    /// The arrival of inputs that are encrypted under the small key itself.
    fn direct(&self, switch: &Switch, n: u32) -> Option<Arrival> {
        let fresh = seeded_variance(n, MODULUS_BITS);
        let switched = f64::from(n) * switch.inputs;
        (switched <= self.layer.room(fresh)).then(|| Arrival {
            n,
            cost: self.objective.cost(self.layer.sum_ns(n), KeySize::NONE),
            from: None,
        })
    }

    /// The arrival from a state by a keyswitch.
    fn arrival(&self, state: &State, levels: u32, n: u32) -> Arrival {
        let (layer, dimension) = (self.layer, state.point.dimension);
        let switch = layer.each_ns(keyswitch_cost(dimension, levels, n));
        let key = self.keyswitches.key(dimension, levels, n);
        Arrival {
            n,
            cost: state.point.cost + self.objective.cost(layer.sum_ns(dimension) + switch, key),
            from: Some((*state, levels)),
        }
    }
}
