//! The calls about evaluation keys.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use fhe_nn_core::{Kind, Label};

use super::answer::{Refused, date};
use super::caller::Caller;
use super::incoming::{Incoming, KeyBody, length};
use super::openapi::Message;
use super::routes::Segment;
use super::{App, Version};
use crate::protocol::{Hash, Problem, ProblemKind};
use crate::store::{KeyRecord, Put, StoreError};

/// Bytes of the head of a key, which says its plan.
const HEAD: usize = 56;

/// Sends an evaluation key, which must have the SHA-256 of the path.
#[utoipa::path(
    put,
    path = crate::protocol::paths::KEY,
    tag = "keys",
    params(("sha256" = Hash, Path, description = "SHA-256 of the body, as 64 hexadecimal digits")),
    request_body(content = Message, content_type = crate::protocol::headers::content::EVALUATION_KEY),
    responses(
        (status = 201, description = "stored; the tenant had no such key before",
            headers(("expires" = String, description = "until when it is kept, if it is not used before"))),
        (status = 200, description = "the tenant had it already",
            headers(("expires" = String, description = "until when it is kept, if it is not used before"))),
        (status = 400, description = "another hash, or no evaluation key of a plan of this server", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "a token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "it came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "its plan is no longer served", body = Problem,
            content_type = "application/problem+json"),
        (status = 411, description = "no `Content-Length`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "larger than the plan says", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "as many keys arrive as are taken at once, from this tenant or from all",
            body = Problem, content_type = "application/problem+json",
            headers(("retry-after" = u64, description = "seconds"))),
        (status = 503, description = "the server ends, or its store does not answer", body = Problem,
            content_type = "application/problem+json"),
        (status = 507, description = "no room left, for this tenant or for all", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Caller(tenant): Caller,
    Segment(key): Segment<Hash>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let limit = app.parts.models.all().map(|version| version.key_bytes);
    let length = length(&headers, limit.max().unwrap_or(0))?;
    refuse_when_draining(&app)?;
    let _upload = app.uploads.begin(&tenant).map_err(|problem| {
        let refused = Refused::from(problem).closing();
        refused.with_retry_after(app.parts.settings.pause)
    })?;
    let mut incoming = Incoming::new(body, length, &app.parts.settings);
    let mut head = BytesMut::new();
    while head.len() < HEAD {
        match incoming.next().await? {
            Some(piece) => head.extend_from_slice(&piece),
            None => break,
        }
    }
    let (version, record) = plan_of(&app, &head, length)?;
    let until = record.until;
    let mut refused = None;
    let content = KeyBody::new(incoming, Bytes::from(head), key, &mut refused);
    let quota = app.parts.settings.key_bytes;
    let stored = {
        let mut content = content;
        let keys = &app.parts.keys;
        keys.put(&tenant, &key, record, quota, &mut content).await
    };
    let put = match stored {
        Ok(put) => put,
        Err(StoreError::Content(error)) => {
            return Err(refused.unwrap_or_else(|| StoreError::Content(error).into()));
        }
        // the rest of the body may not have been read
        Err(error) => return Err(Refused::from(error).closing()),
    };
    app.parts.metrics.key_received(version.key_bytes);
    let status = match put {
        Put::New => StatusCode::CREATED,
        Put::Again => StatusCode::OK,
    };
    Ok((status, [date(header::EXPIRES, until)]).into_response())
}

/// Finds the version that a key was made for, and checks its length.
fn plan_of<'a>(
    app: &'a App,
    head: &[u8],
    length: u64,
) -> Result<(&'a Version, KeyRecord), Refused> {
    let malformed = |detail: String| Refused::new(ProblemKind::MalformedKey, detail).closing();
    let label = Label::read(head);
    let Some(label) = label.filter(|label| label.kind == Kind::EvaluationKey) else {
        return Err(malformed("the body is not an evaluation key".to_owned()));
    };
    let known = Kind::EvaluationKey.version();
    if label.version != known {
        let version = label.version;
        return Err(malformed(format!(
            "the evaluation key has format version {version}, this server reads {known}"
        )));
    }
    let Some((plan, id)) = label.belongs_to else {
        return Err(malformed("the body ends within its head".to_owned()));
    };
    let plan = Hash::from(plan);
    let Some(version) = app.parts.models.with_plan(&plan) else {
        return Err(malformed(format!(
            "the evaluation key was made for the plan {plan}, which this server does not have"
        )));
    };
    if version.retired {
        let detail = format!("the plan {plan} of `{}` is no longer served", version.name);
        return Err(Refused::new(ProblemKind::RetiredPlan, detail).closing());
    }
    let expected = version.key_bytes;
    if length > expected {
        let detail = format!("the evaluation key has {length} bytes, the plan says {expected}");
        return Err(Refused::new(ProblemKind::TooLarge, detail).closing());
    }
    if length < expected {
        return Err(malformed(format!(
            "the evaluation key has {length} bytes, the plan says {expected}"
        )));
    }
    let since = SystemTime::now();
    let record = KeyRecord {
        bytes: length,
        plan,
        id,
        since,
        until: since + app.parts.settings.key_lifetime,
    };
    Ok((version, record))
}

/// Whether this tenant has the key, since when, and until when.
#[utoipa::path(
    head,
    path = crate::protocol::paths::KEY,
    tag = "keys",
    params(("sha256" = Hash, Path, description = "SHA-256 of the key, as 64 hexadecimal digits")),
    responses(
        (status = 200, description = "the tenant has it",
            headers(("last-modified" = String, description = "since when"),
                ("expires" = String, description = "until when, if it is not used before"))),
        (status = 400, description = "not a SHA-256"),
        (status = 401, description = "a token is needed"),
        (status = 404, description = "the tenant does not have it"),
        (status = 503, description = "the store does not answer"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn head(
    State(app): State<Arc<App>>,
    Caller(tenant): Caller,
    Segment(key): Segment<Hash>,
) -> Result<Response, Refused> {
    let record = find(&app, &tenant, &key).await?;
    let headers = [
        date(header::LAST_MODIFIED, record.since),
        date(header::EXPIRES, record.until),
    ];
    Ok((StatusCode::OK, headers).into_response())
}

/// Removes a key, whether or not it is there.
#[utoipa::path(
    delete,
    path = crate::protocol::paths::KEY,
    tag = "keys",
    params(("sha256" = Hash, Path, description = "SHA-256 of the key, as 64 hexadecimal digits")),
    responses(
        (status = 204, description = "the tenant does not have it any more"),
        (status = 400, description = "not a SHA-256", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "a token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store does not answer", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Caller(tenant): Caller,
    Segment(key): Segment<Hash>,
) -> Result<StatusCode, Refused> {
    app.parts.keys.remove(&tenant, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// # Errors
/// [`ProblemKind::UnknownKey`].
pub(super) async fn find(
    app: &App,
    tenant: &crate::protocol::Tenant,
    key: &Hash,
) -> Result<KeyRecord, Refused> {
    let found = app.parts.keys.find(tenant, key).await?;
    found.ok_or_else(|| {
        let detail = format!("there is no evaluation key {key}\n  = help: send it by PUT first");
        Refused::new(ProblemKind::UnknownKey, detail)
    })
}

/// # Errors
/// [`ProblemKind::Draining`] once the service ends.
pub(super) fn refuse_when_draining(app: &App) -> Result<(), Refused> {
    if !app.ends() {
        return Ok(());
    }
    let refused = Refused::new(
        ProblemKind::Draining,
        "the server ends, and takes nothing new",
    );
    Err(refused.with_retry_after(app.parts.settings.grace).closing())
}
