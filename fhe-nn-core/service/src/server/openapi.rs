//! The calls as an OpenAPI document, made of the code that answers them.

use axum::response::{IntoResponse, Response};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{OpenApi, PartialSchema, ToSchema};

use super::routes::calls;

/// What the document says beside the calls.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "fhe-nn",
        description = "Inference on encrypted inputs: the server computes, and never sees what it computes on."
    ),
    modifiers(&Token),
    tags(
        (name = "models", description = "what is served"),
        (name = "keys", description = "evaluation keys, which decrypt nothing"),
        (name = "inferences", description = "requests and replies"),
        (name = "service", description = "for whoever runs it"),
    )
)]
pub(super) struct Api;

/// Bytes of a kind that the guide's page of formats documents.
pub(super) struct Message;

impl PartialSchema for Message {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        let bytes = ObjectBuilder::new().schema_type(Type::String);
        bytes.format(Some(binary)).into()
    }
}

impl ToSchema for Message {}

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        components.add_security_scheme("token", bearer);
    }
}

/// Returns the document as JSON.
pub fn document() -> String {
    let (_, document) = calls().split_for_parts();
    document
        .to_pretty_json()
        .expect("a document is numbers and strings")
}

/// This document.
#[utoipa::path(
    get,
    path = crate::protocol::paths::OPENAPI,
    tag = "service",
    responses((status = 200, description = "the document", content_type = "application/json"))
)]
pub(super) async fn get() -> Response {
    let kind = axum::http::HeaderValue::from_static("application/json");
    ([(axum::http::header::CONTENT_TYPE, kind)], document()).into_response()
}
