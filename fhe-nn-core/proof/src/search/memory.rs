//! The best plan whose keys fit a server's memory.
//!
//! The search compares sums of costs, and memory is a bound on a sum. So every byte gets a price: the higher it is, the
//! less memory the best plan takes, and the search looks for the least price whose plan keeps the limit. Plans that no
//! price makes the best are passed over, so that the one that is found may take less than the limit.

use crate::plan::{Plan, PlanError, Prefer};
use crate::search::Search;

/// The first price that is tried, as the share of a plan's cost that all of its memory costs. A quarter of it counts as
/// one that is too low.
const FIRST: f64 = 1.0 / 64.0;
/// The factor from one price to the next.
const FACTOR: f64 = 4.0;
/// Number of prices. With the last one, memory costs 16 times what the plan costs otherwise, so that whatever the search
/// spends of its cost on something else is a small part of the time.
const PRICES: usize = 6;
/// Number of times that the interval between the last price that is too low and the first that is not is halved.
const HALVINGS: usize = 5;

/// The best plan within the limit, which the best plan without one exceeds. If no price makes one that fits, it is the
/// one with the smallest keys.
///
/// # Errors
/// [`PlanError::Memory`], and those of the search.
pub(super) fn within(limit: u64, best: &Plan, search: &Search<'_>) -> Result<Plan, PlanError> {
    let first = search.saved(best) / best.evaluation_memory_bytes() as f64 * FIRST;
    let mut least = best.evaluation_memory_bytes();
    let mut fits = |plan: &Plan| {
        least = least.min(plan.evaluation_memory_bytes());
        plan.evaluation_memory_bytes() <= limit
    };
    let prices = core::iter::successors(Some(first), |price| Some(price * FACTOR)).take(PRICES);
    for price in prices {
        let plan = search.plan(price)?;
        if fits(&plan) {
            return halve(price, plan, search, fits);
        }
    }
    if search.prefer == Prefer::Fastest {
        let smallest = Search::new(search.requirements, search.options, Prefer::SmallestKeys);
        let plan = smallest.plan(0.0)?;
        if fits(&plan) {
            return Ok(plan);
        }
    }
    Err(PlanError::Memory { limit, least })
}

/// The best plan that is found at prices up to this one, whose plan fits.
fn halve(
    price: f64,
    mut found: Plan,
    search: &Search<'_>,
    mut fits: impl FnMut(&Plan) -> bool,
) -> Result<Plan, PlanError> {
    let (mut low, mut high) = (price / FACTOR, price);
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        let plan = search.plan(middle)?;
        if !fits(&plan) {
            low = middle;
            continue;
        }
        high = middle;
        // sharing and merging keys may cost a little more at a lower price
        if search.saved(&plan) < search.saved(&found) {
            found = plan;
        }
    }
    Ok(found)
}

impl Search<'_> {
    /// What the search saves of a plan: nanoseconds or bytes.
    fn saved(&self, plan: &Plan) -> f64 {
        match self.prefer {
            Prefer::Fastest => plan.predicted_seconds(1) * 1e9,
            Prefer::SmallestKeys => plan.evaluation_key_bytes() as f64,
        }
    }
}
