//! Which call is answered by what, and what all answers have in common.

use std::any::Any;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::openapi::Api;
use super::{App, health, inferences, keys, models, openapi, page};
use crate::protocol::ProblemKind;

/// What a page of this service may do: run its own scripts and WebAssembly, and call this service.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
                      connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The calls of the protocol, and their document.
pub(super) fn calls() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(models::list))
        .routes(routes!(models::get))
        .routes(routes!(models::receipt_keys))
        .routes(routes!(keys::head, keys::put, keys::delete))
        .routes(routes!(inferences::post))
        .routes(routes!(inferences::get))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(openapi::get))
}

impl App {
    /// Everything that the service answers.
    pub fn router(self: &Arc<Self>) -> Router {
        let (router, _) = calls().split_for_parts();
        router
            .merge(page::routes(self.parts.settings.page.as_ref()))
            .fallback(unknown)
            .method_not_allowed_fallback(not_allowed)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(Arc::clone(self), counted))
            .with_state(Arc::clone(self))
    }
}

pub(super) async fn unknown() -> Refused {
    Refused::new(ProblemKind::UnknownPath, "there is no such path").closing()
}

async fn not_allowed() -> Refused {
    let detail = "the header `Allow` has the methods of this path";
    Refused::new(ProblemKind::MethodNotAllowed, detail).closing()
}

/// A mistake of this program. Its text may have what nobody should read.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a call ended by a panic");
    let detail = "the server made a mistake, which its log has";
    Refused::new(ProblemKind::Internal, detail).into_response()
}

/// Counts and logs a call, and says in every answer what a browser may do with it.
async fn counted(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    // a path that is none is the caller's text
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let status = response.status().as_u16();
    let known = ["GET", "HEAD", "PUT", "POST", "DELETE"];
    let known = known.into_iter().find(|known| *known == method.as_str());
    app.parts
        .metrics
        .called(known.unwrap_or("other"), path, status);
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
    tracing::info!(method = known, path, status, milliseconds, "answered");
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-embedder-policy"),
            "require-corp",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The segment of a path that is not fixed.
pub(super) struct Segment<T>(pub(super) T);

impl<T: FromStr<Err: Display>> FromRequestParts<Arc<App>> for Segment<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let malformed = |detail: String| Refused::new(ProblemKind::MalformedCall, detail).closing();
        let segments = RawPathParams::from_request_parts(parts, app).await;
        let segments = segments.map_err(|error| malformed(error.body_text()))?;
        let (name, text) = segments.iter().next().unwrap_or_default();
        let value = text.parse();
        value
            .map(Segment)
            .map_err(|error| malformed(format!("`{name}` of the path: {error}")))
    }
}
