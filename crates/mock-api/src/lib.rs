//! The simulated HTTP API: realistic, seeded, and able to misbehave.
//!
//! ```text
//! front       what every request passes: id, limits, ledger, faults, CORS, metrics, access log
//! fault       what goes wrong, decided by (seed, target, attempt)
//! ledger      what was served to whom
//! collection  filters, orders and the four ways to page
//! routes      the endpoints
//! openapi     their description, and the pages that show it
//! ```
//!
//! What any server needs (connections, parameters, problems, counters) is the crate `serving`.
//!
//! Every body is a pure function of the seed and the request: no clock, no arrival order and no stored state go into
//! one, so that two clients that ask the same get the same bytes, today and on another machine. The exceptions are the
//! administration's own answers, which tell what happened.
//!
//! [`run`] serves it on a listener until told to stop; [`Beside`] is one on a thread of its own.

mod beside;
pub mod cli;
mod collection;
mod config;
mod dice;
mod fault;
mod front;
mod ledger;
mod metrics;
mod openapi;
mod routes;

use std::sync::{Arc, OnceLock};

pub use beside::Beside;
pub use config::Config;
pub use fault::{Drift, Drip, Errors, Latency, Outage, Profile, ProfileError, RateLimit, Share};
pub use serving::serve::ServeError;

use datagen::localities::Localities;
use serving::serve::{Limits, Loops};
use serving::{input, problem};
use tokio::net::TcpListener;

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
    /// The counters of each route; set when the router has been made.
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

/// Serves the API on `listener` until `shutdown` completes; then accepts nothing more, lets open requests finish within
/// [`Config::shutdown_deadline`] and drops what is left. No task outlives the returned future's completion.
///
/// # Errors
/// [`ServeError::Start`] when the system refuses a thread. [`ServeError::Accept`] when the listening socket itself fails; a
/// connection that fails costs only itself, and a shortage of file descriptors is waited out.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    serve(listener, Api::new(config), shutdown).await
}

async fn serve(
    listener: TcpListener,
    api: Arc<Api>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let limits = Limits::new(api.config.client_timeout, api.config.shutdown_deadline);
    let loops = Loops::start(api.config.workers)?;
    let front = routes::front(Arc::clone(&api));
    serving::serve::run(listener, front, &loops, limits, &api.metrics.connections, shutdown).await
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
