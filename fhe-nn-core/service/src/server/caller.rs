//! Who calls.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{header, uri::Authority};

use super::App;
use super::answer::Refused;
use crate::protocol::{ProblemKind, Tenant, Token};

/// The tenant who calls.
pub(super) struct Caller(pub(super) Tenant);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let unauthorized = |detail: String| Refused::new(ProblemKind::Unauthorized, detail);
        let Some(header) = parts.headers.get(header::AUTHORIZATION) else {
            if app.is_open().await? {
                check_host(parts)?;
                return Ok(Caller(Tenant::local()));
            }
            return Err(unauthorized(
                "the call has no header `Authorization`".to_owned(),
            ));
        };
        let text = header.to_str().unwrap_or_default();
        let token = Token::from_header(text).map_err(|error| unauthorized(error.to_string()))?;
        match app.parts.tokens.tenant(&token.hash()).await? {
            Some(tenant) => Ok(Caller(tenant)),
            None => Err(unauthorized(
                "the token is not one of this server".to_owned(),
            )),
        }
    }
}

/// Without tokens, a page of another site must not reach the service under a name of its own that leads to this
/// machine.
///
/// # Errors
/// [`ProblemKind::Unauthorized`] if the call is for a host that is not this machine by name.
fn check_host(parts: &Parts) -> Result<(), Refused> {
    let named = parts.headers.get(header::HOST);
    let named = named.map(|host| host.to_str().unwrap_or_default());
    let host = match named.map(str::parse::<Authority>) {
        None => return Ok(()), // no browser
        Some(Ok(authority)) => authority.host().to_owned(),
        Some(Err(_)) => String::new(),
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let own = address.is_ok_and(|address| address.is_loopback());
    if own || host.eq_ignore_ascii_case("localhost") {
        return Ok(());
    }
    Err(Refused::new(
        ProblemKind::Unauthorized,
        "without a token, the header `Host` must be `localhost` or a loopback address",
    ))
}
