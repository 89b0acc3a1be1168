//! The simulated HTTP API: realistic, seeded, and able to misbehave.
//!
//! ```text
//! serve       accepts connections, cuts off slow heads, resets on order, lets open requests finish at the end
//! front       what every request passes: id, limits, ledger, faults, CORS, metrics, access log
//! fault       what goes wrong, decided by (seed, target, attempt)
//! ledger      what was served to whom
//! collection  filters, orders and the four ways to page
//! routes      the endpoints
//! openapi     their description, and the pages that show it
//! ```
//!
//! Every body is a pure function of the seed and the request: no clock, no arrival order and no stored state go into
//! one, so that two clients that ask the same get the same bytes, today and on another machine. The exceptions are the
//! administration's own answers, which tell what happened.
//!
//! [`app`] is the router, for tests that call it directly; [`run`] serves it on a listener until told to stop.

pub mod cli;
mod collection;
mod config;
mod dice;
mod fault;
mod front;
mod input;
mod ledger;
mod metrics;
mod openapi;
mod problem;
mod routes;
mod serve;

use std::sync::{Arc, OnceLock};

pub use config::Config;
pub use fault::{Drift, Drip, Errors, Latency, Outage, Profile, ProfileError, RateLimit, Share};
pub use serve::{ServeError, run};

use datagen::localities::Localities;

use collection::{Cursors, Views};
use fault::InForce;
use ledger::Ledger;
use metrics::{Metrics, RouteMetrics};
use routes::{Customers, Digests, Orders, Products};

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    config: Config,
    in_force: InForce,
    ledger: Ledger,
    metrics: Metrics,
    /// The counters of each route; set when the router has been made. It is not a layer's, as each layer of a router costs
    /// every request an allocation.
    routes: OnceLock<Vec<Arc<RouteMetrics>>>,
    cursors: Cursors,
    views: Views,
    digests: Digests,
    orders: Arc<Orders>,
    products: Arc<Products>,
    /// Made when they are first asked for, as they take some milliseconds.
    customers: OnceLock<Arc<Customers>>,
    localities: OnceLock<Localities>,
}

/// The whole API as a router. It needs no listener and holds no task.
///
/// Served by something else than [`run`], it knows no client addresses, and a reset connection is a torn one.
pub fn app(config: Config) -> axum::Router {
    routes::router(&Api::new(config))
}

impl Api {
    fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            in_force: InForce::new(config.profile.clone()),
            ledger: Ledger::default(),
            metrics: Metrics::default(),
            routes: OnceLock::new(),
            cursors: Cursors::new(config.cursor_ttl),
            views: Views::default(),
            digests: Digests::default(),
            orders: Arc::new(Orders::new(config.seed, config.orders)),
            products: Arc::new(Products::new(config.seed)),
            customers: OnceLock::new(),
            localities: OnceLock::new(),
            config,
        })
    }
}
