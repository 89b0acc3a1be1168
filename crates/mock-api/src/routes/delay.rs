//! `/delay/{ms}`: an answer after so many milliseconds, as a slow upstream would give it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::Api;
use crate::input::{Check, Path, Query, within};
use crate::problem::Problem;

#[derive(Debug, Deserialize)]
pub(super) struct DelayPath {
    ms: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct DelayQuery {
    n: Option<u64>,
}

impl Check for DelayPath {}
impl Check for DelayQuery {}

/// What was waited for.
#[derive(Debug, Serialize)]
pub(super) struct Delayed {
    /// The wait in milliseconds.
    ms: u64,
    /// The number that the client gave, so that it can tell its answers apart.
    n: Option<u64>,
}

pub(super) async fn delay(
    State(api): State<Arc<Api>>,
    Path(DelayPath { ms }): Path<DelayPath>,
    Query(DelayQuery { n }): Query<DelayQuery>,
) -> Result<Json<Delayed>, Problem> {
    let longest = u64::try_from(api.config.max_delay.as_millis()).unwrap_or(u64::MAX);
    within("ms", &ms, 0..=longest)?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Ok(Json(Delayed { ms, n }))
}
