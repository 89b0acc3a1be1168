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
    humidity_pct: u8,
    wind_kmh: f64,
}

async fn weather(Path(city): Path<String>) -> Json<Weather> {
    Json(Weather { city, condition: "clear", temperature_c: 21.4, humidity_pct: 63, wind_kmh: 11.5 })
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
