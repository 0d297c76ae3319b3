//! The calls about models, and the keys that receipts are signed with.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::answer::Refused;
use super::caller::Caller;
use super::openapi::Message;
use super::routes::Segment;
use crate::protocol::headers::content;
use crate::protocol::{Hash, ModelList, ModelName, Problem, ProblemKind, PublishedKeys, paths};

/// The names of all models, in all their versions.
#[utoipa::path(
    get,
    path = crate::protocol::paths::MODELS,
    tag = "models",
    responses(
        (status = 200, description = "all versions of all models", body = ModelList),
        (status = 401, description = "a token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store does not answer", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn list(State(app): State<Arc<App>>, _caller: Caller) -> Response {
    axum::Json(app.parts.models.list()).into_response()
}

/// The description of a model: of the version with a plan, or of the newest.
#[utoipa::path(
    get,
    path = crate::protocol::paths::MODEL,
    tag = "models",
    params(
        ("name" = ModelName, Path, description = "the name of the model"),
        ("plan" = Option<Hash>, Query, description = "fingerprint of the plan"),
        ("if-none-match" = Option<String>, Header, description = "the `ETag` of a description at hand"),
    ),
    responses(
        (status = 200, description = "the description", body = Message,
            content_type = "application/vnd.fhe-nn.description",
            headers(("etag" = String, description = "changes with the description"))),
        (status = 304, description = "the description at hand is still the same"),
        (status = 400, description = "not a name, or not a fingerprint", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "a token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such model, or no such version", body = Problem,
            content_type = "application/problem+json"),
        (status = 410, description = "the version is no longer served", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store does not answer", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    _caller: Caller,
    Segment(name): Segment<ModelName>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let versions = app.parts.models.named(&name);
    if versions.is_empty() {
        let detail = format!("there is no model `{name}`");
        return Err(Refused::new(ProblemKind::UnknownModel, detail));
    }
    let version = match plan(query.as_deref())? {
        None => {
            let served = versions.iter().find(|version| !version.retired);
            served.unwrap_or(&versions[0])
        }
        Some(plan) => {
            let found = versions.iter().find(|version| version.plan == plan);
            found.ok_or_else(|| {
                let detail = format!("`{name}` has no version with the plan {plan}");
                Refused::new(ProblemKind::UnknownModel, detail)
            })?
        }
    };
    if version.retired {
        let detail = format!("the plan {} of `{name}` is no longer served", version.plan);
        return Err(Refused::new(ProblemKind::RetiredPlan, detail));
    }
    let described = app.descriptions.get(&version.plan).ok_or_else(|| {
        Refused::new(
            ProblemKind::Internal,
            "a model of this server has no description",
        )
    })?;
    let caching = [
        (header::ETAG, described.tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|known| matches(known, &described.tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let kind = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content::DESCRIPTION),
    )];
    Ok((caching, kind, described.bytes.clone()).into_response())
}

/// Whether a list of tags has one (RFC 9110, section 13.1.2).
fn matches(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else {
        return false;
    };
    let mut tags = known.split(',').map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Reads the plan that a query asks for.
fn plan(query: Option<&str>) -> Result<Option<Hash>, Refused> {
    let pairs = query.unwrap_or_default().split('&');
    let mut plans = pairs.filter_map(|pair| pair.strip_prefix(paths::PLAN)?.strip_prefix('='));
    let plan = plans.next().map(str::parse).transpose();
    plan.map_err(|error| {
        let detail = format!("the parameter `{}` is no fingerprint: {error}", paths::PLAN);
        Refused::new(ProblemKind::MalformedCall, detail)
    })
}

/// The public keys that receipts are signed with, of now and of before.
#[utoipa::path(
    get,
    path = crate::protocol::paths::RECEIPT_KEYS,
    tag = "models",
    responses((status = 200, description = "the public keys, the present one first", body = PublishedKeys))
)]
pub(super) async fn receipt_keys(State(app): State<Arc<App>>) -> Response {
    axum::Json(app.parts.signing.published()).into_response()
}
