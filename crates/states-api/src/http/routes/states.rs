//! `/api/v1/states` and `/api/v1/states/{uf}`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as FromState;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use schemars::JsonSchema;
use serde::Deserialize;
use serving::input::{Check, Path, Query};
use serving::problem::Problem;

use crate::application::Shown;
use crate::domain::{Code, Country, Selection, State, StateTree, Tally};
use crate::http::Service;
use crate::http::answer::{answer, streamed};
use crate::http::body::{Made, Use};
use crate::http::failures::{Refusal, incomplete};
use crate::http::json::{CountryView, StateView, bytes};
use crate::http::openapi::{Countries, Formed, States};

/// What the country's body has room for at once.
const COUNTRY: usize = 1 << 20;
const NDJSON: &str = "application/x-ndjson";

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatesQuery {
    /// Only these fields, with commas between them: `id`, `sigla`, `nome`, `regiao`, `cities`, `cities.id`, `cities.nome`,
    /// `cities.districts`, `cities.districts.id`, `cities.districts.nome`.
    #[schemars(regex(
        pattern = r"^(id|sigla|nome|regiao|cities(\.(id|nome|districts(\.(id|nome))?))?)(,(id|sigla|nome|regiao|cities(\.(id|nome|districts(\.(id|nome))?))?))*$"
    ))]
    fields: Option<String>,
    /// Only these states: their letters, with commas between them.
    #[schemars(regex(pattern = r"^[A-Za-z]{2}(,[A-Za-z]{2}){0,26}$"))]
    uf: Option<String>,
    /// All or nothing: where something is missing, a problem with status 502.
    strict: Option<bool>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateQuery {
    /// Only these fields, as for all states.
    #[schemars(regex(
        pattern = r"^(id|sigla|nome|regiao|cities(\.(id|nome|districts(\.(id|nome))?))?)(,(id|sigla|nome|regiao|cities(\.(id|nome|districts(\.(id|nome))?))?))*$"
    ))]
    fields: Option<String>,
    /// All or nothing: where something is missing, a problem with status 502.
    strict: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StatePath {
    /// The state's two letters, in any case, or its code of two digits.
    #[schemars(regex(pattern = r"^([A-Za-z]{2}|[0-9]{2})$"))]
    uf: String,
}

impl Check for StatesQuery {}
impl Check for StateQuery {}
impl Check for StatePath {}

/// All states, or some, whole or with some fields, together or one by one as they come.
pub(super) async fn all(
    FromState(service): FromState<Service>,
    Query(query): Query<StatesQuery>,
    headers: HeaderMap,
) -> Result<Formed<Countries>, Refusal> {
    let strict = query.strict.unwrap_or(false);
    let selection = selection(query.fields.as_deref())?;
    let codes = query.uf.as_deref().map(codes).transpose()?;
    if wants_lines(&headers) {
        let states = chosen(&service, codes).await?;
        return Ok(Formed::new(lines(&service, states, selection)));
    }
    if selection == Selection::ALL && codes.is_none() {
        let made = service.country_body().await?;
        if strict && made.partial {
            return Err(incomplete(service.country().await?.value.gaps()));
        }
        return Ok(Formed::new(answer(&made, &headers, service.atlas().ages()).await));
    }
    let version = service.atlas().version();
    let shown = service.atlas().country(chosen(&service, codes).await?).await;
    let made = made(&service, &shown, (selection, Use::Once), version);
    if strict && made.partial {
        return Err(incomplete(shown.value.gaps()));
    }
    Ok(Formed::new(answer(&made, &headers, service.atlas().ages()).await))
}

/// One state.
pub(super) async fn one(
    FromState(service): FromState<Service>,
    Path(StatePath { uf }): Path<StatePath>,
    Query(query): Query<StateQuery>,
    headers: HeaderMap,
) -> Result<Formed<States>, Refusal> {
    let selection = selection(query.fields.as_deref())?;
    let ages = service.atlas().ages();
    let version = service.atlas().version();
    let quick = selection == Selection::ALL && query.strict != Some(true);
    if quick
        && let Some(code) = Code::parse(&uf)
        && let Some(made) = service.0.bodies.state(code, version)
    {
        return Ok(Formed::new(answer(&made, &headers, ages).await));
    }
    let state = find(&service, &uf).await?;
    let shown = service.atlas().tree(&state).await?;
    let partial = !shown.value.is_whole();
    if partial && query.strict == Some(true) {
        return Err(incomplete(shown.value.gaps.iter()));
    }
    let plain = bytes(&StateView(&shown.value, selection), COUNTRY / 16);
    let usage = if selection == Selection::ALL { Use::Often } else { Use::Once };
    let made = Arc::new(Made::of((plain, usage), &shown, partial, version, ages));
    if selection == Selection::ALL {
        service.0.bodies.put_state(state.sigla, &made);
    }
    Ok(Formed::new(answer(&made, &headers, ages).await))
}

impl Service {
    /// The whole country, as far as it is known or can be had.
    pub(in crate::http) async fn country(&self) -> Result<Shown<Country>, Refusal> {
        let roster = self.atlas().roster().await?;
        let mut country = self.atlas().country(roster.value.to_vec()).await;
        country.at = country.at.min(roster.at);
        country.freshness = country.freshness.max(roster.freshness);
        country.failed = country.failed.or(roster.failed);
        Ok(country)
    }

    /// The country's body, made anew only where something has changed.
    async fn country_body(&self) -> Result<Arc<Made>, Refusal> {
        let bodies = &self.0.bodies;
        if let Some(made) = bodies.country(self.atlas().version()) {
            return Ok(made);
        }
        // Read before the country is: what changes meanwhile makes this one an old one.
        let version = self.atlas().version();
        let country = self.country().await?;
        // Of many who waited together, the first has made it.
        if let Some(made) = bodies.country(version) {
            return Ok(made);
        }
        let made = Arc::new(made(self, &country, (Selection::ALL, Use::Often), version));
        bodies.put_country(&made);
        Ok(made)
    }
}

fn made(
    service: &Service,
    shown: &Shown<Country>,
    (selection, usage): (Selection, Use),
    version: u64,
) -> Made {
    let plain = bytes(&CountryView(&shown.value, selection), COUNTRY);
    let partial = shown.value.gaps().next().is_some();
    Made::of((plain, usage), shown, partial, version, service.atlas().ages())
}

/// The states with these letters, or all.
async fn chosen(service: &Service, codes: Option<Vec<Code>>) -> Result<Vec<State>, Refusal> {
    let roster = service.atlas().roster().await?;
    let Some(codes) = codes else { return Ok(roster.value.to_vec()) };
    let known = |code: &Code| roster.value.iter().any(|state| state.sigla == *code);
    if let Some(unknown) = codes.iter().find(|code| !known(code)) {
        let all: Vec<&str> = roster.value.iter().map(|state| state.sigla.as_str()).collect();
        let detail = format!("there is no state `{unknown}`; there are {}", all.join(", "));
        return Err(Problem::field("uf", detail).into());
    }
    Ok(roster.value.iter().filter(|state| codes.contains(&state.sigla)).cloned().collect())
}

/// The state of these letters or this code.
async fn find(service: &Service, uf: &str) -> Result<State, Refusal> {
    let (code, id) = (Code::parse(uf), uf.parse::<u32>().ok().filter(|_| uf.len() == 2));
    if code.is_none() && id.is_none() {
        return Err(Problem::field("uf", format!("`{uf}` is neither two letters nor two digits")).into());
    }
    let roster = service.atlas().roster().await?;
    let state = roster.value.iter().find(|state| Some(state.sigla) == code || Some(state.id) == id);
    let unknown = || Problem::new(StatusCode::NOT_FOUND, format!("there is no state `{uf}`"));
    Ok(state.ok_or_else(unknown)?.clone())
}

fn selection(fields: Option<&str>) -> Result<Selection, Problem> {
    let Some(fields) = fields else { return Ok(Selection::ALL) };
    Selection::parse(fields).map_err(|unknown| {
        Problem::field(
            "fields",
            format!("there is no field `{}`; there are {}", unknown.0, Selection::names()),
        )
    })
}

fn codes(text: &str) -> Result<Vec<Code>, Problem> {
    let code = |one: &str| {
        let wrong = || Problem::field("uf", format!("`{one}` are not the two letters of a state"));
        Code::parse(one.trim()).ok_or_else(wrong)
    };
    text.split(',').map(code).collect()
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|field| field.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == NDJSON)
}

/// A line for each state as it comes, in the form of `/api/v1/states/{uf}`, and one at the end that says how much there
/// was: whoever does not see it has not seen all.
fn lines(service: &Service, states: Vec<State>, selection: Selection) -> Response {
    let line = |mut bytes: Vec<u8>| {
        bytes.push(b'\n');
        Ok::<_, Infallible>(Bytes::from(bytes))
    };
    let trees = service.atlas().each(states).map(|(state, outcome)| match outcome {
        Ok(shown) => shown.value,
        Err(why) => Arc::new(StateTree::bare(state, why)),
    });
    // Counts what has gone by; the end of the stream comes after all of it.
    let (mut all, mut errors) = (Tally::default(), 0);
    let lines = trees.map(Some).chain(stream::iter([None])).map(move |next| {
        let Some(tree) = next else {
            let Tally { states, cities, districts } = all;
            let counts = format!(
                "{{\"states\":{states},\"cities\":{cities},\"districts\":{districts},\"errors\":{errors}}}"
            );
            return line(format!("{{\"done\":{counts}}}").into_bytes());
        };
        all += tree.tally();
        errors += tree.gaps.len();
        line(bytes(&StateView(&tree, selection), COUNTRY / 16))
    });
    streamed(Body::from_stream(lines))
}
