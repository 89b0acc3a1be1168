//! The endpoints, one module for each family.

mod admin;
mod customers;
mod delay;
mod download;
mod echo;
mod health;
mod localities;
mod orders;
mod plain;
mod products;
mod streams;
mod weather;

use std::sync::Arc;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, get_with, post_with, put_with};
use axum::handler::HandlerWithoutStateExt as _;
use axum::http::{StatusCode, Uri};
use axum::routing::any;

pub(crate) use customers::Customers;
pub(crate) use download::Digests;
pub(crate) use orders::Orders;
pub(crate) use products::Products;
pub(crate) use serving::json::Json;
use serving::openapi::{PAGES, about};
use serving::problem::unknown_method;

use crate::Api;
use crate::front::{Desk, Front, Kind};
use crate::metrics::RouteMetrics;
use crate::openapi;
use crate::problem::Problem;

/// The API while it is made: each route gets its own desk and its own counters.
struct Routes {
    api: Arc<Api>,
    router: ApiRouter<Arc<Api>>,
    desks: matchit::Router<Desk>,
    metrics: Vec<Arc<RouteMetrics>>,
}

/// The whole API.
pub(crate) fn front(api: Arc<Api>) -> Front {
    let blank = Routes { api, router: ApiRouter::new(), desks: matchit::Router::new(), metrics: Vec::new() };
    let routes = blank
        .simulated("/weather/{city}", get_with(weather::one, about("The weather of a city", "data")))
        .simulated("/weather", get_with(weather::several, about("The weather of several cities", "data")))
        .simulated("/orders", get_with(orders::list, about("Orders, page by page", "data")))
        .simulated("/customers", get_with(customers::list, about("Customers, page by page", "data")))
        .simulated("/products", get_with(products::list, about("Products, page by page", "data")))
        .simulated("/download/{name}", get_with(download::download, download::document))
        .simulated(
            "/delay/{ms}",
            get_with(delay::delay, about("An answer after so many milliseconds", "behaviour")),
        )
        .simulated("/status/{code}", plain::status_route())
        .simulated("/bytes/{n}", get_with(plain::bytes, about("So many bytes", "behaviour")))
        .simulated("/echo", echo::route())
        .simulated("/drip", get_with(streams::drip, about("Bytes, slowly", "behaviour")))
        .simulated("/stream/{n}", get_with(streams::lines, about("So many lines of JSON", "behaviour")))
        .simulated("/sse", get_with(streams::events, about("Server-sent events", "behaviour")))
        .simulated(
            "/api/v1/localidades/estados",
            get_with(localities::states, about("The 27 states", "localities")),
        )
        .simulated(
            "/api/v1/localidades/estados/{uf}",
            get_with(localities::state, about("One state", "localities")),
        )
        .simulated(
            "/api/v1/localidades/estados/{uf}/municipios",
            get_with(localities::municipalities, about("A state's municipalities", "localities")),
        )
        .simulated(
            "/api/v1/localidades/municipios/{id}/distritos",
            get_with(localities::districts, about("A municipality's districts", "localities")),
        )
        .plain("/health", get_with(health::health, about("Is the server up?", "operation")))
        .plain("/metrics", get_with(health::metrics, about("Counters for Prometheus", "operation")))
        .plain("/admin/ledger", get_with(admin::ledger, about("What was served to whom", "admin")))
        .plain(
            "/admin/reset",
            post_with(admin::reset, about("Forget the ledger and start the clocks anew", "admin")),
        )
        .plain(
            "/admin/profile",
            get_with(admin::profile, about("The profile in force", "admin"))
                .merge(put_with(admin::change, about("Put another profile in force", "admin"))),
        )
        .plain(
            "/admin/profile/{name}",
            put_with(admin::choose, about("Put a built-in profile in force", "admin")),
        );
    routes.finish()
}

impl Routes {
    fn simulated(self, path: &'static str, methods: ApiMethodRouter<Arc<Api>>) -> Self {
        self.route(path, methods, Kind::Simulated)
    }

    fn plain(self, path: &'static str, methods: ApiMethodRouter<Arc<Api>>) -> Self {
        self.route(path, methods, Kind::Plain)
    }

    fn route(mut self, path: &'static str, methods: ApiMethodRouter<Arc<Api>>, kind: Kind) -> Self {
        let desk = self.desk(path, kind);
        self.reached_through(path, desk);
        self.router = self.router.api_route(path, methods.fallback_service(unknown_method.into_service()));
        self
    }

    fn desk(&mut self, route: &'static str, kind: Kind) -> Desk {
        let metrics = Arc::new(RouteMetrics::new(route));
        self.metrics.push(Arc::clone(&metrics));
        Desk { route, kind, metrics }
    }

    fn reached_through(&mut self, path: &str, desk: Desk) {
        // The router takes the same patterns, and panics on two that clash.
        let _ = self.desks.insert(path, desk);
    }

    fn finish(mut self) -> Front {
        let mut description = openapi::blank();
        let pages = self.desk("(documentation)", Kind::Plain);
        PAGES.iter().for_each(|path| self.reached_through(path, pages.clone()));
        let unknown = self.desk("(unknown)", Kind::Plain);
        let router = self.router.finish_api(&mut description);
        // The description holds strings, numbers and lists, which always serialise.
        let description = serde_json::to_value(&description).unwrap_or_default();
        let longest = u64::try_from(self.api.config.max_delay.as_millis()).unwrap_or(u64::MAX);
        let router = router
            .merge(openapi::pages(description, longest).method_not_allowed_fallback(unknown_method))
            .fallback_service(any(unknown_path))
            .with_state(Arc::clone(&self.api));
        // The front is made once for each state, so this is the first and only time.
        let _ = self.api.routes.set(self.metrics);
        Front { api: self.api, router, desks: self.desks, unknown }
    }
}

async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}
