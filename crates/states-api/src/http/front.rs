//! What every request passes on its way in and every answer on its way out: request id, CORS, metrics and access log.
//!
//! One layer, because each layer of a router costs every request an allocation.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serving::metrics::RouteMetrics;
use serving::request_id::{REQUEST_ID, request_id};
use serving::serve::Peer;
use tower_layer::Layer;
use tower_service::Service;

/// The target of the access log's lines.
pub(crate) const ACCESS: &str = "states_api::access";

const EXPOSED: HeaderValue =
    HeaderValue::from_static("age, etag, link, retry-after, warning, x-partial, x-request-id");

/// The layer of one route.
#[derive(Clone, Debug)]
pub(super) struct Front(pub(super) Arc<RouteMetrics>);

/// A route with its layer.
#[derive(Clone, Debug)]
pub(super) struct Fronted<S> {
    metrics: Arc<RouteMetrics>,
    inner: S,
}

impl<S> Layer<S> for Front {
    type Service = Fronted<S>;

    fn layer(&self, inner: S) -> Fronted<S> {
        Fronted { metrics: Arc::clone(&self.0), inner }
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
        let started = Instant::now();
        let metrics = Arc::clone(&self.metrics);
        let id = request_id(request.headers());
        // What the log needs is kept only if somebody reads it.
        let logged = tracing::enabled!(target: ACCESS, tracing::Level::INFO).then(|| {
            let peer = request.extensions().get::<Peer>().map(|peer| Arc::clone(&peer.name));
            (request.method().clone(), request.uri().clone(), peer)
        });
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(response) => response.into_response(),
                Err(never) => match never {},
            };
            let status = response.status().as_u16();
            metrics.answered(status, started.elapsed());
            if let Some((method, uri, peer)) = logged {
                let us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
                let (id, peer) = (id.to_str().unwrap_or_default(), peer.as_deref().unwrap_or("local"));
                tracing::info!(target: ACCESS, peer, %method, %uri, status, us, id);
            }
            let headers = response.headers_mut();
            headers.insert(REQUEST_ID, id);
            // Public data, and no credentials: any page may read it.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            Ok(response)
        })
    }
}
