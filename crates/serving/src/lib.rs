//! What the servers of this workspace share, so that it stands once.
//!
//! ```text
//! program     the address to listen on, what ends a server, how many files may be open
//! serve       accepts connections, ends those of clients that do nothing, resets on order, lets open requests finish at the end
//! input       path and query parameters that answer a bad value with a problem that names the field
//! problem     errors as clients see them: `application/problem+json`
//! json        answers of JSON
//! openapi     descriptions made from the handlers' own types, and the two pages that show them without a network
//! request_id  the id by which a client and a log speak of one request
//! metrics     counters for each route, as text for Prometheus
//! ```
//!
//! Nothing in here knows what is served.

pub mod input;
pub mod json;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod program;
pub mod request_id;
pub mod serve;
