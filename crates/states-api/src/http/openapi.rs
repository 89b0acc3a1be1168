//! The description of the API: the forms of its answers, and what the handlers do not say.

use std::marker::PhantomData;

use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{Info, OpenApi, Operation};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serving::openapi::{Answer, answer, schemaless};

/// What the handlers do not say.
pub(super) fn blank() -> OpenApi {
    OpenApi {
        info: Info {
            title: "states-api".to_owned(),
            summary: Some("Brazil's states with their cities and districts.".to_owned()),
            description: Some(ABOUT.to_owned()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Info::default()
        },
        ..OpenApi::default()
    }
}

const ABOUT: &str = "An answer holds what could be had. What is missing is `null` in its place and listed in `errors`; the \
    status is 200 then, with `X-Partial: true`. With `strict=true` it is a problem with status 502 instead. `Age` tells how \
    many seconds ago the oldest part of an answer came from the source; where it is older than it should be, `Warning` says \
    why. Every answer has an `ETag`; `gzip` and `br` are offered.";

/// A finished answer of form `T`.
#[derive(Debug)]
pub(super) struct Formed<T>(Response, PhantomData<fn() -> T>);

/// What an answer looks like.
pub(super) trait Form: JsonSchema {
    /// The statuses with a body of this form.
    const STATUSES: &'static [u16] = &[200];
    /// Whether a client that has it already is told so.
    const KEPT: bool = true;
    /// Whether it can be had line by line.
    const LINES: bool = false;
}

impl Form for Countries {
    const LINES: bool = true;
}
impl Form for States {}
impl Form for Cities {}
impl Form for Finds {}

impl<T> Formed<T> {
    pub(super) fn new(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

impl<T> IntoResponse for Formed<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: Form> OperationOutput for Formed<T> {
    type Inner = T;

    fn operation_response(ctx: &mut GenContext, _operation: &mut Operation) -> Option<Answer> {
        let mut answer = answer::<T>(ctx, "application/json");
        if T::LINES {
            answer.content.extend(schemaless("application/x-ndjson", "").content);
        }
        Some(answer)
    }

    fn inferred_responses(ctx: &mut GenContext, operation: &mut Operation) -> Vec<(Option<u16>, Answer)> {
        let Some(answer) = Self::operation_response(ctx, operation) else { return Vec::new() };
        let kept =
            Answer { description: "The client has this answer already.".to_owned(), ..Answer::default() };
        let with_body = T::STATUSES.iter().map(|status| (Some(*status), answer.clone()));
        with_body.chain(T::KEPT.then_some((Some(304), kept))).collect()
    }
}

/// All states.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
pub(super) struct Countries {
    /// In the order of their codes.
    states: Vec<StateForm>,
    /// What is missing.
    errors: Vec<GapForm>,
}

/// One state.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
pub(super) struct States {
    /// The state.
    state: StateForm,
    /// What is missing.
    errors: Vec<GapForm>,
}

/// One city, and the state above it.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
pub(super) struct Cities {
    /// The city.
    city: CityForm,
    /// The state, without its cities.
    state: StateForm,
    /// What is missing.
    errors: Vec<GapForm>,
}

/// The places that were found, the best match first.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
pub(super) struct Finds {
    /// As many as were wanted.
    results: Vec<Find>,
    /// How many there are in all.
    total: usize,
    /// What could not be looked through.
    errors: Vec<GapForm>,
}

/// A state; of its fields, those that were chosen.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
#[schemars(rename = "State", extend("required" = []))]
struct StateForm {
    /// IBGE's code of two digits.
    id: u32,
    /// The two letters.
    sigla: String,
    /// The name.
    nome: String,
    /// The region that it lies in.
    regiao: RegionForm,
    /// Its cities in the order of their codes; null where they could not be had.
    cities: Option<Vec<CityForm>>,
}

/// One of the five regions.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
#[schemars(rename = "Region")]
struct RegionForm {
    /// IBGE's number.
    id: u32,
    /// The letters.
    sigla: String,
    /// The name.
    nome: String,
}

/// A city; of its fields, those that were chosen.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
#[schemars(rename = "City", extend("required" = []))]
struct CityForm {
    /// IBGE's code of seven digits.
    id: u32,
    /// The name.
    nome: String,
    /// Its districts in the order of their codes, at least one; null where they could not be had.
    districts: Option<Vec<DistrictForm>>,
}

/// A district; of its fields, those that were chosen.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
#[schemars(rename = "District", extend("required" = []))]
struct DistrictForm {
    /// IBGE's code of nine digits.
    id: u32,
    /// The name.
    nome: String,
}

/// Something that could not be had, and why.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
#[schemars(extend("required" = ["missing", "state", "class", "detail"]))]
#[schemars(rename = "Missing")]
struct GapForm {
    /// `cities` of a state, or `districts` of a city.
    missing: String,
    /// The state's letters.
    state: String,
    /// The city's code, where it is its districts that are missing.
    city: u32,
    /// The class of the failure: `connect`, `timeout`, `status`, `malformed` and so on.
    class: String,
    /// What happened.
    detail: String,
}

/// A place that was found.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
#[schemars(extend("required" = ["kind", "id", "nome", "uf"]))]
struct Find {
    /// `state`, `city` or `district`.
    kind: String,
    /// IBGE's code.
    id: u32,
    /// The name.
    nome: String,
    /// The letters of the state that it is or lies in.
    uf: String,
    /// The city that a district lies in.
    city: CityName,
}

/// The code and the name of a city.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "this is the form of an answer, which the views write")]
struct CityName {
    /// IBGE's code.
    id: u32,
    /// The name.
    nome: String,
}
