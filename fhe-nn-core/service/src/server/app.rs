//! What all calls share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderValue;
use bytes::Bytes;
use tokio::sync::watch;

use super::answer::text;
use super::uploads::Uploads;
use super::{Metrics, Models, Settings};
use crate::protocol::{Hash, SigningKeys};
use crate::store::{Keys, Queue, StoreError, Tokens};
use crate::worker::Pace;

/// What a service is made of.
pub struct Parts {
    /// The models.
    pub models: Arc<Models>,
    /// The evaluation keys.
    pub keys: Arc<dyn Keys>,
    /// The jobs and replies.
    pub queue: Arc<dyn Queue>,
    /// Who may call.
    pub tokens: Arc<dyn Tokens>,
    /// The keys that receipts are signed with.
    pub signing: SigningKeys,
    /// How long an inference takes.
    pub pace: Arc<Pace>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How much it takes.
    pub settings: Settings,
    /// Whether callers without a token are taken as the local tenant, until there is a token. A service says this only
    /// if it began without tokens and listens on the loopback interface.
    pub open: bool,
}

/// What all calls share.
pub struct App {
    pub(super) parts: Parts,
    pub(super) descriptions: HashMap<Hash, Described>,
    pub(super) uploads: Uploads,
    draining: watch::Sender<Draining>,
    /// Whether callers without a token are still taken. Once there was a token they are not, even if it is revoked.
    open: AtomicBool,
}

/// How far the end of a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Draining {
    /// It takes everything.
    No,
    /// It takes nothing new, and answers those who wait.
    Begun,
    /// Those who still wait are promised their replies.
    Last,
}

/// A description as clients are given it.
pub(super) struct Described {
    pub(super) bytes: Bytes,
    pub(super) tag: HeaderValue,
}

impl App {
    /// Makes the service.
    pub fn new(parts: Parts) -> Arc<Self> {
        let identity = parts.signing.identity();
        let described = parts.models.all().map(|version| {
            let bytes = version.described(identity);
            let tag = text(format_args!("\"{}\"", Hash::of(&bytes)));
            let bytes = bytes.into();
            (version.plan, Described { bytes, tag })
        });
        Arc::new(App {
            descriptions: described.collect(),
            uploads: Uploads::default(),
            draining: watch::Sender::new(Draining::No),
            open: AtomicBool::new(parts.open),
            parts,
        })
    }

    /// Whether a caller without a token is taken as the local tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`](crate::store::StoreError::Unavailable) if the tokens cannot be read.
    pub(super) async fn is_open(&self) -> Result<bool, StoreError> {
        if self.open.load(Ordering::Relaxed) && !self.parts.tokens.is_empty().await? {
            self.open.store(false, Ordering::Relaxed);
        }
        Ok(self.open.load(Ordering::Relaxed))
    }

    /// Takes nothing new from now on. Those who wait have this long to be answered, and are promised their replies
    /// then.
    pub(super) async fn drain(&self) {
        self.draining.send_replace(Draining::Begun);
        let mut answered = self.draining.subscribe();
        // nobody else sends
        let _ = tokio::time::timeout(self.parts.settings.grace, answered.changed()).await;
        self.draining.send_replace(Draining::Last);
    }

    /// Waits until the end of the service is so far.
    pub(super) async fn reached(&self, stage: Draining) {
        let mut draining = self.draining.subscribe();
        // the sender lives as long as this service
        let _ = draining.wait_for(|draining| *draining >= stage).await;
    }

    /// Whether nothing new is taken.
    pub(super) fn ends(&self) -> bool {
        *self.draining.borrow() != Draining::No
    }

    /// When a caller who finds so many jobs before its own may come back.
    pub(super) fn back_after(&self, jobs: usize) -> Duration {
        let each = self.parts.pace.seconds().unwrap_or(1.0);
        // half of them: room comes with the first that is finished
        let seconds = (each * jobs as f64 / 2.0).clamp(1.0, 600.0);
        Duration::from_secs_f64(seconds)
    }
}
