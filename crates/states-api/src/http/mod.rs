//! The service as its clients see it.
//!
//! ```text
//! front     what every request passes: id, CORS, metrics, access log
//! routes    the endpoints
//! json      places as JSON, whole or with chosen fields
//! body      a body that is made once and handed out often, in each encoding
//! answer    the header fields that tell how old, how whole and how encoded an answer is
//! failures  what could not be had, as a problem
//! openapi   the description of it all
//! ```

mod answer;
mod body;
mod failures;
mod front;
mod json;
mod openapi;
mod routes;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use parking_lot::RwLock;
use serving::metrics::RouteMetrics;

use crate::application::{Atlas, Index};
use crate::domain::{Country, Selection};
use body::Shelf;

pub(crate) use front::ACCESS;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Service(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    atlas: Atlas,
    bodies: Shelf,
    /// The names of the whole country with the version of the atlas that they are of. Written once for each version.
    names: RwLock<Option<(u64, Arc<Index>)>>,
    metrics: std::sync::OnceLock<Vec<Arc<RouteMetrics>>>,
    connections: Arc<AtomicU64>,
}

/// A country as `/api/v1/states` answers with it.
pub(crate) fn document(country: &Country) -> Vec<u8> {
    json::bytes(&json::CountryView(country, Selection::ALL), 1 << 20)
}

impl Service {
    /// The service over an atlas.
    pub fn new(atlas: Atlas) -> Self {
        Self(Arc::new(Parts {
            atlas,
            bodies: Shelf::default(),
            names: RwLock::new(None),
            metrics: std::sync::OnceLock::new(),
            connections: Arc::default(),
        }))
    }

    /// The whole API as a router.
    pub fn router(&self) -> Router {
        routes::router(self)
    }

    /// What is known of the places.
    pub fn atlas(&self) -> &Atlas {
        &self.0.atlas
    }

    /// The number of open connections, kept by whoever serves them.
    pub fn connections(&self) -> &Arc<AtomicU64> {
        &self.0.connections
    }
}
