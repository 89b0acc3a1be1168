//! `/api/v1/localidades`: the localities API of IBGE in its real paths and shapes, over datagen's map of Brazil.
//!
//! An unknown key is answered with 200 and an empty list, as the real one does. Bodies from 1 KiB are compressed for
//! clients that accept gzip.

use std::io::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use datagen::localities::Localities;
use datagen::states::STATES;
use flate2::Compression;
use flate2::write::GzEncoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::download::accepts_gzip;
use crate::Api;
use crate::input::{Check, Path, Query};
use crate::openapi::{MediaKind, Raw};
use crate::problem::Problem;

/// Bodies from this size on are worth compressing.
const WORTH_IT: usize = 1024;
/// The length of a usual record.
const RECORD: usize = 800;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StatePath {
    /// Two letters or two digits.
    #[schemars(length(min = 1))]
    uf: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MunicipalityPath {
    /// Seven digits.
    id: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShapeQuery {
    /// `nome` sorts by name. The usual order is that of the codes.
    order_by: Option<OrderBy>,
    /// `nivelado` gives flat records.
    view: Option<Shape>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum OrderBy {
    Nome,
    Id,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Shape {
    Nivelado,
}

impl Check for StatePath {}
impl Check for MunicipalityPath {}
impl Check for ShapeQuery {}

/// The records of the localities API, for the description.
pub(super) struct JsonKind;

impl MediaKind for JsonKind {
    const NAME: &'static str = "application/json";
    const ABOUT: &'static str = "Records in the shapes of IBGE; an empty list where the key is unknown.";
}

/// An answer of the localities API.
type Answer = Result<Raw<JsonKind>, Problem>;

pub(super) async fn states(Query(query): Query<ShapeQuery>, headers: HeaderMap) -> Answer {
    answer(
        STATES.iter(),
        |state| state.nome,
        query,
        &headers,
        |state, body| json(&state.record(), body),
        |state, body| json(&state.flat(), body),
    )
}

pub(super) async fn state(
    State(api): State<Arc<Api>>,
    Path(StatePath { uf }): Path<StatePath>,
    Query(query): Query<ShapeQuery>,
    headers: HeaderMap,
) -> Answer {
    let Some(state) = map(&api).state(&uf) else { return nothing() };
    let mut body = Vec::new();
    if query.view.is_some() { json(&state.flat(), &mut body) } else { json(&state.record(), &mut body) }?;
    send(body, &headers)
}

pub(super) async fn municipalities(
    State(api): State<Arc<Api>>,
    Path(StatePath { uf }): Path<StatePath>,
    Query(query): Query<ShapeQuery>,
    headers: HeaderMap,
) -> Answer {
    let map = map(&api);
    let Some(state) = map.state(&uf) else { return nothing() };
    let all = map.municipalities_of(state).iter();
    answer(
        all,
        |city| &city.nome,
        query,
        &headers,
        |city, body| json(&city.record(), body),
        |city, body| json(&city.flat(), body),
    )
}

pub(super) async fn districts(
    State(api): State<Arc<Api>>,
    Path(MunicipalityPath { id }): Path<MunicipalityPath>,
    Query(query): Query<ShapeQuery>,
    headers: HeaderMap,
) -> Answer {
    let map = map(&api);
    let Some(municipality) = map.municipality(id) else { return nothing() };
    let all = map.districts_of(municipality).iter();
    answer(
        all,
        |place| &place.nome,
        query,
        &headers,
        |place, body| json(&place.record(map), body),
        |place, body| json(&place.flat(map), body),
    )
}

/// The map is made when it is first asked for: a server that is not asked starts without it.
fn map(api: &Api) -> &Localities {
    api.localities.get_or_init(|| Localities::new(api.config.seed))
}

fn answer<T: Copy>(
    records: impl Iterator<Item = T>,
    name: impl Fn(&T) -> &str,
    query: ShapeQuery,
    headers: &HeaderMap,
    nested: impl Fn(&T, &mut Vec<u8>) -> Result<(), Problem>,
    flat: impl Fn(&T, &mut Vec<u8>) -> Result<(), Problem>,
) -> Answer {
    let mut records: Vec<T> = records.collect();
    if query.order_by == Some(OrderBy::Nome) {
        records.sort_by_cached_key(|record| sort_key(name(record)));
    }
    let mut body = Vec::with_capacity(2 + records.len() * RECORD);
    body.push(b'[');
    for (number, record) in records.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        if query.view == Some(Shape::Nivelado) {
            flat(record, &mut body)
        } else {
            nested(record, &mut body)
        }?;
    }
    body.push(b']');
    send(body, headers)
}

fn nothing() -> Answer {
    send(b"[]".to_vec(), &HeaderMap::new())
}

fn json(record: &impl Serialize, body: &mut Vec<u8>) -> Result<(), Problem> {
    serde_json::to_writer(body, record)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn send(body: Vec<u8>, headers: &HeaderMap) -> Answer {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let vary = (header::VARY, HeaderValue::from_static("accept-encoding"));
    if body.len() < WORTH_IT || !accepts_gzip(headers) {
        return Ok(Raw::new(([kind, vary], body)));
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    let compressed = encoder.write_all(&body).and_then(|()| encoder.finish());
    let compressed =
        compressed.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let coding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(Raw::new(([kind, vary, coding], compressed).into_response()))
}

/// A name as it is sorted: without accents and without regard to case, so that `Água Boa` comes before `Barra`.
fn sort_key(name: &str) -> String {
    let plain = |letter: char| match letter {
        'á' | 'à' | 'â' | 'ã' => 'a',
        'é' | 'ê' => 'e',
        'í' => 'i',
        'ó' | 'ô' | 'õ' => 'o',
        'ú' | 'ü' => 'u',
        'ç' => 'c',
        other => other,
    };
    name.chars().flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_without_regard_to_accents_and_case() {
        let mut names = ["Óbidos", "Barra", "água Boa", "Acará", "Oeiras", "Ouro"];
        names.sort_by_key(|name| sort_key(name));
        assert_eq!(names, ["Acará", "água Boa", "Barra", "Óbidos", "Oeiras", "Ouro"]);
    }
}
