//! How long an inference takes.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long one request takes, as a mean in which newer ones count more. It says when a caller may come back who finds
/// the queue full.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Option<f64>>);

impl Pace {
    /// A pace to begin with, as a plan predicts it.
    pub fn predicted(seconds: f64) -> Self {
        Pace(Mutex::new(Some(seconds)))
    }

    /// Counts requests that took this long together.
    pub fn measured(&self, requests: usize, time: Duration) {
        let each = time.as_secs_f64() / requests.max(1) as f64;
        let mut mean = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *mean = Some(mean.map_or(each, |mean| 0.8 * mean + 0.2 * each));
    }

    /// The seconds of one request, if anything is known of them.
    pub fn seconds(&self) -> Option<f64> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
