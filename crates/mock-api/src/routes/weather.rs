//! `/weather/{city}`: the weather of any city, decided by the seed and the city's name.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::Json;
use crate::Api;
use crate::dice::Dice;
use crate::input::{Check, Path};

#[derive(Debug, Deserialize)]
pub(super) struct CityPath {
    city: String,
}

impl Check for CityPath {}

/// The weather of one city.
#[derive(Debug, Serialize)]
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

const CONDITIONS: [&str; 6] = ["clear", "partly cloudy", "overcast", "drizzle", "rain", "thunderstorm"];

pub(super) async fn one(State(api): State<Arc<Api>>, Path(path): Path<CityPath>) -> Json<Weather> {
    Json(weather(api.config.seed, path.city))
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
