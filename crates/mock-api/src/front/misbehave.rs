//! Serves a request of the simulation: enters it in the ledger, lets its fate happen, and closes the ledger's entry.

use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Peer, ResetConnection, Said, counted};
use crate::Api;
use crate::fault::{self, Fate, Fault, FaultOrder, Profile, RateLimit};
use crate::ledger::Visit;
use crate::problem::Problem;

/// In a request's extensions: how the pages of a collection misbehave for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageFaults {
    pub(crate) drift: Option<fault::Drift>,
    pub(crate) duplicate: bool,
}

/// A JSON body up to this size can be malformed; a larger one is left whole.
const MAX_MALFORMED: usize = 16 * 1024 * 1024;

/// What happens to a request that was admitted.
#[derive(Debug)]
pub(super) struct Storm {
    fate: Fate,
    /// The limit to tell of, and what is left of it.
    quota_left: Option<(RateLimit, f64)>,
}

/// Enters a request in the ledger and decides what happens to it, if anything does; or refuses it.
pub(super) fn admit(
    api: &Api,
    route: &'static str,
    peer: &Peer,
    said: &Said,
    request: &Request,
) -> Result<(Visit, Option<Storm>), Box<Response>> {
    let problem = |expected: String| Box::new(Problem::field("X-Fault", expected).into_response());
    let order = match said.fault.as_ref().map(|order| order.to_str().map(FaultOrder::parse)) {
        None => None,
        Some(Ok(Ok(order))) => Some(order),
        Some(Ok(Err(expected))) => return Err(problem(expected)),
        Some(Err(_)) => return Err(problem("is not ASCII".to_owned())),
    };
    let stormy = api.in_force.stormy();
    let target = request.uri().path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    let visit = {
        let named = said.client.as_ref().and_then(|id| id.to_str().ok());
        let named = named.filter(|id| (1..=128).contains(&id.len()));
        api.ledger.enter(named.unwrap_or(&peer.name), target, route)
    };
    let (fate, quota) = match (order, &stormy) {
        (None, None) => (Fate::default(), None),
        (Some(order), stormy) => (order.fate(visit.attempt), stormy.as_ref()),
        (None, Some(stormy)) => (stormy.0.fate(api.config.seed, target, visit.attempt), Some(stormy)),
    };
    let mut quota_left = None;
    if let Some((profile, since)) = quota {
        match within_quota(api, &visit, profile, *since) {
            Ok(left) => quota_left = profile.rate_limit.filter(|limit| limit.told).zip(left),
            Err(refused) => return Err(Box::new(counted::count(*refused, visit))),
        }
    }
    let calm = quota_left.is_none() && fate == Fate::default();
    Ok((visit, (!calm).then_some(Storm { fate, quota_left })))
}

impl Storm {
    /// Serves the request with whatever is its fate.
    pub(super) async fn serve(
        self,
        api: &Api,
        request: Request,
        serve: impl AsyncFnOnce(Request) -> Response,
        visit: Visit,
    ) -> Response {
        let mut response = let_happen(api, request, serve, visit, self.fate).await;
        if let Some((limit, left)) = self.quota_left {
            tell(&mut response, limit, left);
        }
        response
    }
}

/// Serves a request that was admitted, with whatever is its fate.
async fn let_happen(
    api: &Api,
    mut request: Request,
    serve: impl AsyncFnOnce(Request) -> Response,
    visit: Visit,
    mut fate: Fate,
) -> Response {
    if !fate.latency.is_zero() {
        api.metrics.fault("latency");
        tokio::time::sleep(fate.latency).await;
    }
    if let Some(fault) = fate.fault.take() {
        let drift = fate.drift;
        return happen(api, request, serve, visit, fault, drift).await;
    }
    if fate.drift.is_some() {
        request.extensions_mut().insert(PageFaults { drift: fate.drift, duplicate: false });
    }
    counted::count(serve(request).await, visit)
}

/// The two faults that follow the clock: an outage, and an empty bucket. Says how many tokens are left in one that is not.
fn within_quota(
    api: &Api,
    visit: &Visit,
    profile: &Profile,
    since: Instant,
) -> Result<Option<f64>, Box<Response>> {
    let now = Instant::now();
    if profile.rate_limit.is_some() || !profile.outages.is_empty() {
        visit.note_manners(now);
    }
    if let Some(left) = profile.clock_outage(now.saturating_duration_since(since)) {
        api.metrics.fault("outage");
        let refused = come_back(StatusCode::SERVICE_UNAVAILABLE, "there is an outage", left, visit, now);
        return Err(Box::new(refused));
    }
    let Some(limit) = profile.rate_limit else { return Ok(None) };
    visit.take_token(limit, now).map(Some).map_err(|wait| {
        api.metrics.fault("rate_limit");
        let why = "this client's quota on this route is used up";
        let mut refused = come_back(StatusCode::TOO_MANY_REQUESTS, why, wait, visit, now);
        if limit.told {
            tell(&mut refused, limit, 0.0);
        }
        Box::new(refused)
    })
}

/// Tells a limit and what is left of it, as draft-ietf-httpapi-ratelimit-headers-06 has it; `burst` is a parameter of ours, which
/// the draft provides for.
fn tell(response: &mut Response, limit: RateLimit, left: f64) {
    // Windows have whole seconds: the shortest in which the requests are a whole number too, if a minute has one.
    let window =
        (1_u32..=60).find(|window| (limit.per_second * f64::from(*window)).fract() < 1e-9).unwrap_or(60);
    let quantity = (limit.per_second * f64::from(window)).floor().max(1.0);
    let full = ((f64::from(limit.burst) - left) / limit.per_second).ceil().max(0.0);
    let fields = [
        ("ratelimit-policy", format!("{quantity};w={window};burst={}", limit.burst)),
        ("ratelimit-limit", quantity.to_string()),
        ("ratelimit-remaining", left.floor().to_string()),
        ("ratelimit-reset", full.to_string()),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

fn come_back(status: StatusCode, why: &str, wait: Duration, visit: &Visit, now: Instant) -> Response {
    // `Retry-After` has whole seconds; the client that comes after as many finds what it was promised.
    let seconds = wait.as_secs_f64().ceil().max(1.0);
    visit.told_to_wait(now + wait);
    let mut response = Problem::new(status, format!("{why}; come back in {seconds} s")).into_response();
    if let Ok(seconds) = HeaderValue::from_str(&seconds.to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

async fn happen(
    api: &Api,
    mut request: Request,
    serve: impl AsyncFnOnce(Request) -> Response,
    mut visit: Visit,
    fault: Fault,
    drift: Option<fault::Drift>,
) -> Response {
    api.metrics.fault(fault.name());
    let is_head = *request.method() == Method::HEAD;
    if drift.is_some() || fault == Fault::DuplicatePage {
        let duplicate = fault == Fault::DuplicatePage;
        request.extensions_mut().insert(PageFaults { drift, duplicate });
    }
    match fault {
        Fault::Status(status, retry_after) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let response = match retry_after {
                None => Problem::new(status, "this request was chosen to fail").into_response(),
                Some(seconds) => {
                    let wait = Duration::from_secs(seconds.into());
                    come_back(status, "this request was chosen to fail", wait, &visit, Instant::now())
                }
            };
            counted::count(response, visit)
        }
        Fault::Reset => {
            visit.spoil("reset");
            // Dropped here, the visit counts as cut short.
            drop(visit);
            let mut response = fault::tear(Body::empty(), 0).into_response();
            response.extensions_mut().insert(ResetConnection);
            response
        }
        Fault::Hang => {
            visit.spoil("hang");
            // The visit is dropped with this future, when the client gives up or the server stops.
            std::future::pending().await
        }
        Fault::Truncate(share) => {
            visit.spoil("truncate");
            truncated(serve(request).await, share, is_head, visit)
        }
        Fault::Malformed(share) => {
            visit.spoil("malformed_json");
            malformed(serve(request).await, share, visit).await
        }
        Fault::Drip(chunk, every) => {
            let mut response = serve(request).await;
            keep_length(&mut response);
            counted::count(response.map(|body| fault::drip(body, chunk, every)), visit)
        }
        Fault::ContentType => {
            visit.spoil("wrong_content_type");
            let mut response = serve(request).await;
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            counted::count(response, visit)
        }
        Fault::DuplicatePage => {
            visit.spoil("duplicate_page");
            counted::count(serve(request).await, visit)
        }
    }
}

/// Cuts the body within its length, of which the headers still tell.
fn truncated(mut response: Response, share: f64, is_head: bool, visit: Visit) -> Response {
    keep_length(&mut response);
    let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length: u64 = length.and_then(|length| length.parse().ok()).unwrap_or(1024);
    if is_head || length == 0 {
        return counted::count(response, visit);
    }
    // The share of a length lies within the length, so it is a sane number of bytes.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= share < 1")]
    let kept = (length as f64 * share) as u64;
    counted::count(response.map(|body| fault::tear(body, kept.min(length - 1))), visit)
}

/// Cuts a JSON body within its value, and lets the length fit the cut.
async fn malformed(response: Response, share: f64, visit: Visit) -> Response {
    let is_json = |kind: &HeaderValue| kind.as_bytes().starts_with(b"application/json");
    let short = response.body().size_hint().exact().is_some_and(|length| length <= MAX_MALFORMED as u64);
    let plain = !response.headers().contains_key(header::CONTENT_ENCODING);
    if !(short && plain && response.headers().get(header::CONTENT_TYPE).is_some_and(is_json)) {
        return counted::count(response, visit);
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_MALFORMED).await.unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 <= share < 1")]
    let kept = ((body.len() as f64 * share) as usize).max(1).min(body.len().saturating_sub(1));
    parts.headers.remove(header::CONTENT_LENGTH);
    // The client got all bytes and still has no records: the page does not count.
    parts.extensions.remove::<crate::ledger::ServedPage>();
    counted::count(Response::from_parts(parts, Body::from(body.slice(..kept))), visit)
}

/// States the length that the body has now, for a body that will not know it.
fn keep_length(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
}
