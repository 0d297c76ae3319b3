//! The best plan whose keys fit a server's memory.
//!
//! The search compares sums of costs, and memory is a bound on a sum. So every byte gets a price: the higher it is, the
//! less memory the best plan takes, and the search looks for the least price whose plan keeps the limit. Plans that no
//! price makes the best are passed over, so that the one that is found may take a little less than the limit.

use crate::plan::{Plan, PlanError, Prefer};

/// The first price that is tried, as the share of a plan's cost that all of its memory costs.
const FIRST: f64 = 1.0 / 64.0;
/// The factor from one price to the next.
const FACTOR: f64 = 4.0;
/// Number of prices, up to a billion times the first.
const PRICES: usize = 16;
/// Number of times that the interval between the last price that is too low and the first that is not is halved.
const HALVINGS: usize = 5;

/// The best plan within the limit, which the best plan without one exceeds. `priced` finds the best plan for a price of
/// a byte of memory.
///
/// # Errors
/// [`PlanError::Memory`], and those of `priced`.
pub(super) fn within(
    limit: u64,
    best: &Plan,
    priced: impl Fn(f64) -> Result<Plan, PlanError>,
) -> Result<Plan, PlanError> {
    let cost = match best.options.prefer() {
        Prefer::Fastest => best.predicted_seconds(1) * 1e9,
        Prefer::SmallestKeys => best.evaluation_key_bytes() as f64,
    };
    let mut price = cost / best.evaluation_memory_bytes() as f64 * FIRST;
    let (mut least, mut found) = (best.evaluation_memory_bytes(), None);
    for _ in 0..PRICES {
        let plan = priced(price)?;
        least = least.min(plan.evaluation_memory_bytes());
        if plan.evaluation_memory_bytes() <= limit {
            found = Some(plan);
            break;
        }
        price *= FACTOR;
    }
    let mut found = found.ok_or(PlanError::Memory { limit, least })?;
    let (mut low, mut high) = (price / FACTOR, price);
    for _ in 0..HALVINGS {
        let middle = (low * high).sqrt();
        let plan = priced(middle)?;
        if plan.evaluation_memory_bytes() > limit {
            low = middle;
        } else {
            (high, found) = (middle, plan);
        }
    }
    Ok(found)
}
