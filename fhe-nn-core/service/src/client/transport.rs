//! One call: its attempts, and the limits of what is read.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Body, Method, Url};
use tokio_rustls::rustls;

use super::{ClientError, Event, Upload, again};
use crate::protocol::Problem;

/// The most bytes of a problem that are read.
const PROBLEM_LIMIT: u64 = 64 << 10;
/// An evaluation key may be sent as slowly as this, in bytes per second.
const SLOWEST: u64 = 64 << 10;

/// Makes calls to one server.
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    pub(super) base: Url,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) patience: Duration,
    pub(super) timeout: Duration,
    pub(super) listener: Arc<dyn Fn(Event) + Send + Sync>,
}

/// A call, which can be made more than once.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: String,
    /// Further headers.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content: Content<'a>,
    /// How long the server is asked to hold its answer.
    pub(super) wait: Duration,
    /// The most bytes of the answer that are read.
    pub(super) limit: u64,
}

/// What a call sends.
pub(super) enum Content<'a> {
    Nothing,
    /// Bytes of a content type.
    Bytes(&'static str, Bytes),
    /// An evaluation key of a content type, piece by piece.
    Key(&'static str, &'a Upload),
}

/// An answer with a status below 400.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl<'a> Call<'a> {
    /// A call that sends nothing.
    pub(super) fn new(method: Method, path: String, limit: u64) -> Self {
        Call {
            method,
            path,
            headers: Vec::new(),
            content: Content::Nothing,
            wait: Duration::ZERO,
            limit,
        }
    }

    /// Names the call for a person.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// An answer that is not one of this protocol.
    pub(super) fn unusable(&self, reason: impl ToString) -> ClientError {
        ClientError::Answer {
            call: self.name(),
            reason: reason.to_string(),
        }
    }
}

/// Why an attempt failed.
enum Failed {
    /// Another attempt would fail as well.
    Ever(ClientError),
    /// Another attempt may succeed, after the time that the server asks for.
    Now(ClientError, Option<Duration>),
}

impl Transport {
    /// Makes a call, until it is answered or the patience ends.
    ///
    /// # Errors
    /// [`ClientError::Untrusted`], [`ClientError::NoAnswer`], [`ClientError::Problem`] and [`ClientError::Answer`].
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Answered, ClientError> {
        let begin = Instant::now();
        let mut next = 1;
        loop {
            let (failure, asked) = match self.attempt(call).await {
                Ok(answered) => return Ok(answered),
                Err(Failed::Ever(failure)) => return Err(failure),
                Err(Failed::Now(failure, asked)) => (failure, asked),
            };
            let after = again::pause(asked, next);
            if begin.elapsed().saturating_add(after) > self.patience {
                return Err(failure);
            }
            let reason = match &failure {
                ClientError::NoAnswer { reason, .. } => reason.clone(),
                ClientError::Problem { problem, .. } => problem.to_string(),
                other => other.to_string(),
            };
            (self.listener)(Event::Again {
                call: call.name(),
                reason,
                after,
            });
            tokio::time::sleep(after).await;
            next = next.saturating_add(1);
        }
    }

    /// Makes a call once.
    pub(super) async fn once(&self, call: &Call<'_>) -> Result<Answered, ClientError> {
        self.attempt(call).await.map_err(|failed| match failed {
            Failed::Ever(failure) | Failed::Now(failure, _) => failure,
        })
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answered, Failed> {
        let url = self.base.join(&call.path).map_err(|source| {
            Failed::Ever(ClientError::Address {
                url: call.path.clone(),
                reason: source.to_string(),
            })
        })?;
        let mut timeout = self.timeout.saturating_add(call.wait);
        let mut request = self.http.request(call.method.clone(), url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        match &call.content {
            Content::Nothing => {}
            Content::Bytes(kind, bytes) => {
                request = request.header(CONTENT_TYPE, *kind).body(bytes.clone());
            }
            Content::Key(kind, upload) => {
                timeout = timeout.saturating_add(Duration::from_secs(upload.bytes() / SLOWEST));
                let stream = upload.stream(self.listener.clone()).await;
                request = request
                    .header(CONTENT_TYPE, *kind)
                    .header(CONTENT_LENGTH, upload.bytes())
                    .body(Body::wrap_stream(stream.map_err(Failed::Ever)?));
            }
        }
        let broken = |source: reqwest::Error| {
            if let Some(reason) = mistrust(&source) {
                return Failed::Ever(ClientError::Untrusted { reason });
            }
            let failure = ClientError::NoAnswer {
                call: call.name(),
                patience: self.patience,
                reason: causes(&source),
            };
            Failed::Now(failure, None)
        };
        let mut response = request.timeout(timeout).send().await.map_err(broken)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let failed = status >= 400;
        let limit = if failed { PROBLEM_LIMIT } else { call.limit };
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if (body.len() + chunk.len()) as u64 > limit {
                let reason = format!("it has more than {limit} bytes (status {status})");
                return Err(Failed::Ever(call.unusable(reason)));
            }
            body.extend_from_slice(&chunk);
        }
        let body = body.freeze();
        if !failed {
            return Ok(Answered {
                status,
                headers,
                body,
            });
        }
        let problem = Problem::read(status, &body);
        let may_succeed = again::may_succeed(&problem);
        let failure = ClientError::Problem {
            call: call.name(),
            problem,
        };
        Err(if may_succeed {
            Failed::Now(failure, again::asked(&headers))
        } else {
            Failed::Ever(failure)
        })
    }
}

/// Returns why the certificate of the server is not trusted, if that is the cause of an error: no repetition changes it.
fn mistrust(error: &reqwest::Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(rustls::Error::InvalidCertificate(reason)) = source.downcast_ref() {
            return Some(reason.to_string());
        }
        // an error of the system has what it was made of, which its source leaves out
        let made_of = source.downcast_ref().and_then(io::Error::get_ref);
        cause = match made_of {
            Some(inner) => Some(inner),
            None => source.source(),
        };
    }
    None
}

/// Returns what an error says, and what its causes say, without the address.
fn causes(error: &reqwest::Error) -> String {
    let mut text = match error {
        timeout if timeout.is_timeout() => "it takes too long".to_owned(),
        connect if connect.is_connect() => "there is no connection".to_owned(),
        _ => "the connection broke off".to_owned(),
    };
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        if source.source().is_none() && !text.ends_with(&more) {
            text = format!("{text} ({more})");
        }
        cause = source.source();
    }
    text
}
