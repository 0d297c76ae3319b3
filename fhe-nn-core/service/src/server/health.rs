//! Whether the service lives and takes requests, and what it counts.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::answer::Refused;
use super::caller::Caller;
use super::keys::refuse_when_draining;
use super::{App, Metrics};
use crate::protocol::{Problem, ProblemKind, Tenant, paths};
use crate::store::Queue;

/// Whether the process lives.
#[utoipa::path(
    get,
    path = crate::protocol::paths::HEALTH,
    tag = "service",
    responses((status = 200, description = "it lives", body = String, content_type = "text/plain"))
)]
pub(super) async fn health() -> &'static str {
    "lives\n"
}

/// Whether the process takes requests.
#[utoipa::path(
    get,
    path = crate::protocol::paths::READY,
    tag = "service",
    responses(
        (status = 200, description = "it takes requests", body = String, content_type = "text/plain"),
        (status = 503, description = "it ends, or its store does not answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refused> {
    refuse_when_draining(&app)?;
    app.parts.keys.used(&Tenant::local()).await?;
    app.parts.queue.depth().await?;
    Ok("takes requests\n")
}

/// The tenant whose tokens read the metrics.
const READER: &str = "metrics";

/// What is counted, as Prometheus reads it. Nothing in it names a tenant; but it tells that somebody calls, so once there
/// are tokens, those of the tenant `metrics` alone read it.
#[utoipa::path(
    get,
    path = crate::protocol::paths::METRICS,
    tag = "service",
    responses(
        (status = 200, description = "the metrics", body = String, content_type = "application/openmetrics-text"),
        (status = 401, description = "a token of the tenant `metrics` is needed", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store does not answer", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn metrics(
    State(app): State<Arc<App>>,
    Caller(tenant): Caller,
) -> Result<Response, Refused> {
    if tenant.as_str() != READER && !app.is_open().await? {
        let detail = format!("the metrics are for tokens of the tenant `{READER}`");
        return Err(Refused::new(ProblemKind::Unauthorized, detail));
    }
    counted(&app.parts.metrics, &*app.parts.queue).await
}

/// What a process of workers tells whoever reaches it: that it lives, and what it counts.
pub(super) fn of_workers(metrics: Arc<Metrics>, queue: Arc<dyn Queue>) -> Router {
    let counted = move || {
        let (metrics, queue) = (Arc::clone(&metrics), Arc::clone(&queue));
        async move { counted(&metrics, &*queue).await }
    };
    Router::new()
        .route(paths::HEALTH, get(health))
        .route(paths::METRICS, get(counted))
}

async fn counted(metrics: &Metrics, queue: &dyn Queue) -> Result<Response, Refused> {
    let text = metrics.text(queue.depth().await?);
    let kind =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Removes keys and replies that have expired, once a minute, for as long as the service lives.
pub(super) async fn expire(app: Arc<App>) {
    let mut minutes = tokio::time::interval(std::time::Duration::from_secs(60));
    loop {
        minutes.tick().await;
        let now = SystemTime::now();
        let (keys, replies) = (
            app.parts.keys.expire(now).await,
            app.parts.queue.expire(now).await,
        );
        match (keys, replies) {
            (Ok(0), Ok(0)) => {}
            (Ok(keys), Ok(replies)) => tracing::info!(keys, replies, "removed what has expired"),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "what has expired could not be removed");
            }
        }
    }
}
