//! What every request passes on its way in and every answer on its way out: request id, body limit, ledger, faults,
//! CORS, metrics and access log.
//!
//! It is one layer and not seven, because each layer of a router costs an allocation for each request, and because the
//! parts need one another: the ledger counts the attempt that the faults are decided by, and the fault decides how the
//! ledger closes.

mod cors;
mod counted;
mod misbehave;

use std::cell::Cell;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::Api;
use crate::metrics::RouteMetrics;
use crate::problem::Problem;

pub(crate) use misbehave::{PageFaults, ResetConnection};

/// The header by which clients tell themselves apart.
pub(crate) const CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
/// The header that orders a fault.
pub(crate) const FAULT: HeaderName = HeaderName::from_static("x-fault");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The largest request body.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The other end of a connection, known to each of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its address without the port, as text.
    pub(crate) name: Arc<str>,
}

impl Peer {
    pub(crate) fn new(address: IpAddr) -> Self {
        Self { name: address.to_canonical().to_string().into() }
    }
}

/// Whether a route is part of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is: it can fail, and the ledger counts it.
    Simulated,
    /// It is not: administration, documentation, health, metrics.
    Plain,
}

/// The layer of one route. One pointer to it is all that a request clones: counts of pointers that all threads share
/// are a good part of what a small request costs.
#[derive(Clone, Debug)]
pub(crate) struct Front(pub(crate) Arc<Desk>);

/// What the layer of one route knows.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) api: Arc<Api>,
    pub(crate) route: &'static str,
    pub(crate) kind: Kind,
    pub(crate) metrics: Arc<RouteMetrics>,
}

/// A route with its layer.
#[derive(Clone, Debug)]
pub(crate) struct Fronted<S> {
    front: Arc<Desk>,
    inner: S,
}

impl<S> Layer<S> for Front {
    type Service = Fronted<S>;

    fn layer(&self, inner: S) -> Fronted<S> {
        Fronted { front: Arc::clone(&self.0), inner }
    }
}

impl<S> Service<Request> for Fronted<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let front = Arc::clone(&self.front);
        // The service that was polled ready is the one that must be called; its clone waits for the next request.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            Ok(front
                .pass(request, async move |request| match inner.call(request).await {
                    Ok(response) => response.into_response(),
                    Err(never) => match never {},
                })
                .await)
        })
    }
}

impl Desk {
    async fn pass(&self, request: Request, serve: impl AsyncFnOnce(Request) -> Response) -> Response {
        let started = Instant::now();
        let id = request_id(request.headers());
        let origin = request.headers().get(header::ORIGIN).cloned();
        // What the log needs is kept only if somebody reads it.
        let logged = tracing::enabled!(target: "mock_api::access", tracing::Level::INFO)
            .then(|| (request.method().clone(), request.uri().clone(), peer(&request)));
        let mut response = if let Some(preflight) = cors::preflight(&request) {
            preflight
        } else if is_oversized(&request) {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {MAX_BODY} bytes at most"))
                .into_response()
        } else if self.kind == Kind::Simulated {
            misbehave::serve(self, request, serve).await
        } else {
            serve(request).await
        };
        response.headers_mut().insert(REQUEST_ID, id);
        if origin.is_some() {
            cors::allow(response.headers_mut());
        }
        let (status, time) = (response.status().as_u16(), started.elapsed());
        self.metrics.answered(status, time);
        if let Some((method, uri, peer)) = logged {
            let id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
            let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            tracing::info!(target: "mock_api::access", %peer, %method, %uri, status, us, id);
        }
        response
    }
}

/// The client's own id where it is a sensible one, or the next of a series.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    if let Some(id) = headers.get(REQUEST_ID)
        && (1..=128).contains(&id.len())
        && id.as_bytes().iter().all(u8::is_ascii_graphic)
    {
        return id.clone();
    }
    // 16 hexadecimal digits, made by hand because this runs for every request.
    let mut digits = [0; 16];
    let mut left = next_request_number();
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(left & 15) as usize];
        left >>= 4;
    }
    // Hexadecimal digits are always a valid value.
    HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0"))
}

/// A number that no other request of this process has. Each thread takes a thousand at a time, because a counter that
/// all threads write for every request travels between their caches.
fn next_request_number() -> u64 {
    const BLOCK: u64 = 1_000;
    // Only that the numbers differ matters: `Relaxed`.
    static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
    thread_local!(static NEXT: Cell<u64> = const { Cell::new(0) });
    NEXT.with(|next| {
        let number =
            if next.get() % BLOCK == 0 { NEXT_BLOCK.fetch_add(BLOCK, Relaxed) + 1 } else { next.get() };
        next.set(number + 1);
        number
    })
}

fn peer(request: &Request) -> Arc<str> {
    request.extensions().get::<Peer>().map_or_else(|| "local".into(), |peer| Arc::clone(&peer.name))
}

fn is_oversized(request: &Request) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.headers().contains_key(header::CONTENT_LENGTH)
    {
        return false;
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > MAX_BODY as u64)
}
