//! What a service counts. Nothing here names a tenant, a key or an inference.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::store::Depth;

/// What a service counts.
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    queued: Gauge,
    running: Gauge,
    refused: Counter,
    keys: Counter,
    key_bytes: Counter,
    hits: Counter,
    misses: Counter,
    cached: Gauge,
    inferences: Counter,
    failed: Counter,
    seconds: Histogram,
    expanding: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: String,
    /// The path with the names of its segments in place of what they are.
    path: String,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let times = || Histogram::new(exponential_buckets(0.01, 2.0, 15));
        let mut metrics = Metrics {
            registry: Registry::with_prefix("fhe_nn"),
            calls: Family::default(),
            queued: Gauge::default(),
            running: Gauge::default(),
            refused: Counter::default(),
            keys: Counter::default(),
            key_bytes: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            cached: Gauge::default(),
            inferences: Counter::default(),
            failed: Counter::default(),
            seconds: times(),
            expanding: times(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("calls", "Calls that were answered", self.calls.clone());
        registry.register("queued", "Inferences that wait", self.queued.clone());
        registry.register("running", "Inferences that run", self.running.clone());
        registry.register(
            "refused",
            "Inferences that were refused because a queue is full",
            self.refused.clone(),
        );
        registry.register("keys", "Evaluation keys that arrived", self.keys.clone());
        registry.register_with_unit(
            "keys",
            "Bytes of evaluation keys that arrived",
            Unit::Bytes,
            self.key_bytes.clone(),
        );
        registry.register(
            "cache_hits",
            "Runs whose key was expanded already",
            self.hits.clone(),
        );
        registry.register(
            "cache_misses",
            "Runs whose key had to be expanded",
            self.misses.clone(),
        );
        registry.register_with_unit(
            "cache",
            "Bytes of expanded keys",
            Unit::Bytes,
            self.cached.clone(),
        );
        registry.register(
            "inferences",
            "Requests that were computed",
            self.inferences.clone(),
        );
        registry.register(
            "failed",
            "Inferences that ended with a problem",
            self.failed.clone(),
        );
        registry.register_with_unit(
            "inference",
            "Time of the engine for one request",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register_with_unit(
            "expanding",
            "Time to read and expand a key",
            Unit::Seconds,
            self.expanding.clone(),
        );
    }

    /// A call was answered; `path` is a route, and not what was asked for.
    pub(super) fn called(&self, method: &str, path: &str, status: u16) {
        let call = Call {
            method: method.to_owned(),
            path: path.to_owned(),
            status,
        };
        self.calls.get_or_create(&call).inc();
    }

    /// An inference was refused because a queue is full.
    pub(super) fn refused_full(&self) {
        self.refused.inc();
    }

    /// A key arrived.
    pub(super) fn key_received(&self, bytes: u64) {
        self.keys.inc();
        self.key_bytes.inc_by(bytes);
    }

    /// A key was in the cache of expanded keys.
    pub(crate) fn cache_hit(&self) {
        self.hits.inc();
    }

    /// A key had to be expanded, which took this long.
    pub(crate) fn cache_miss(&self, time: Duration) {
        self.misses.inc();
        self.expanding.observe(time.as_secs_f64());
    }

    /// The cache of expanded keys has so many bytes.
    pub(crate) fn cache_has(&self, bytes: u64) {
        self.cached.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// So many requests were computed, each in this time.
    pub(crate) fn inferred(&self, requests: usize, each: Duration) {
        self.inferences.inc_by(requests as u64);
        for _ in 0..requests {
            self.seconds.observe(each.as_secs_f64());
        }
    }

    /// An inference ended with a problem.
    pub(crate) fn failed(&self) {
        self.failed.inc();
    }

    /// All of it as text.
    pub(super) fn text(&self, depth: Depth) -> String {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.queued.set(gauge(depth.queued));
        self.running.set(gauge(depth.running));
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("memory takes every byte that is written to it");
        text
    }
}
