//! `/health`, `/ready` and `/metrics`.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::State as FromState;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use fetch::{Bulkhead, Flow};
use schemars::JsonSchema;
use serde::Serialize;
use serving::json::Json;
use serving::openapi::TextAnswer;

use crate::http::Service;
use crate::http::openapi::{Form, Formed};

/// The service is up.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    /// Always `ok`.
    status: &'static str,
}

/// Whether and from what the service can answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct Readiness {
    /// Whether it can answer: it knows every state, or the source can be asked.
    ready: bool,
    /// How many states are known.
    states: usize,
    /// How old the oldest of them is, in seconds.
    age_s: Option<u64>,
    /// What is let through to the source: `closed` (everything), `half-open` (one attempt, to see) or `open` (nothing).
    circuit: &'static str,
}

impl Form for Readiness {
    const STATUSES: &'static [u16] = &[200, 503];
    const KEPT: bool = false;
}

pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

pub(super) async fn ready(FromState(service): FromState<Service>) -> Formed<Readiness> {
    let (known, age) = service.atlas().summary();
    let flow = service.atlas().gatherer().source.circuit().flow();
    let whole = service.atlas().known().roster.is_some_and(|roster| roster.value.len() == known);
    let ready = whole || flow != Flow::Open;
    let circuit = match flow {
        Flow::Closed => "closed",
        Flow::HalfOpen => "half-open",
        Flow::Open => "open",
    };
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = Json(Readiness { ready, states: known, age_s: age.map(|age| age.as_secs()), circuit });
    Formed::new((status, answer).into_response())
}

pub(super) async fn metrics(FromState(service): FromState<Service>) -> TextAnswer {
    let mut text = String::with_capacity(8 * 1024);
    // Writing to a string cannot fail.
    let _ = write(&mut text, &service);
    TextAnswer(text)
}

/// A number that a bulkhead shows.
type Gauge = fn(&Bulkhead) -> usize;

fn write(out: &mut String, service: &Service) -> std::fmt::Result {
    let routes = service.0.metrics.get().map_or(&[][..], Vec::as_slice);
    serving::metrics::write(out, "states_api", routes)?;
    let (atlas, gatherer) = (service.atlas(), service.atlas().gatherer());
    let bulkheads = [("states", &gatherer.bulkheads.states), ("cities", &gatherer.bulkheads.cities)];
    let gauges: [(&str, &str, Gauge); 4] = [
        ("in_flight", "Requests in flight to the source.", Bulkhead::inside),
        ("in_flight_peak", "The most requests that were ever in flight.", Bulkhead::peak),
        ("in_flight_limit", "The most requests that may be in flight.", Bulkhead::limit),
        ("waiting", "Requests that wait for their turn.", Bulkhead::waiting),
    ];
    for (name, help, value) in gauges {
        head(out, &format!("bulkhead_{name}"), help, "gauge")?;
        for (bulkhead, of) in bulkheads {
            writeln!(out, "states_api_bulkhead_{name}{{bulkhead=\"{bulkhead}\"}} {}", value(of))?;
        }
    }
    let asked = gatherer.source.asked();
    head(out, "source_requests_total", "Things that the source was asked for.", "counter")?;
    writeln!(out, "states_api_source_requests_total {}", asked.all)?;
    head(out, "source_failures_total", "Those that could not be had, by class.", "counter")?;
    for (class, count) in asked.failed {
        writeln!(out, "states_api_source_failures_total{{class=\"{class}\"}} {count}")?;
    }
    let circuit = gatherer.source.circuit();
    head(out, "circuit_open", "Whether the source is left alone.", "gauge")?;
    writeln!(out, "states_api_circuit_open {}", u8::from(circuit.flow() == Flow::Open))?;
    head(out, "circuit_opened_total", "How often that began.", "counter")?;
    writeln!(out, "states_api_circuit_opened_total {}", circuit.opened())?;
    let counts = atlas.counts();
    head(out, "lookups_total", "Lists and states that were looked up, by how that was met.", "counter")?;
    for (how, count) in [
        ("fresh", &counts.fresh),
        ("stale-while-revalidate", &counts.revalidated),
        ("stale-if-error", &counts.stale_if_error),
        ("fetched", &counts.fetched),
        ("failed", &counts.failed),
    ] {
        writeln!(out, "states_api_lookups_total{{how=\"{how}\"}} {}", count.load(Relaxed))?;
    }
    let (states, age) = atlas.summary();
    head(out, "fetching", "Lists and states that are being fetched.", "gauge")?;
    writeln!(out, "states_api_fetching {}", atlas.fetching())?;
    head(out, "states_known", "States that are known.", "gauge")?;
    writeln!(out, "states_api_states_known {states}")?;
    head(out, "age_seconds", "The age of the oldest state that is known.", "gauge")?;
    writeln!(out, "states_api_age_seconds {}", age.unwrap_or_default().as_secs())?;
    head(out, "connections", "Open connections.", "gauge")?;
    writeln!(out, "states_api_connections {}", service.connections().load(Relaxed))
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) -> std::fmt::Result {
    writeln!(out, "# HELP states_api_{name} {help}")?;
    writeln!(out, "# TYPE states_api_{name} {kind}")
}
