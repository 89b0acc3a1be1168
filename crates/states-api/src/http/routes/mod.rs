//! The endpoints.

mod cities;
mod operation;
mod search;
mod states;

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::Router;
use axum::handler::HandlerWithoutStateExt as _;
use axum::http::{StatusCode, Uri};
use axum::routing::any;
use serving::metrics::RouteMetrics;
use serving::openapi::about;
use serving::problem::{Problem, unknown_method};

use super::Service;
use super::front::Front;
use super::openapi;

/// The router while it is made: each route gets its own layer and its own counters.
struct Routes {
    service: Service,
    router: ApiRouter<Service>,
    metrics: Vec<Arc<RouteMetrics>>,
}

/// The whole API.
pub(super) fn router(service: &Service) -> Router {
    let routes = Routes { service: service.clone(), router: ApiRouter::new(), metrics: Vec::new() };
    routes
        .route(
            "/api/v1/states",
            get_with(states::all, about("All states, with what is below them", "places")),
        )
        .route(
            "/api/v1/states/{uf}",
            get_with(states::one, about("One state, with what is below it", "places")),
        )
        .route("/api/v1/cities/{id}", get_with(cities::one, about("One city, with its districts", "places")))
        .route("/api/v1/search", get_with(search::find, about("Places by name, accents or not", "places")))
        .route("/health", get_with(operation::health, about("Is the service up?", "operation")))
        .route("/ready", get_with(operation::ready, about("Can it answer?", "operation")))
        .route("/metrics", get_with(operation::metrics, about("Counters for Prometheus", "operation")))
        .finish()
}

impl Routes {
    fn route(mut self, path: &'static str, methods: ApiMethodRouter<Service>) -> Self {
        let front = self.front(path);
        self.router =
            self.router.api_route(path, methods.fallback_service(unknown_method.into_service()).layer(front));
        self
    }

    fn front(&mut self, route: &'static str) -> Front {
        let metrics = Arc::new(RouteMetrics::new(route));
        self.metrics.push(Arc::clone(&metrics));
        Front(metrics)
    }

    fn finish(mut self) -> Router {
        let mut description = openapi::blank();
        let pages = self.front("(documentation)");
        let unknown = self.front("(unknown)");
        let router = self.router.finish_api(&mut description);
        // The description holds strings, numbers and lists, which always serialise.
        let description = serde_json::to_value(&description).unwrap_or_default();
        let pages = serving::openapi::pages("states-api", &description)
            .method_not_allowed_fallback(unknown_method)
            .layer(pages);
        let router = router.merge(pages).fallback_service(any(unknown_path).layer(unknown));
        // A second router of the same service counts on its own; the first one's counters are shown.
        let _ = self.service.0.metrics.set(self.metrics);
        router.with_state(self.service)
    }
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}; /docs shows what there is", uri.path()),
    )
}
