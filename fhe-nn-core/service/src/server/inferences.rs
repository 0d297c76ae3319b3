//! The calls about inferences.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::answer::{Refused, date, text};
use super::app::Draining;
use super::asked::{check, keep, key_of, version_of, wait};
use super::caller::Caller;
use super::incoming::{Incoming, length};
use super::keys::{find, refuse_when_draining};
use super::openapi::Message;
use super::routes::Segment;
use crate::protocol::headers::content;
use crate::protocol::{
    Accepted, Hash, JobName, JobState, MAX_BATCH, ModelName, Problem, ProblemKind, headers, paths,
};
use crate::store::{Finished, Job, Outcome, Promise, State as Stage, StoreError};

/// Asks for the replies to requests under one key.
#[utoipa::path(
    post,
    path = crate::protocol::paths::INFERENCES,
    tag = "inferences",
    params(
        ("name" = ModelName, Path, description = "the name of the model"),
        ("fhe-nn-key" = Hash, Header, description = "SHA-256 of the evaluation key"),
        ("prefer" = Option<String>, Header, description = "how many seconds the caller waits, as in `wait=10`"),
    ),
    request_body(content = Message, content_type = crate::protocol::headers::content::REQUESTS),
    responses(
        (status = 200, description = "the replies", body = Message,
            content_type = "application/vnd.fhe-nn.replies",
            headers(("fhe-nn-receipt" = String, description = "the receipt"),
                ("expires" = String, description = "until when the replies are kept"))),
        (status = 202, description = "accepted; the replies will be at `Location`", body = Accepted,
            headers(("location" = String, description = "where the replies will be"))),
        (status = 400, description = "the call or its requests cannot be read", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "a token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such model, or no such key", body = Problem,
            content_type = "application/problem+json"),
        (status = 408, description = "it came too slowly", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "the requests belong to another key or model", body = Problem,
            content_type = "application/problem+json"),
        (status = 410, description = "the plan is no longer served", body = Problem,
            content_type = "application/problem+json"),
        (status = 411, description = "no `Content-Length`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "too many requests at once", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "the server or the tenant has enough in the queue", body = Problem,
            content_type = "application/problem+json",
            headers(("retry-after" = u64, description = "seconds after which there may be room"))),
        (status = 500, description = "the inference failed", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the server ends, or its store does not answer", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "no worker came before the deadline", body = Problem,
            content_type = "application/problem+json"),
        (status = 507, description = "no room left", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn post(
    State(app): State<Arc<App>>,
    Caller(tenant): Caller,
    Segment(name): Segment<ModelName>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    refuse_when_draining(&app)?;
    let versions = app.parts.models.named(&name);
    let Some(largest) = versions.iter().map(|version| version.request_bytes).max() else {
        let detail = format!("there is no model `{name}`");
        return Err(Refused::new(ProblemKind::UnknownModel, detail).closing());
    };
    let key = key_of(&headers)?;
    let length = length(&headers, largest.saturating_mul(MAX_BATCH as u64))?;
    let incoming = Incoming::new(body, length, &app.parts.settings);
    let requests = incoming.all(length).await?;
    let version = version_of(&app, &name, &requests)?;
    let record = find(&app, &tenant, &key).await?;
    check(version, &record, &requests)?;
    keep(&app, &tenant, &key, &record).await?;

    let requests_hash = Hash::of(&requests);
    let now = SystemTime::now();
    let job = Job {
        name: JobName::new(&tenant, version.plan(), &key, &requests_hash),
        model_name: name,
        model: version.fingerprint,
        plan: version.plan,
        tenant: tenant.clone(),
        key,
        requests_hash,
        accepted: now,
        deadline: now + app.parts.settings.deadline,
        requests,
    };
    let wait = wait(&app, &headers);
    accept(&app, job, wait).await
}

/// Accepts a job, and waits for its replies.
async fn accept(app: &Arc<App>, job: Job, wait: Duration) -> Result<Response, Refused> {
    let (name, tenant) = (job.name, job.tenant.clone());
    let (queue, limits) = (&app.parts.queue, &app.parts.settings.queue);
    let promise = if wait.is_zero() {
        Promise::Now
    } else {
        Promise::Later
    };
    let accepted = queue.accept(job, promise, limits).await;
    let accepted = accepted.map_err(|error| full(app, error))?;
    let state = match accepted.state {
        Stage::Finished(finished) => return answer(app, name, *finished, wait),
        Stage::Pending(state) => state,
    };
    if wait.is_zero() {
        return Ok(pending(app, name, state).await);
    }
    // whoever hangs up is nobody who waits
    let waiting = Waiting {
        app: Arc::clone(app),
        name,
        over: false,
    };
    let state = tokio::select! {
        state = queue.wait(&tenant, &name, wait) => state?,
        () = app.reached(Draining::Last) => queue.find(&tenant, &name).await?,
    };
    match state {
        Some(Stage::Finished(finished)) => {
            waiting.over();
            answer(app, name, *finished, wait)
        }
        Some(Stage::Pending(state)) => {
            queue.promise(&name).await?;
            waiting.over();
            Ok(pending(app, name, state).await)
        }
        None => {
            let detail = "the inference was dropped by the queue";
            Err(Refused::new(ProblemKind::StoreUnavailable, detail)
                .with_retry_after(Duration::from_secs(1)))
        }
    }
}

/// A caller who waits, and was promised nothing.
struct Waiting {
    app: Arc<App>,
    name: JobName,
    over: bool,
}

impl Waiting {
    /// The caller has its answer.
    fn over(mut self) {
        self.over = true;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (app, name) = (Arc::clone(&self.app), self.name);
        tokio::spawn(async move { app.parts.queue.withdraw(&name).await });
    }
}

/// How far an inference is.
#[utoipa::path(
    get,
    path = crate::protocol::paths::INFERENCE,
    tag = "inferences",
    params(
        ("id" = JobName, Path, description = "the name of the inference"),
        ("prefer" = Option<String>, Header, description = "how many seconds the caller waits, as in `wait=10`"),
    ),
    responses(
        (status = 200, description = "the replies", body = Message,
            content_type = "application/vnd.fhe-nn.replies",
            headers(("fhe-nn-receipt" = String, description = "the receipt"),
                ("expires" = String, description = "until when the replies are kept"))),
        (status = 202, description = "no replies yet", body = Accepted,
            headers(("location" = String, description = "where the replies will be"))),
        (status = 400, description = "not the name of an inference", body = Problem,
            content_type = "application/problem+json"),
        (status = 401, description = "a token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such inference, or its key is gone", body = Problem,
            content_type = "application/problem+json"),
        (status = 410, description = "the plan is no longer served", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "the inference failed", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "the store does not answer", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "no worker came before the deadline", body = Problem,
            content_type = "application/problem+json"),
    ),
    security(("token" = []), ())
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Caller(tenant): Caller,
    Segment(name): Segment<JobName>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let wait = wait(&app, &headers);
    let queue = &app.parts.queue;
    let state = tokio::select! {
        state = queue.wait(&tenant, &name, wait) => state?,
        () = app.reached(Draining::Begun) => queue.find(&tenant, &name).await?,
    };
    match state {
        Some(Stage::Finished(finished)) => answer(&app, name, *finished, wait),
        Some(Stage::Pending(state)) => Ok(pending(&app, name, state).await),
        None => Err(Refused::new(
            ProblemKind::UnknownInference,
            format!("there is no inference {name}"),
        )),
    }
}

/// A queue that is full says when to come back.
fn full(app: &App, error: StoreError) -> Refused {
    let jobs = match &error {
        StoreError::QueueFull { waiting, .. } | StoreError::TenantQueueFull { waiting, .. } => {
            *waiting
        }
        _ => return error.into(),
    };
    app.parts.metrics.refused_full();
    Refused::from(error).with_retry_after(app.back_after(jobs))
}

/// The answer without replies yet.
async fn pending(app: &App, name: JobName, state: JobState) -> Response {
    let depth = app.parts.queue.depth().await.unwrap_or_default();
    let jobs = depth.queued + depth.running;
    let headers = [
        (header::LOCATION, text(paths::inference(&name))),
        (
            header::RETRY_AFTER,
            text(app.back_after(jobs).as_secs().max(1)),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let accepted = Accepted {
        inference: name,
        state,
    };
    (StatusCode::ACCEPTED, headers, axum::Json(accepted)).into_response()
}

/// The replies with their receipt, or the problem that the job ended with.
fn answer(
    app: &App,
    name: JobName,
    finished: Finished,
    wait: Duration,
) -> Result<Response, Refused> {
    let replies = match finished.outcome {
        Outcome::Replies(replies) => replies,
        Outcome::Problem(problem) => return Err(problem.into()),
    };
    let receipt = app.parts.signing.sign(finished.claims, finished.at);
    let mut response = (
        [
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static(content::REPLIES),
            ),
            (header::LOCATION, text(paths::inference(&name))),
            date(header::EXPIRES, finished.until),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        replies,
    )
        .into_response();
    let added = response.headers_mut();
    added.insert(headers::RECEIPT, text(receipt));
    if !wait.is_zero() {
        added.insert(headers::PREFERENCE_APPLIED, text(headers::wait(wait)));
    }
    Ok(response)
}
