//! `/status/{code}` and `/bytes/{n}`.

use std::sync::Arc;

use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::download::{Content, OctetStream};
use super::{Json, about};
use crate::Api;
use crate::input::{Check, Path, within};
use crate::openapi::{self, Raw};
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StatusPath {
    /// The status to answer with.
    #[schemars(range(min = 200, max = 599))]
    code: u16,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct BytesPath {
    /// How many, to 10 MiB.
    #[schemars(range(min = 0, max = 10_485_760))]
    n: u64,
}

impl Check for StatusPath {
    fn check(&self) -> Result<(), Problem> {
        within("code", &self.code, 200..=599)
    }
}

impl Check for BytesPath {
    fn check(&self) -> Result<(), Problem> {
        within("n", &self.n, 0..=10 * 1024 * 1024)
    }
}

/// The status that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
struct Status {
    /// The code.
    status: u16,
}

/// `/status/{code}`, described by hand: its success has any status.
pub(super) fn status_route() -> ApiMethodRouter<Arc<Api>> {
    get_with(status, |operation| {
        let mut operation = about("An answer with that status", "behaviour")(operation);
        let responses = operation.inner_mut().responses.get_or_insert_default();
        let success = aide::generate::in_context(|ctx| openapi::answer::<Status>(ctx, "application/json"));
        for range in [2, 3] {
            responses.responses.insert(
                aide::openapi::StatusCode::Range(range),
                aide::openapi::ReferenceOr::Item(success.clone()),
            );
        }
        operation
    })
}

async fn status(Path(StatusPath { code }): Path<StatusPath>) -> Raw<openapi::Anything> {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Raw::new(match code {
        // These have no body by definition.
        204 | 205 | 304 => status.into_response(),
        400.. => Problem::new(status, "this status was asked for").into_response(),
        _ => (status, Json(Status { status: code })).into_response(),
    })
}

pub(super) async fn bytes(
    State(api): State<Arc<Api>>,
    Path(BytesPath { n }): Path<BytesPath>,
) -> Raw<OctetStream> {
    let body = Content::new(api.config.seed, b"bytes", n).body(0..n);
    let kind = HeaderValue::from_static("application/octet-stream");
    let response: Response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    Raw::new(response)
}
