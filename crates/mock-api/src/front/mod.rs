//! What every request passes on its way in and every answer on its way out: request id, body limit, ledger, faults,
//! CORS, metrics and access log.
//!
//! It is one function around the router and not seven layers in it, because a layer costs every request an allocation, and
//! because the parts need one another: the ledger counts the attempt that the faults are decided by, and the fault
//! decides how the ledger closes.

mod cors;
mod counted;
mod misbehave;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tower_service::Service;

use crate::Api;
use crate::ledger::Visit;
use crate::metrics::RouteMetrics;
use crate::problem::Problem;

pub(crate) use misbehave::PageFaults;
pub(crate) use serving::input::MAX_BODY;
use serving::request_id::{REQUEST_ID, sensible_or_next};
use serving::serve::{App, Peer, ResetConnection};

/// The header by which clients tell themselves apart.
pub(crate) const CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
/// The header that orders a fault.
pub(crate) const FAULT: HeaderName = HeaderName::from_static("x-fault");

/// Whether a route is part of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is: it can fail, and the ledger counts it.
    Simulated,
    /// It is not: administration, documentation, health, metrics.
    Plain,
}

/// The whole API: the router, and the desk that each of its routes is reached through.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) api: Arc<Api>,
    pub(crate) router: Router,
    /// By path, with the patterns that the router has.
    pub(crate) desks: matchit::Router<Desk>,
    /// For paths that the router does not know.
    pub(crate) unknown: Desk,
}

/// How a request goes on.
#[expect(
    clippy::large_enum_variant,
    reason = "the largest is the usual one, and a box of its own costs an allocation"
)]
enum Course<'a> {
    /// It is answered.
    Answered(Response),
    /// The router serves it, and the ledger's entry, if it has one, is closed with its answer.
    Calm(Served, Option<Visit>),
    /// Something happens to it first. It stands apart because hyper moves the whole future of each request, with all that
    /// it might become.
    Fated(Pin<Box<dyn Future<Output = Response> + Send + 'a>>),
}

/// The router's work on one request.
type Served = <Router as Service<Request>>::Future;

impl Front {
    fn serve(&self, request: Request) -> Served {
        // A router is always ready.
        self.router.clone().call(request)
    }

    fn course<'a>(&'a self, desk: &'a Desk, peer: &Peer, said: &Said, request: Request) -> Course<'a> {
        if let Some(preflight) = cors::preflight(&request) {
            return Course::Answered(preflight);
        }
        if said.length.is_some_and(|length| length > MAX_BODY as u64) {
            let too_long = format!("a body may have {MAX_BODY} bytes at most");
            return Course::Answered(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, too_long).into_response());
        }
        if desk.kind == Kind::Plain {
            return Course::Calm(self.serve(request), None);
        }
        match misbehave::admit(&self.api, desk.route, peer, said, &request) {
            Err(refused) => Course::Answered(*refused),
            Ok((visit, None)) => Course::Calm(self.serve(request), Some(visit)),
            Ok((visit, Some(storm))) => {
                let serve = async |request: Request| {
                    let Ok(response) = self.serve(request).await;
                    response
                };
                Course::Fated(Box::pin(storm.serve(&self.api, request, serve, visit)))
            }
        }
    }
}

/// What is known of one route.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) route: &'static str,
    pub(crate) kind: Kind,
    pub(crate) metrics: Arc<RouteMetrics>,
}

impl App for Front {
    fn answer(&self, peer: &Peer, request: Request) -> impl Future<Output = Response> + Send {
        let desk = self.desks.at(request.uri().path()).map_or(&self.unknown, |found| found.value);
        let started = Instant::now();
        let said = Said::by(request.headers());
        let (id, has_origin) = (sensible_or_next(said.id.as_ref()), said.has_origin);
        // What the log needs is kept only if somebody reads it.
        let logged = tracing::enabled!(target: "mock_api::access", tracing::Level::INFO)
            .then(|| Box::new((peer.name.clone(), request.method().clone(), request.uri().clone())));
        let course = self.course(desk, peer, &said, request);
        async move {
            let mut response = match course {
                Course::Answered(response) => response,
                Course::Calm(served, visit) => {
                    let Ok(response) = served.await;
                    match visit {
                        Some(visit) => counted::count(response, visit),
                        None => response,
                    }
                }
                Course::Fated(answered) => answered.await,
            };
            response.headers_mut().insert(REQUEST_ID, id);
            if has_origin {
                cors::allow(response.headers_mut());
            }
            let (status, time) = (response.status().as_u16(), started.elapsed());
            desk.metrics.answered(status, time);
            if let Some((peer, method, uri)) = logged.map(|logged| *logged) {
                let id =
                    response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
                let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                tracing::info!(target: "mock_api::access", %peer, %method, %uri, status, us, id);
            }
            response
        }
    }
}

/// What the header fields of a request say to the front, found in one pass: most requests have few of them, and each
/// look-up by name costs a hash.
#[derive(Debug, Default)]
struct Said {
    id: Option<HeaderValue>,
    has_origin: bool,
    /// The client's name for itself.
    client: Option<HeaderValue>,
    /// The fault that it orders.
    fault: Option<HeaderValue>,
    /// The announced length of the body.
    length: Option<u64>,
}

impl Said {
    fn by(headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            // Of a field that stands there twice, the first one counts.
            if name == REQUEST_ID {
                said.id.get_or_insert_with(|| value.clone());
            } else if name == header::ORIGIN {
                said.has_origin = true;
            } else if name == CLIENT_ID {
                said.client.get_or_insert_with(|| value.clone());
            } else if name == FAULT {
                said.fault.get_or_insert_with(|| value.clone());
            } else if name == header::CONTENT_LENGTH {
                said.length = value.to_str().ok().and_then(|length| length.parse().ok());
            }
        }
        said
    }
}
