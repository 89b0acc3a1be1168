//! The simulated HTTP API: realistic, seeded, and able to misbehave.
//!
//! Every answer is a pure function of the seed and the request: no clock, no arrival order and no stored state go into
//! a body, so that two clients that ask the same get the same bytes, today and on another machine.
//!
//! [`app`] is the router, for tests that call it directly; [`run`] serves it on a listener until told to stop.

pub mod cli;
mod config;
mod dice;
mod input;
mod problem;
mod routes;
mod serve;

use std::sync::Arc;

pub use config::Config;
pub use serve::{ServeError, run};

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Api {
    config: Config,
}

/// The whole API as a router. It needs no listener and holds no task.
pub fn app(config: Config) -> axum::Router {
    routes::router(Arc::new(Api { config }))
}
