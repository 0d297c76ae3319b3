//! Which jobs a worker looks at first.

use std::time::Duration;

use crate::protocol::Hash;

/// Jobs are spread over so many consumers by the hash of their key.
pub(super) const SHARDS: usize = 16;
/// The most jobs in a row that a worker takes from one shard, while others may wait.
const ROW: usize = 4;

/// The shard of a key.
pub(super) fn shard(key: &Hash) -> usize {
    usize::from(key.as_bytes()[0]) % SHARDS
}

/// Which shards a worker looks at first: those that it took jobs from last, since it has their keys expanded. After a few
/// jobs in a row from one shard the others have their turn, so that nobody waits for ever behind a busy key.
#[derive(Debug, Default)]
pub(super) struct Shards {
    /// The shards that jobs were taken from last, the latest first.
    last: Vec<usize>,
    /// How many jobs in a row came from the latest.
    row: usize,
    /// Where the next round over the others begins.
    turn: usize,
}

impl Shards {
    /// So many shards count as a worker's own.
    pub(super) const OWN: usize = 2;
    /// How long a worker leaves the jobs of other shards to others.
    pub(super) const HEAD_START: Duration = Duration::from_millis(3);

    /// Returns all shards in the order in which a worker looks.
    pub(super) fn order(&mut self) -> Vec<usize> {
        self.turn = (self.turn + 1) % SHARDS;
        let others = (0..SHARDS).map(|step| (self.turn + step) % SHARDS);
        let mut order: Vec<usize> = self.last.iter().take(Self::OWN).copied().collect();
        order.extend(
            others.filter(|number| !self.last.iter().take(Self::OWN).any(|own| own == number)),
        );
        if self.row >= ROW
            && let Some(&busy) = self.last.first()
        {
            order.retain(|&number| number != busy);
            order.push(busy);
            self.row = 0;
        }
        order
    }

    /// Notes that a job was taken from a shard.
    pub(super) fn took(&mut self, number: usize) {
        self.row = if self.last.first() == Some(&number) {
            self.row + 1
        } else {
            1
        };
        self.last.retain(|&other| other != number);
        self.last.insert(0, number);
        self.last.truncate(Self::OWN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_looked_at_once_in_every_round() {
        let mut shards = Shards::default();
        for number in [3, 3, 7, 3, 3, 3, 3, 3, 9] {
            let mut order = shards.order();
            order.sort_unstable();
            assert_eq!(order, (0..SHARDS).collect::<Vec<_>>());
            shards.took(number);
        }
    }

    #[test]
    fn the_latest_shard_is_first_until_its_row_is_full() {
        let mut shards = Shards::default();
        for taken in 1..=ROW {
            shards.took(5);
            let first = shards.order()[0];
            assert_eq!(first == 5, taken < ROW, "after {taken} jobs");
        }
        // the others had their turn
        assert_eq!(shards.order()[0], 5);
    }
}
