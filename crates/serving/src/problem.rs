//! Errors as clients see them: `application/problem+json` of RFC 9457, with the offending fields in `errors`.

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::openapi;

/// An error answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Problem {
    /// A URI that names the kind of problem. Always `about:blank`: the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status code.
    status: u16,
    /// What was wrong with this very request.
    detail: String,
    /// The fields that were wrong, where fields were the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

/// One wrong field of a request.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FieldError {
    /// The name of the parameter, header or key.
    field: String,
    /// What was expected of it.
    detail: String,
}

impl Problem {
    /// A problem without fields.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Unknown"),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 422: the request was understood, but the value of `field` cannot be served.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}: {detail}"));
        problem.errors.push(FieldError { field: field.to_owned(), detail });
        problem
    }

    /// The problem with one more field that was wrong.
    #[must_use]
    pub fn with_error(mut self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), detail: detail.into() });
        self
    }

    /// The same problem under another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.title = status.canonical_reason().unwrap_or("Unknown");
        self.status = status.as_u16();
        self
    }
}

/// The answer to a method that a path does not have. A handler is asynchronous, although this one waits for nothing.
#[expect(clippy::unused_async, reason = "the form of a handler")]
pub async fn unknown_method(method: Method, uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not answer {method}", uri.path()))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A struct of strings and numbers always serialises; an empty body would still carry the status.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], body).into_response()
    }
}

impl OperationOutput for Problem {
    type Inner = Self;

    fn operation_response(ctx: &mut GenContext, _operation: &mut Operation) -> Option<openapi::Answer> {
        Some(openapi::answer::<Self>(ctx, "application/problem+json"))
    }

    fn inferred_responses(
        ctx: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<u16>, openapi::Answer)> {
        Self::operation_response(ctx, operation).into_iter().map(|answer| (None, answer)).collect()
    }
}
