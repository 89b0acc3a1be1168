//! Answers that take their time: `/drip`, `/stream/{n}` and `/sse`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::IntoResponse as _;
use futures::{StreamExt as _, stream};
use schemars::JsonSchema;
use serde::Deserialize;

use super::download::{Content, OctetStream};
use crate::Api;
use crate::collection::Collection as _;
use crate::input::{Check, Path, Query, within};
use crate::openapi::{MediaKind, Raw};
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct DripQuery {
    /// How many bytes come.
    #[serde(default = "usual_bytes")]
    #[schemars(range(min = 1, max = 1_048_576))]
    bytes: u64,
    /// Over how many milliseconds they come.
    #[serde(default = "usual_duration")]
    #[schemars(range(min = 0, max = 60_000))]
    duration_ms: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LinesPath {
    /// How many lines.
    #[schemars(range(min = 0, max = 100_000))]
    n: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct EventsQuery {
    /// How many events there are.
    #[serde(default = "usual_events")]
    #[schemars(range(min = 0, max = 1_000))]
    events: u64,
    /// Milliseconds between two of them.
    #[serde(default = "usual_pause")]
    #[schemars(range(min = 0, max = 10_000))]
    every_ms: u64,
}

fn usual_bytes() -> u64 {
    1_000
}
fn usual_duration() -> u64 {
    500
}
fn usual_events() -> u64 {
    5
}
fn usual_pause() -> u64 {
    100
}

impl Check for DripQuery {
    fn check(&self) -> Result<(), Problem> {
        within("bytes", &self.bytes, 1..=1 << 20)?;
        within("duration_ms", &self.duration_ms, 0..=60_000)
    }
}

impl Check for LinesPath {
    fn check(&self) -> Result<(), Problem> {
        within("n", &self.n, 0..=100_000)
    }
}

impl Check for EventsQuery {
    fn check(&self) -> Result<(), Problem> {
        within("events", &self.events, 0..=1_000)?;
        within("every_ms", &self.every_ms, 0..=10_000)
    }
}

/// NDJSON, for the description.
pub(super) struct Ndjson;

impl MediaKind for Ndjson {
    const NAME: &'static str = "application/x-ndjson";
    const ABOUT: &'static str = "Orders, one on a line.";
}

/// Server-sent events, for the description.
pub(super) struct EventStream;

impl MediaKind for EventStream {
    const NAME: &'static str = "text/event-stream";
    const ABOUT: &'static str =
        "Events with ids from 1; `Last-Event-ID` goes on after the last one that came.";
}

/// The pauses of a slow body: fine enough to look like a trickle, few enough to cost nothing.
const DROPS: u64 = 50;

pub(super) async fn drip(
    State(api): State<Arc<Api>>,
    Query(DripQuery { bytes, duration_ms }): Query<DripQuery>,
) -> Raw<OctetStream> {
    let content = Content::new(api.config.seed, b"drip", bytes);
    let drops = DROPS.min(bytes);
    let pause = Duration::from_millis(duration_ms) / u32::try_from(drops).unwrap_or(1);
    let pieces = stream::iter(0..drops).then(move |drop| {
        let piece = content.bytes(bytes * drop / drops..bytes * (drop + 1) / drops);
        async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::convert::Infallible>(piece)
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_LENGTH, bytes.into()),
    ];
    Raw::new((headers, Body::from_stream(pieces)))
}

pub(super) async fn lines(
    State(api): State<Arc<Api>>,
    Path(LinesPath { n }): Path<LinesPath>,
) -> Raw<Ndjson> {
    // Some lines at a time: a chunk for each line would cost more than the line.
    const LINES: u64 = 64;
    let orders = Arc::clone(&api.orders);
    let total = orders.total().max(1);
    let pieces = stream::iter((0..n).step_by(64)).map(move |start| {
        let mut piece = Vec::new();
        for index in start..n.min(start + LINES) {
            serde_json::to_writer(&mut piece, &orders.record(index % total))?;
            piece.push(b'\n');
        }
        Ok::<_, serde_json::Error>(Bytes::from(piece))
    });
    let kind = HeaderValue::from_static("application/x-ndjson");
    Raw::new(([(header::CONTENT_TYPE, kind)], Body::from_stream(pieces)).into_response())
}

pub(super) async fn events(
    State(api): State<Arc<Api>>,
    Query(EventsQuery { events, every_ms }): Query<EventsQuery>,
    headers: HeaderMap,
) -> Raw<EventStream> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let orders = Arc::clone(&api.orders);
    let total = orders.total().max(1);
    let pieces = stream::iter(last.unwrap_or(0_u64).saturating_add(1)..=events).then(move |id| {
        let data = serde_json::to_string(&orders.record((id - 1) % total));
        async move {
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
            data.map(|data| Bytes::from(format!("id: {id}\nevent: order\ndata: {data}\n\n")))
        }
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Raw::new((headers, Body::from_stream(pieces)))
}
