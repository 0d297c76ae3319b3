//! The small keys that a stage can come to.

use core::ops::Range;

use crate::noise::{
    KEYSWITCH_MODULUS_BITS, MODULUS_BITS, modulus_switch_variance, seeded_variance,
};
use crate::plan::cost::{MAX_KEYSWITCH_LEVELS, SMALL_DIMENSIONS, keyswitch_cost, linear_cost};
use crate::plan::demand::Accumulators;
use crate::plan::keyswitch::Keyswitches;
use crate::plan::objective::{Cost, Objective};
use crate::plan::state::State;

/// A stage before its rotation.
pub(super) struct Reach<'a> {
    pub(super) accumulators: &'a Accumulators,
    pub(super) objective: Objective,
    pub(super) keyswitches: &'a Keyswitches,
    pub(super) z: f64,
    /// Whether it is the first: inputs may come under its small key.
    first: bool,
    /// Where it can come from, in the order of dimension and variance; no point beats another, so
    /// of one dimension the last is the noisiest and the cheapest.
    before: Vec<State>,
    /// What each leaves to keyswitch and modulus switch.
    rooms: Vec<f64>,
    /// Those of one dimension.
    groups: Vec<Range<usize>>,
}

/// One way to a small key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) n: u32,
    pub(super) cost: Cost,
    /// What it comes from, and the levels of the keyswitch; none for inputs under the small key.
    pub(super) from: Option<(State, u32)>,
}

impl<'a> Reach<'a> {
    pub(super) fn new(
        accumulators: &'a Accumulators,
        objective: Objective,
        keyswitches: &'a Keyswitches,
        z: f64,
        first: bool,
        before: Vec<State>,
    ) -> Self {
        let rooms = before
            .iter()
            .map(|state| accumulators.room(state.point.variance, z));
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
        Reach {
            accumulators,
            objective,
            keyswitches,
            z,
            first,
            before,
            rooms,
            groups,
        }
    }

    /// For polynomials of this size, the arrivals that no other beats in n and cost. A smaller key is
    /// cheaper to rotate by and leaves less noise; every way is taken to the smallest that it can
    /// come to.
    pub(super) fn smallest(&self, size: u32) -> Vec<Arrival> {
        let step = switch_variance(KEYSWITCH_MODULUS_BITS, size);
        let mut best: Vec<Option<Arrival>> = vec![None; SMALL_DIMENSIONS.count()];
        let mut offer = |arrival: Arrival| {
            let best = &mut best[(arrival.n - SMALL_DIMENSIONS.start()) as usize];
            if best.is_none_or(|best| arrival.cost.beats(&best.cost)) {
                *best = Some(arrival);
            }
        };
        for (state, &room) in self.before.iter().zip(&self.rooms) {
            let mut least = u32::MAX;
            for levels in 1..=MAX_KEYSWITCH_LEVELS {
                let left = |n| room - f64::from(n) * step;
                let dimension = state.point.dimension;
                match self.keyswitches.smallest(dimension, levels, left) {
                    Some(n) if n < least => {
                        least = n;
                        offer(self.arrival(state, levels, n));
                    }
                    _ => {}
                }
            }
        }
        // fresh noise falls with n, that of the modulus switch grows: the first that fits
        if let Some(arrival) = SMALL_DIMENSIONS
            .into_iter()
            .find_map(|n| self.direct(size, n))
        {
            offer(arrival);
        }
        let mut cheapest: Option<Cost> = None;
        best.into_iter()
            .flatten()
            .filter(|arrival| {
                let better = cheapest.is_none_or(|cost| arrival.cost.beats(&cost));
                if better {
                    cheapest = Some(arrival.cost);
                }
                better
            })
            .collect()
    }

    /// The cheapest way to a small key of exactly `n` dimensions.
    pub(super) fn at(&self, size: u32, n: u32) -> Option<Arrival> {
        let switched = f64::from(n) * switch_variance(KEYSWITCH_MODULUS_BITS, size);
        let ways = self.groups.iter().flat_map(|group| {
            (1..=MAX_KEYSWITCH_LEVELS).filter_map(move |levels| {
                let dimension = self.before[group.start].point.dimension;
                let needed = self.keyswitches.variance(dimension, levels, n) + switched;
                let fitting = self.rooms[group.clone()].partition_point(|room| *room >= needed);
                let last = group.start + fitting.checked_sub(1)?;
                Some(self.arrival(&self.before[last], levels, n))
            })
        });
        ways.chain(self.direct(size, n))
            .min_by(|a, b| a.cost.order(&b.cost))
    }

    /// Inputs under the small key itself.
    fn direct(&self, size: u32, n: u32) -> Option<Arrival> {
        let accumulators = self.accumulators;
        let fresh = seeded_variance(n, MODULUS_BITS);
        let switched = f64::from(n) * switch_variance(MODULUS_BITS, size);
        let linear = linear_cost(accumulators.inputs, accumulators.neurons, n);
        (self.first && switched <= accumulators.room(fresh, self.z)).then(|| Arrival {
            n,
            cost: self.objective.cost(linear, 0.0),
            from: None,
        })
    }

    fn arrival(&self, state: &State, levels: u32, n: u32) -> Arrival {
        let (accumulators, dimension) = (self.accumulators, state.point.dimension);
        let linear = linear_cost(accumulators.inputs, accumulators.neurons, dimension);
        let switch = f64::from(accumulators.neurons) * keyswitch_cost(dimension, levels, n);
        let bytes = self.keyswitches.key_bytes(dimension, levels, n);
        Arrival {
            n,
            cost: state.point.cost + self.objective.cost(linear + switch, bytes),
            from: Some((*state, levels)),
        }
    }
}

/// Variance that the modulus switch to `2 N` adds for each dimension.
pub(super) fn switch_variance(from_bits: u32, polynomial_size: u32) -> f64 {
    modulus_switch_variance(1, from_bits, polynomial_size.ilog2() + 1)
}
