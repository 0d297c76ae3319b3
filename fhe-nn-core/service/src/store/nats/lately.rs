//! What was asked of the server, and is not asked again for a time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// An answer that holds for a time.
pub(super) struct Lately<T> {
    lasts: Duration,
    answer: Mutex<Option<(Instant, T)>>,
}

impl<T: Copy> Lately<T> {
    pub(super) fn new(lasts: Duration) -> Self {
        Lately {
            lasts,
            answer: Mutex::default(),
        }
    }

    /// The answer, if it holds still.
    pub(super) fn get(&self) -> Option<T> {
        let answer = *self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = answer.filter(|(asked, _)| asked.elapsed() < self.lasts);
        holds.map(|(_, answer)| answer)
    }

    /// Keeps an answer that was given now, and returns it.
    pub(super) fn put(&self, answer: T) -> T {
        let mut kept = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((Instant::now(), answer));
        answer
    }
}
