//! Path and query parameters that answer a bad value with a problem that names the field.

use axum::extract::FromRequestParts;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// What parameters promise beyond their types.
pub(crate) trait Check {
    /// Says which field is out of its range, if one is.
    fn check(&self) -> Result<(), Problem> {
        Ok(())
    }
}

/// The path's parameters; `T`'s fields carry the names of the route's captures.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

/// The query's parameters. Names that `T` does not know are ignored, as most real APIs do.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

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

/// Fails unless `value` lies in the range, and says the range.
pub(crate) fn within<N: PartialOrd + std::fmt::Display>(
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
