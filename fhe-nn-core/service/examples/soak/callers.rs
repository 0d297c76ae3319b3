//! Callers who ask again and again, and look at every answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::child::Place;
use super::http::call;
use super::overhead::median;
use super::work::{self, Asked, Work};

/// How long after the end something that was promised may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a caller pauses whose call was refused, or not answered at all: less than it is told, so that there are
/// always more callers than places.
const PAUSE: Duration = Duration::from_millis(100);

/// What callers saw.
#[derive(Default)]
pub(crate) struct Counts {
    callers: AtomicU64,
    accepted: AtomicU64,
    answered: AtomicU64,
    wrong: AtomicU64,
    lost: AtomicU64,
    doubled: AtomicU64,
    refused: AtomicU64,
    milliseconds: Mutex<Vec<f64>>,
}

/// The counts in the end.
pub(crate) struct Found {
    /// Inferences that were answered or promised.
    pub(crate) accepted: u64,
    /// Those whose replies came, with the right values.
    pub(crate) answered: u64,
    pub(crate) wrong: u64,
    /// Promised, and never answered.
    pub(crate) lost: u64,
    /// Answered twice in different ways.
    pub(crate) doubled: u64,
    pub(crate) refused: u64,
}

/// Times from the first call to the answer.
pub(crate) struct Latency {
    pub(crate) median: f64,
    /// Of 99 in 100.
    pub(crate) most: f64,
}

impl Counts {
    pub(crate) fn found(&self) -> Found {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Found {
            accepted: load(&self.accepted),
            answered: load(&self.answered),
            wrong: load(&self.wrong),
            lost: load(&self.lost),
            doubled: load(&self.doubled),
            refused: load(&self.refused),
        }
    }

    pub(crate) fn latency_ms(&self) -> Latency {
        let times = self.milliseconds.lock();
        let mut times = times.unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_by(f64::total_cmp);
        let most = times.get(times.len() * 99 / 100).copied();
        Latency {
            most: most.unwrap_or(f64::NAN),
            median: median(times),
        }
    }
}

/// One caller of a tenant, who asks until `end`, and then until everything that it was promised is there.
pub(crate) fn ask(work: &Work, token: &str, place: &Place, counts: &Counts, end: Instant) {
    let number = counts.callers.fetch_add(1, Ordering::Relaxed);
    let mut random = work::random(1000 + number);
    let add = |count: &AtomicU64| {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let caller = Caller {
        work,
        token,
        place,
        counts,
    };
    // one in two waits for the replies, the others ask for them later
    let wait = if number.is_multiple_of(2) { 20 } else { 0 };
    while Instant::now() < end {
        let Ok(asked) = work.draw(&mut random) else {
            add(&counts.wrong);
            return;
        };
        let begin = Instant::now();
        let Some(accepted) = caller.accepted(&asked, wait, end) else {
            return; // refused until the end, and so never accepted
        };
        add(&counts.accepted);
        let Some(replies) = caller.answered(accepted, end + PATIENCE) else {
            add(&counts.lost);
            continue;
        };
        if !work.is_right(&asked, &replies) {
            add(&counts.wrong);
            continue;
        }
        add(&counts.answered);
        let time = begin.elapsed().as_secs_f64() * 1e3;
        let times = counts.milliseconds.lock();
        times.unwrap_or_else(PoisonError::into_inner).push(time);
        // what is asked for again, is the same
        if let Some(again) = caller.accepted(&asked, 20, end)
            && let Some(again) = caller.answered(again, end + PATIENCE)
            && again != replies
        {
            add(&counts.doubled);
        }
    }
}

/// An inference that was accepted.
enum Accepted {
    /// Its replies came at once.
    Replies(Vec<u8>),
    /// They were promised, at this path.
    Promised(String),
}

struct Caller<'a> {
    work: &'a Work,
    token: &'a str,
    place: &'a Place,
    counts: &'a Counts,
}

impl Caller<'_> {
    /// Asks until the inference is answered or promised. A call that a kill
    /// interrupted was promised nothing, and is repeated.
    fn accepted(&self, asked: &Asked, wait: u64, end: Instant) -> Option<Accepted> {
        let bytes = asked.request.to_bytes();
        let (key, prefer) = (self.work.hash.to_string(), format!("wait={wait}"));
        let headers = [
            ("authorization", self.token),
            ("fhe-nn-key", key.as_str()),
            ("prefer", prefer.as_str()),
        ];
        let path = format!("/v1/models/{}/inferences", self.work.name);
        while Instant::now() < end {
            match call(self.place.address(), "POST", &path, &headers, &bytes) {
                Ok(answer) if answer.status == 200 => return Some(Accepted::Replies(answer.body)),
                Ok(answer) if answer.status == 202 => {
                    let place = answer.header("location").unwrap_or_default();
                    return Some(Accepted::Promised(place.to_owned()));
                }
                Ok(answer) if answer.status == 429 => {
                    self.counts.refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => {
                    eprintln!("not accepted: {answer:?}");
                    self.counts.wrong.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {} // killed
            }
            std::thread::sleep(PAUSE);
        }
        None
    }

    /// Asks for the replies until they are there.
    fn answered(&self, accepted: Accepted, end: Instant) -> Option<Vec<u8>> {
        let path = match accepted {
            Accepted::Replies(replies) => return Some(replies),
            Accepted::Promised(path) => path,
        };
        let headers = [("authorization", self.token), ("prefer", "wait=10")];
        while Instant::now() < end {
            match call(self.place.address(), "GET", &path, &headers, b"") {
                Ok(answer) if answer.status == 200 => return Some(answer.body),
                Ok(answer) if [202, 503].contains(&answer.status) => {}
                Ok(answer) => {
                    eprintln!("promised, but: {answer:?}");
                    return None;
                }
                Err(_) => {} // killed
            }
            std::thread::sleep(PAUSE);
        }
        None
    }
}
