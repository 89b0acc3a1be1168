//! `/api/v1/search`.

use std::sync::Arc;

use axum::extract::State as FromState;
use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serving::input::{Check, Query, within};
use serving::problem::Problem;

use crate::application::{Index, Kind, Question, Shown};
use crate::domain::{Code, Country, Gap, fold};
use crate::http::Service;
use crate::http::answer::answer;
use crate::http::body::{Made, Use};
use crate::http::failures::{Refusal, incomplete};
use crate::http::json::{FoundsView, bytes};
use crate::http::openapi::{Finds, Formed};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchQuery {
    /// A part of the name, with accents or without, in any case; at least one letter or digit.
    #[schemars(length(min = 1, max = 100))]
    q: String,
    /// Only states, cities or districts.
    kind: Option<KindName>,
    /// Only in this state: its letters.
    #[schemars(regex(pattern = r"^[A-Za-z]{2}$"))]
    uf: Option<String>,
    /// The most that are wanted; 20 unless told.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u16>,
    /// All or nothing: while something of the country is missing, a problem with status 502.
    strict: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum KindName {
    State,
    City,
    District,
}

impl Check for SearchQuery {
    fn check(&self) -> Result<(), Problem> {
        // As a schema counts: letters, not bytes.
        within("q", &self.q.chars().count(), 1..=100)?;
        within("limit", &self.limit.unwrap_or(20), 1..=500)
    }
}

/// Places by name.
pub(super) async fn find(
    FromState(service): FromState<Service>,
    Query(query): Query<SearchQuery>,
    headers: HeaderMap,
) -> Result<Formed<Finds>, Refusal> {
    let text = fold(&query.q);
    if text.is_empty() {
        return Err(Problem::field("q", "must have a letter or a digit").into());
    }
    let wrong = |uf: &str| Problem::field("uf", format!("`{uf}` are not the two letters of a state"));
    let state = query.uf.as_deref().map(|uf| Code::parse(uf).ok_or_else(|| wrong(uf))).transpose()?;
    let kind = query.kind.map(|kind| match kind {
        KindName::State => Kind::State,
        KindName::City => Kind::City,
        KindName::District => Kind::District,
    });
    let version = service.atlas().version();
    let country = service.country().await?;
    if let Some(code) = state
        && !country.value.states.iter().any(|tree| tree.state.sigla == code)
    {
        return Err(Problem::field("uf", format!("there is no state `{code}`")).into());
    }
    // Only what is looked through can be missing in what was found.
    let looked_through = |gap: &&Gap| state.is_none_or(|state| state == gap.missing.state());
    let gaps = country.value.gaps().filter(looked_through);
    let partial = gaps.clone().next().is_some();
    if partial && query.strict == Some(true) {
        return Err(incomplete(gaps));
    }
    let question = Question { text, kind, state, limit: query.limit.unwrap_or(20).into() };
    let names = service.names(&country, version);
    let (found, total) = names.find(&question);
    let plain =
        bytes(&FoundsView { found: &found, total, gaps: country.value.gaps().filter(looked_through) }, 4096);
    let ages = service.atlas().ages();
    let made = Made::of((plain, Use::Once), &country, partial, version, ages);
    Ok(Formed::new(answer(&made, &headers, ages).await))
}

impl Service {
    /// The names of the country, folded anew only where something has changed.
    fn names(&self, country: &Shown<Country>, version: u64) -> Arc<Index> {
        if let Some((of, names)) = &*self.0.names.read()
            && *of == version
        {
            return Arc::clone(names);
        }
        let names = Arc::new(Index::of(&country.value));
        *self.0.names.write() = Some((version, Arc::clone(&names)));
        names
    }
}
