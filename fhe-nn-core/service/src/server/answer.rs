//! Every problem as `application/problem+json`.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::protocol::headers::content;
use crate::protocol::{Problem, ProblemKind};
use crate::store::StoreError;

/// A problem as an answer, with what its headers say.
#[derive(Debug)]
pub(super) struct Refused {
    problem: Problem,
    retry_after: Option<Duration>,
    /// Whether the connection carries nothing after this, because the rest of the call was not read.
    close: bool,
}

impl Refused {
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem::new(kind, detail).into()
    }

    /// Says when to come back.
    pub(super) fn with_retry_after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }

    /// Says that the rest of the call is not read.
    pub(super) fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused {
            problem,
            retry_after: None,
            close: false,
        }
    }
}

impl From<StoreError> for Refused {
    /// What the store reports of files goes to the log, and not to callers.
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Content(_) => ProblemKind::MalformedKey,
            StoreError::Quota { .. } => ProblemKind::KeyQuotaExceeded,
            StoreError::Full(_) => ProblemKind::StorageFull,
            StoreError::TenantQueueFull { .. } => ProblemKind::TenantQueueFull,
            StoreError::QueueFull { .. } => ProblemKind::QueueFull,
            StoreError::Unavailable(_)
            | StoreError::Locked { .. }
            | StoreError::NewerVersion { .. } => ProblemKind::StoreUnavailable,
        };
        match kind {
            ProblemKind::StorageFull => {
                tracing::error!(%error, "the store is full");
                Refused::new(kind, "the server has no room left for this")
            }
            ProblemKind::StoreUnavailable => {
                tracing::error!(%error, "the store does not answer");
                let refused = Refused::new(kind, "the store of the server does not answer");
                refused.with_retry_after(Duration::from_secs(5))
            }
            _ => Refused::new(kind, error.to_string()),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.problem.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(content::PROBLEM),
        );
        if let Some(time) = self.retry_after {
            let seconds = time.as_secs_f64().ceil().max(1.0) as u64;
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"fhe-nn\""),
            );
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// A header whose value is made of what this program wrote.
pub(super) fn text(value: impl ToString) -> HeaderValue {
    // control characters alone are no header, and nothing that is written here has some
    HeaderValue::from_str(&value.to_string()).unwrap_or(HeaderValue::from_static(""))
}

/// A header with a time.
pub(super) fn date(name: HeaderName, time: SystemTime) -> (HeaderName, HeaderValue) {
    (name, text(httpdate::fmt_http_date(time)))
}
