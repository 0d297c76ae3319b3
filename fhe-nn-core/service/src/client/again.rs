//! When a call is repeated.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::protocol::Problem;

/// The pause after the first failure is at most this long, and doubles with each further one.
const FIRST: Duration = Duration::from_millis(250);
/// The longest pause that the client chooses by itself.
const LONGEST: Duration = Duration::from_secs(10);

/// Returns whether a call with this problem may succeed later.
pub(super) fn may_succeed(problem: &Problem) -> bool {
    match problem.kind() {
        Some(kind) => kind.is_temporary(),
        // a proxy, or a later version of the protocol
        None => matches!(problem.status(), 408 | 429 | 502 | 503 | 504),
    }
}

/// Returns how long the server asks to wait: a number of seconds or a date (RFC 9110, section 10.2.3).
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Returns the pause before attempt `next`, counted from 1 for the first repetition. What the server asks for is
/// exceeded by up to a quarter; a pause of our own is anything up to its limit. So clients that failed together do not
/// come back together.
pub(super) fn pause(asked: Option<Duration>, next: u32) -> Duration {
    match asked {
        Some(time) => time.saturating_add((time.max(FIRST) / 4).mul_f64(chance())),
        None => {
            let doubled = FIRST.saturating_mul(1 << (next - 1).min(8));
            doubled.min(LONGEST).mul_f64(chance())
        }
    }
}

/// Draws a number from 0 to 1.
fn chance() -> f64 {
    // a machine without randomness waits for the longest time
    getrandom::u32().map_or(1.0, |drawn| f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ProblemKind;

    #[test]
    fn a_pause_is_never_shorter_than_what_the_server_asks_for() {
        for next in 1..40 {
            let asked = Duration::from_secs(8);
            let pause = pause(Some(asked), next);
            assert!((asked..=asked * 5 / 4).contains(&pause), "{pause:?}");
        }
    }

    #[test]
    fn pauses_of_our_own_grow_to_their_limit_and_differ() {
        for next in 1..40 {
            let most = (FIRST * (1 << (next - 1).min(8))).min(LONGEST);
            assert!(pause(None, next) <= most);
        }
        let drawn: std::collections::HashSet<_> = (0..8).map(|_| pause(None, 9)).collect();
        assert!(drawn.len() > 1);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let headers = |value: &str| {
            let value = value.parse().expect("a value");
            HeaderMap::from_iter([(RETRY_AFTER, value)])
        };
        assert_eq!(asked(&headers("3")), Some(Duration::from_secs(3)));
        assert_eq!(
            asked(&headers("Sun, 06 Nov 1994 08:49:37 GMT")),
            Some(Duration::ZERO)
        );
        for value in ["soon", "-1", "1.5"] {
            assert_eq!(asked(&headers(value)), None);
        }
        assert_eq!(asked(&HeaderMap::new()), None);
    }

    #[test]
    fn what_the_caller_must_change_is_not_repeated() {
        for kind in ProblemKind::ALL {
            let problem = Problem::new(kind, "");
            assert_eq!(may_succeed(&problem), kind.is_temporary());
        }
        assert!(may_succeed(&Problem::read(502, b"")));
        assert!(!may_succeed(&Problem::read(500, b"")));
    }
}
