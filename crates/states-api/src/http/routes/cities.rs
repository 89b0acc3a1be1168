//! `/api/v1/cities/{id}`.

use axum::extract::State as FromState;
use axum::http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;
use serving::input::{Check, Path, Query, within};
use serving::problem::Problem;

use crate::http::Service;
use crate::http::answer::answer;
use crate::http::body::{Made, Use};
use crate::http::failures::{Refusal, incomplete};
use crate::http::json::{CityView, bytes};
use crate::http::openapi::{Cities, Formed};

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CityPath {
    /// IBGE's code of seven digits.
    #[schemars(range(min = 1_000_000, max = 9_999_999))]
    id: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CityQuery {
    /// All or nothing: where the districts are missing, a problem with status 502.
    strict: Option<bool>,
}

impl Check for CityPath {
    fn check(&self) -> Result<(), Problem> {
        within("id", &self.id, 1_000_000..=9_999_999)
    }
}

impl Check for CityQuery {}

/// One city.
pub(super) async fn one(
    FromState(service): FromState<Service>,
    Path(CityPath { id }): Path<CityPath>,
    Query(query): Query<CityQuery>,
    headers: HeaderMap,
) -> Result<Formed<Cities>, Refusal> {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, format!("there is no city {id}"));
    let version = service.atlas().version();
    let shown = service.atlas().city(id).await?.ok_or_else(unknown)?;
    let city = shown.value.city(id).ok_or_else(unknown)?;
    let gaps = shown.value.gaps.iter().filter(|gap| gap.missing.city() == Some(id));
    let partial = gaps.clone().next().is_some();
    if partial && query.strict == Some(true) {
        return Err(incomplete(gaps));
    }
    let ages = service.atlas().ages();
    let plain = bytes(&CityView(city, &shown.value), 1024);
    let made = Made::of((plain, Use::Once), &shown, partial, version, ages);
    Ok(Formed::new(answer(&made, &headers, ages).await))
}
