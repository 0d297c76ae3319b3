//! Problems (RFC 9457): why a call was not answered as it was meant.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What every type of problem begins with.
const URN: &str = "urn:fhe-nn:problem:";
/// The most bytes of a problem document that are read.
const MAX_BYTES: usize = 64 << 10;

/// The kinds of problems. The last part of a URN is a part of the protocol and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// There is no token, or it is not one of this server.
    Unauthorized,
    /// There is no such path.
    UnknownPath,
    /// The path has other methods.
    MethodNotAllowed,
    /// A header, a parameter or a part of the path is missing or cannot be read.
    MalformedCall,
    /// There is no model of this name.
    UnknownModel,
    /// This tenant has no such evaluation key: it was never sent, or it expired.
    UnknownKey,
    /// This tenant has no such inference: it was never asked for, or its replies expired.
    UnknownInference,
    /// The bytes of an evaluation key have another SHA-256 than the path says.
    KeyHashMismatch,
    /// An evaluation key is not one, or it is of a plan that this server never had.
    MalformedKey,
    /// Requests are not ones, or they are of a plan that this model never had.
    MalformedRequest,
    /// Requests and evaluation key are of different plans or keys.
    KeyOfAnotherModel,
    /// The plan is no longer served: a client fetches the description and makes new keys.
    RetiredPlan,
    /// A body has no `Content-Length`.
    LengthRequired,
    /// A body has more bytes than the plan says, or more requests than one inference may have.
    TooLarge,
    /// A call came too slowly.
    CallTimeout,
    /// The server has as much to do as it takes on. `Retry-After` says when to come back.
    QueueFull,
    /// This tenant has as many requests in the queue as it may have. `Retry-After` says when to come back.
    TenantQueueFull,
    /// This tenant has as many bytes of evaluation keys as it may have.
    KeyQuotaExceeded,
    /// The disk of the server is full.
    StorageFull,
    /// The server ends, and takes nothing new.
    Draining,
    /// The store or the queue of the server does not answer. `Retry-After` says when to come back.
    StoreUnavailable,
    /// No worker came to the inference before its deadline.
    DeadlineExceeded,
    /// The inference failed every time that a worker tried it, and is not tried again.
    InferenceFailed,
    /// A mistake of the server.
    Internal,
}

/// A problem as it travels: `{"type", "title", "status", "detail"}` of the content type `application/problem+json`.
///
/// ```
/// use fhe_nn_service::protocol::{Problem, ProblemKind};
///
/// let problem = Problem::new(ProblemKind::UnknownModel, "there is no model `digit`; there is `digits`");
/// let read = Problem::read(404, problem.to_json().as_bytes());
/// assert_eq!(read, problem);
/// assert_eq!(read.kind(), Some(ProblemKind::UnknownModel));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    #[serde(rename = "type", default = "blank")]
    urn: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    detail: String,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [ProblemKind; 24] = [
        ProblemKind::Unauthorized,
        ProblemKind::UnknownPath,
        ProblemKind::MethodNotAllowed,
        ProblemKind::MalformedCall,
        ProblemKind::UnknownModel,
        ProblemKind::UnknownKey,
        ProblemKind::UnknownInference,
        ProblemKind::KeyHashMismatch,
        ProblemKind::MalformedKey,
        ProblemKind::MalformedRequest,
        ProblemKind::KeyOfAnotherModel,
        ProblemKind::RetiredPlan,
        ProblemKind::LengthRequired,
        ProblemKind::TooLarge,
        ProblemKind::CallTimeout,
        ProblemKind::QueueFull,
        ProblemKind::TenantQueueFull,
        ProblemKind::KeyQuotaExceeded,
        ProblemKind::StorageFull,
        ProblemKind::Draining,
        ProblemKind::StoreUnavailable,
        ProblemKind::DeadlineExceeded,
        ProblemKind::InferenceFailed,
        ProblemKind::Internal,
    ];

    /// Returns the last part of the URN, the status and the title.
    fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            ProblemKind::Unauthorized => ("unauthorized", 401, "a token of this server is needed"),
            ProblemKind::UnknownPath => ("unknown-path", 404, "there is no such path"),
            ProblemKind::MethodNotAllowed => {
                ("method-not-allowed", 405, "the path has no such method")
            }
            ProblemKind::MalformedCall => ("malformed-call", 400, "the call cannot be read"),
            ProblemKind::UnknownModel => ("unknown-model", 404, "there is no such model"),
            ProblemKind::UnknownKey => ("unknown-key", 404, "there is no such evaluation key"),
            ProblemKind::UnknownInference => {
                ("unknown-inference", 404, "there is no such inference")
            }
            ProblemKind::KeyHashMismatch => (
                "key-hash-mismatch",
                400,
                "the evaluation key has another SHA-256",
            ),
            ProblemKind::MalformedKey => {
                ("malformed-key", 400, "the evaluation key cannot be used")
            }
            ProblemKind::MalformedRequest => {
                ("malformed-request", 400, "the requests cannot be used")
            }
            ProblemKind::KeyOfAnotherModel => (
                "key-of-another-model",
                409,
                "the evaluation key belongs to another model or client key",
            ),
            ProblemKind::RetiredPlan => ("retired-plan", 410, "the plan is no longer served"),
            ProblemKind::LengthRequired => ("length-required", 411, "the body has no length"),
            ProblemKind::TooLarge => ("too-large", 413, "the body is too large"),
            ProblemKind::CallTimeout => ("call-timeout", 408, "the call came too slowly"),
            ProblemKind::QueueFull => ("queue-full", 429, "the server has enough to do"),
            ProblemKind::TenantQueueFull => (
                "tenant-queue-full",
                429,
                "the tenant has enough in the queue",
            ),
            ProblemKind::KeyQuotaExceeded => {
                ("key-quota-exceeded", 507, "the tenant has enough keys")
            }
            ProblemKind::StorageFull => ("storage-full", 507, "the server has no room left"),
            ProblemKind::Draining => ("draining", 503, "the server ends"),
            ProblemKind::StoreUnavailable => (
                "store-unavailable",
                503,
                "the server cannot reach its store",
            ),
            ProblemKind::DeadlineExceeded => ("deadline-exceeded", 504, "no worker came in time"),
            ProblemKind::InferenceFailed => ("inference-failed", 500, "the inference failed"),
            ProblemKind::Internal => ("internal", 500, "the server made a mistake"),
        }
    }

    /// Returns the URN.
    pub fn urn(self) -> String {
        format!("{URN}{}", self.facts().0)
    }

    /// Returns the status of the answer.
    pub fn status(self) -> u16 {
        self.facts().1
    }

    /// Returns what all problems of this kind have in common, for a person.
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    /// Returns whether the same call may succeed later without anything else being done.
    pub fn is_temporary(self) -> bool {
        match self {
            ProblemKind::CallTimeout
            | ProblemKind::QueueFull
            | ProblemKind::TenantQueueFull
            | ProblemKind::Draining
            | ProblemKind::StoreUnavailable
            | ProblemKind::DeadlineExceeded => true,
            ProblemKind::Unauthorized
            | ProblemKind::UnknownPath
            | ProblemKind::MethodNotAllowed
            | ProblemKind::MalformedCall
            | ProblemKind::UnknownModel
            | ProblemKind::UnknownKey
            | ProblemKind::UnknownInference
            | ProblemKind::KeyHashMismatch
            | ProblemKind::MalformedKey
            | ProblemKind::MalformedRequest
            | ProblemKind::KeyOfAnotherModel
            | ProblemKind::RetiredPlan
            | ProblemKind::LengthRequired
            | ProblemKind::TooLarge
            | ProblemKind::KeyQuotaExceeded
            | ProblemKind::StorageFull
            | ProblemKind::InferenceFailed
            | ProblemKind::Internal => false,
        }
    }
}

impl Problem {
    /// Says what is wrong with this call: the caller's thing, both numbers, and what to do.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem {
            urn: kind.urn(),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
        }
    }

    /// Reads the body of an answer with this status. Anything is a problem: a body that is none, as one of a proxy,
    /// has no kind and no detail. The status is that of the answer, and texts lose their control characters, but for
    /// the ends of lines.
    pub fn read(status: u16, body: &[u8]) -> Self {
        let read = serde_json::from_slice(&body[..body.len().min(MAX_BYTES)]);
        let mut problem: Problem = read.unwrap_or_else(|_| Problem {
            urn: blank(),
            title: String::new(),
            status,
            detail: String::new(),
        });
        problem.status = status;
        for text in [&mut problem.urn, &mut problem.title, &mut problem.detail] {
            text.retain(|letter| !letter.is_control() || letter == '\n');
        }
        problem
    }

    /// Returns the kind, or nothing if this program does not know it.
    pub fn kind(&self) -> Option<ProblemKind> {
        let mut all = ProblemKind::ALL.into_iter();
        all.find(|kind| kind.urn() == self.urn && kind.status() == self.status)
    }

    /// Returns the status of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns what is wrong with this call, which may be nothing.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the body of the answer.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a problem is numbers and strings")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.detail.as_str(), self.title.as_str()) {
            ("", "") => write!(f, "status {}", self.status),
            ("", title) => write!(f, "{title} (status {})", self.status),
            (detail, _) => f.write_str(detail),
        }
    }
}

impl std::error::Error for Problem {}

/// The type of a problem that has none (RFC 9457, section 3.1.1).
fn blank() -> String {
    "about:blank".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_itself() {
        for kind in ProblemKind::ALL {
            let problem = Problem::new(kind, "`digits` needs 3 values, but 2 are there");
            let read = Problem::read(kind.status(), problem.to_json().as_bytes());
            assert_eq!(read.kind(), Some(kind));
            assert_eq!(read, problem);
        }
    }

    #[test]
    fn what_is_no_problem_document_is_one_without_a_kind() {
        for body in [
            &b"<html>bad gateway</html>"[..],
            b"",
            b"[1]",
            b"{\"status\": \"x\"}",
        ] {
            let read = Problem::read(502, body);
            assert_eq!(
                (read.kind(), read.to_string()),
                (None, "status 502".to_owned())
            );
        }
    }

    #[test]
    fn a_newer_kind_keeps_its_texts_and_loses_control_characters() {
        let body = br#"{"type":"urn:fhe-nn:problem:later","title":"t","status":418,"detail":"a\u001b[2Jb"}"#;
        let read = Problem::read(418, body);
        assert_eq!((read.kind(), read.detail()), (None, "a[2Jb"));
    }
}
