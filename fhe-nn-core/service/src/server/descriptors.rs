//! How many files and connections the system lets a process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that one connection takes: its own, and a second handle that takes what comes after a refusal.
const EACH: u64 = 2;
/// Files for all else: the database, keys that arrive and are read, workers, the connection to NATS.
const OTHERS: u64 = 256;

/// Lets the process have as many connections as are wanted, and returns how many it may have: fewer if the system does
/// not allow so many files, so that a connection waits instead of failing.
pub(super) fn connections(wanted: usize) -> usize {
    let needed = (wanted as u64).saturating_mul(EACH).saturating_add(OTHERS);
    let limit = getrlimit(Resource::Nofile);
    // no limit is more than any
    let (current, most) = (
        limit.current.unwrap_or(u64::MAX),
        limit.maximum.unwrap_or(u64::MAX),
    );
    let mut open = current;
    if current < needed {
        let raised = Rlimit {
            current: Some(needed.min(most)),
            ..limit
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            open = needed.min(most);
        }
    }
    let fitting = usize::try_from(fitting(open)).unwrap_or(usize::MAX);
    if fitting < wanted {
        tracing::warn!(
            files = open,
            connections = fitting,
            "the system allows too few open files (`ulimit -n`), so fewer connections are taken at once"
        );
    }
    wanted.min(fitting)
}

/// The connections for which so many files are enough; one at least.
fn fitting(files: u64) -> u64 {
    (files.saturating_sub(OTHERS) / EACH).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_files() {
        for (files, connections) in [(0, 1), (256, 1), (1024, 384), (4096, 1920)] {
            assert_eq!(fitting(files), connections, "{files} files");
        }
    }

    #[test]
    fn the_limit_is_raised_where_the_system_allows_it() {
        let before = getrlimit(Resource::Nofile);
        let low = Rlimit {
            current: Some(900),
            ..before
        };
        setrlimit(Resource::Nofile, low).expect("less is always allowed");
        let taken = connections(400);
        let raised = getrlimit(Resource::Nofile).current;
        setrlimit(Resource::Nofile, before).expect("it is as before");
        let needed = 400 * EACH + OTHERS;
        if before.maximum.is_none_or(|most| most >= needed) {
            assert_eq!((taken, raised), (400, Some(needed)));
        } else {
            assert!(taken < 400);
        }
    }
}
