//! `/health` and `/metrics`: is the server up, and what did it do?

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::Json;
use crate::Api;
use crate::metrics::RouteMetrics;
use crate::openapi::TextAnswer;

/// The server is up.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// The counters of all routes.
#[derive(Clone, Debug)]
pub(super) struct AllMetrics(pub(super) Arc<[Arc<RouteMetrics>]>);

pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

pub(super) async fn metrics(
    State(api): State<Arc<Api>>,
    Extension(AllMetrics(routes)): Extension<AllMetrics>,
) -> TextAnswer {
    TextAnswer(api.metrics.text(&routes))
}
