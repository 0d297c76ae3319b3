//! Progress of long work: a bar on a terminal, a few plain lines otherwise.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};

use fhe_nn_core::run::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::outcome;

/// The progress of one piece of work.
pub(crate) struct Bar {
    what: &'static str,
    bar: Option<ProgressBar>,
    /// The quarter that was last told.
    told: AtomicUsize,
}

impl Bar {
    /// Begins to show work, which is called `what`.
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:40} {percent}%, {eta} left");
            ProgressBar::new(0)
                .with_style(style.expect("the template is well-formed"))
                .with_message(what)
        });
        Bar {
            what,
            bar,
            told: AtomicUsize::new(0),
        }
    }

    /// Shows how far the work is.
    pub(crate) fn show(&self, progress: Progress) {
        self.reach(progress.done, progress.total);
    }

    /// Shows that so much of the work is done.
    pub(crate) fn reach(&self, done: usize, total: usize) {
        let total = total.max(1);
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            return;
        }
        let quarter = 4 * done / total;
        if self.told.fetch_max(quarter, Ordering::Relaxed) < quarter {
            outcome::tell(&format!("{}: {}%", self.what, 25 * quarter));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
