//! Path and query parameters that answer a bad value with a problem that names the field.

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, RequestBody};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema, set_body};
use axum::body::to_bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::openapi;
use crate::problem::Problem;

/// The largest request body.
pub const MAX_BODY: usize = 1024 * 1024;

/// What parameters promise beyond their types.
pub trait Check {
    /// Says which field is out of its range, if one is.
    ///
    /// # Errors
    /// The problem that names it.
    fn check(&self) -> Result<(), Problem> {
        Ok(())
    }
}

/// The path's parameters; `T`'s fields carry the names of the route's captures.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// The query's parameters. Names that `T` does not know are ignored, as most real APIs do.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Check + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Path(value) = axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| path_problem(&rejection))?;
        value.check()?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Check> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let value: T = parse_query(parts.uri.query().unwrap_or_default())?;
        value.check()?;
        Ok(Self(value))
    }
}

impl<T: JsonSchema> OperationInput for Path<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe::<T>(ctx, operation, ParamLocation::Path);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        _operation: &mut Operation,
    ) -> Vec<(Option<u16>, openapi::Answer)> {
        vec![(Some(422), openapi::answer::<Problem>(ctx, "application/problem+json"))]
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        describe::<T>(ctx, operation, ParamLocation::Query);
    }

    fn inferred_early_responses(
        ctx: &mut GenContext,
        _operation: &mut Operation,
    ) -> Vec<(Option<u16>, openapi::Answer)> {
        vec![(Some(422), openapi::answer::<Problem>(ctx, "application/problem+json"))]
    }
}

fn describe<T: JsonSchema>(ctx: &mut GenContext, operation: &mut Operation, location: ParamLocation) {
    let schema = ctx.schema.subschema_for::<T>();
    let parameters = parameters_from_schema(ctx, schema, location);
    add_parameters(ctx, operation, parameters);
}

/// Fails unless `value` lies in the range, and says the range.
///
/// # Errors
/// The problem that names `field`.
pub fn within<N: PartialOrd + std::fmt::Display>(
    field: &str,
    value: &N,
    range: std::ops::RangeInclusive<N>,
) -> Result<(), Problem> {
    if range.contains(value) {
        return Ok(());
    }
    Err(Problem::field(field, format!("must be between {} and {}", range.start(), range.end())))
}

fn parse_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(form_pairs(query));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let detail = error.inner().to_string();
        match error.path().to_string() {
            // An error of the whole query (a missing or doubled field) has the field's name in its text only.
            path if path == "." => Problem::field(detail.split('`').nth(1).unwrap_or("query"), &detail),
            field => Problem::field(&field, detail),
        }
    })
}

fn form_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

fn path_problem(rejection: &PathRejection) -> Problem {
    if let PathRejection::FailedToDeserializePathParams(inner) = rejection {
        match inner.kind() {
            ErrorKind::ParseErrorAtKey { key, value, expected_type } => {
                return Problem::field(key, format!("`{value}` is not a valid `{expected_type}`"));
            }
            ErrorKind::DeserializeError { key, message, .. } => return Problem::field(key, message),
            ErrorKind::InvalidUtf8InPathParam { key } => return Problem::field(key, "is not UTF-8"),
            _ => {}
        }
    }
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, rejection.body_text())
}

/// A JSON body; one that cannot be read is a problem that names the key.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Check> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), MAX_BODY))
            .await
            .map_err(|_late| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"))?
            .map_err(|error| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let field = error.path().to_string();
            // A dot is the whole value, and a question mark a place that has no name yet.
            let field = if matches!(field.as_str(), "." | "?") { "body" } else { &field };
            Problem::field(field, error.inner().to_string())
        })?;
        json.end().map_err(|error| Problem::field("body", error.to_string()))?;
        value.check()?;
        Ok(Self(value))
    }
}

impl<T: JsonSchema> OperationInput for JsonBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let content = openapi::answer::<T>(ctx, "application/json").content;
        set_body(ctx, operation, RequestBody { content, required: true, ..RequestBody::default() });
    }
}

/// How long a JSON body may take.
const BODY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
