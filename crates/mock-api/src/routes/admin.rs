//! `/admin`: what was served, what goes wrong, and starting anew.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::Api;
use crate::fault::Profile;
use crate::input::{Check, JsonBody, Path, Query};
use crate::ledger::LedgerReport;
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LedgerQuery {
    /// Only this client.
    client: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ProfilePath {
    /// `calm`, `flaky`, `rate-limited`, `drifting` or `outage`.
    #[schemars(extend("enum" = ["calm", "flaky", "rate-limited", "drifting", "outage"]))]
    name: String,
}

impl Check for LedgerQuery {}

impl Check for ProfilePath {
    fn check(&self) -> Result<(), Problem> {
        if Profile::names().any(|name| name == self.name) {
            return Ok(());
        }
        let names: Vec<_> = Profile::names().collect();
        Err(Problem::field("name", format!("must be one of {}", names.join(", "))))
    }
}

impl Check for Profile {
    fn check(&self) -> Result<(), Problem> {
        Profile::check(self).map_err(|error| match error {
            crate::ProfileError::Value { field, expected } => Problem::field(field, expected),
            crate::ProfileError::Parse(error) => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        })
    }
}

/// It was done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// Always `ok`.
    status: &'static str,
}

pub(super) async fn ledger(
    State(api): State<Arc<Api>>,
    Query(LedgerQuery { client }): Query<LedgerQuery>,
) -> Json<LedgerReport> {
    Json(api.ledger.report(client.as_deref()))
}

pub(super) async fn reset(State(api): State<Arc<Api>>) -> Json<Done> {
    api.ledger.reset();
    api.cursors.reset();
    api.in_force.restart();
    Json(Done { status: "ok" })
}

pub(super) async fn profile(State(api): State<Arc<Api>>) -> Json<Profile> {
    Json(Profile::clone(&api.in_force.current().0))
}

pub(super) async fn change(
    State(api): State<Arc<Api>>,
    JsonBody(profile): JsonBody<Profile>,
) -> Json<Profile> {
    api.in_force.change(profile.clone());
    Json(profile)
}

pub(super) async fn choose(
    State(api): State<Arc<Api>>,
    Path(ProfilePath { name }): Path<ProfilePath>,
) -> Result<Json<Profile>, Problem> {
    let profile = Profile::built_in(&name).ok_or_else(|| Problem::field("name", "is not built in"))?;
    api.in_force.change(profile.clone());
    Ok(Json(profile))
}
