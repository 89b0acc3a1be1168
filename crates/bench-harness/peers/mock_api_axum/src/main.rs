//! The peer that mock-api is measured against: the same answer from a bare axum handler, without ledger, faults, request
//! ids and metrics. `mock-api-axum-peer PORT THREADS`; ends when standard input does.

use axum::extract::Path;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde::Serialize;

#[derive(Serialize)]
struct Weather {
    city: String,
    condition: &'static str,
    temperature_c: f64,
    humidity_pct: u32,
    wind_kmh: f64,
}

const CONDITIONS: [&str; 6] = ["clear", "partly cloudy", "overcast", "drizzle", "rain", "thunderstorm"];

async fn weather(Path(city): Path<String>) -> Json<Weather> {
    let mut dice = Dice::of(42, &[b"weather", city.as_bytes()]);
    let temperature_c = (f64::from(dice.below(451)) - 50.0) / 10.0;
    let wind_kmh = f64::from(dice.below(901)) / 10.0;
    let humidity_pct = 20 + dice.below(80);
    let condition = CONDITIONS[dice.below(6) as usize];
    Json(Weather { city, condition, temperature_c, humidity_pct, wind_kmh })
}

/// The numbers that a seed and a name decide: FNV-1a and SplitMix64, as in mock-api.
struct Dice(u64);

impl Dice {
    fn of(seed: u64, parts: &[&[u8]]) -> Self {
        let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
        for part in parts {
            for &byte in *part {
                state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
            state = mix(state ^ part.len() as u64);
        }
        Self(state)
    }

    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((u128::from(mix(self.0)) * u128::from(n)) >> 64) as u32
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn main() -> std::io::Result<()> {
    let threads = std::env::args().nth(2).and_then(|threads| threads.parse().ok()).unwrap_or(2);
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?.block_on(serve())
}

async fn serve() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // As mock-api does, so that the two differ in nothing but the handler.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    axum::serve(listener, Router::new().route("/weather/{city}", get(weather))).await
}
