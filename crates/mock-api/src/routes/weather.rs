//! `/weather/{city}` and `/weather?cities=`: the weather of any city, decided by the seed and the city's name.

use std::sync::Arc;

use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::Api;
use crate::dice::Dice;
use crate::input::{Check, Path, Query};
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CityPath {
    /// Any name.
    #[schemars(length(min = 1))]
    city: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CitiesQuery {
    /// Up to 1,000 names, separated by commas.
    #[schemars(length(min = 1), regex(pattern = r"[^,\s]"))]
    cities: String,
}

const MAX_CITIES: usize = 1_000;

impl Check for CityPath {}

impl Check for CitiesQuery {
    fn check(&self) -> Result<(), Problem> {
        match names(&self.cities).count() {
            0 => Err(Problem::field("cities", "must name a city")),
            1..=MAX_CITIES => Ok(()),
            _ => Err(Problem::field("cities", format!("must name {MAX_CITIES} cities at most"))),
        }
    }
}

/// The weather of one city.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Weather {
    /// The name as it was asked for.
    city: String,
    /// In words.
    condition: &'static str,
    /// In degrees Celsius, to one decimal.
    temperature_c: f64,
    /// In percent.
    humidity_pct: u8,
    /// In kilometres an hour, to one decimal.
    wind_kmh: f64,
}

/// The weather of several cities, in the order in which they were asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Weathers {
    items: Vec<Weather>,
}

const CONDITIONS: [&str; 6] = ["clear", "partly cloudy", "overcast", "drizzle", "rain", "thunderstorm"];

pub(super) async fn one(State(api): State<Arc<Api>>, Path(path): Path<CityPath>) -> Json<Weather> {
    Json(weather(api.config.seed, path.city))
}

pub(super) async fn several(State(api): State<Arc<Api>>, Query(query): Query<CitiesQuery>) -> Json<Weathers> {
    let items = names(&query.cities).map(|city| weather(api.config.seed, city.to_owned())).collect();
    Json(Weathers { items })
}

fn names(cities: &str) -> impl Iterator<Item = &str> {
    cities.split(',').map(str::trim).filter(|city| !city.is_empty())
}

fn weather(seed: u64, city: String) -> Weather {
    let mut dice = Dice::of(seed, &[b"weather", city.as_bytes()]);
    let mut tenths = |low: i32, high: i32| {
        let span = u64::from(high.abs_diff(low)) + 1;
        let offset = i32::try_from(dice.below(span)).unwrap_or(0);
        f64::from(low + offset) / 10.0
    };
    let (temperature_c, wind_kmh) = (tenths(-50, 400), tenths(0, 900));
    let humidity_pct = u8::try_from(20 + dice.below(80)).unwrap_or(100);
    let condition = CONDITIONS[usize::try_from(dice.below(6)).unwrap_or(0)];
    Weather { city, condition, temperature_c, humidity_pct, wind_kmh }
}
