//! `/health` and `/metrics`: is the server up, and what did it do?

use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::Json;
use crate::Api;
use crate::openapi::TextAnswer;

/// The server is up.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
}

pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

pub(super) async fn metrics(State(api): State<Arc<Api>>) -> TextAnswer {
    TextAnswer(api.metrics.text(api.routes.get().map_or(&[], Vec::as_slice)))
}
