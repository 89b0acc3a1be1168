//! An HTTP client with manners: deadlines, limits, retries with back-off, and `Retry-After` obeyed.
//!
//! A [`Client`] fetches a [`Target`] under [`Manners`] and returns a whole [`Answer`] or a [`Failed`] whose
//! [`FetchError`] says in which way it failed, so that a caller can count, retry or explain.
//!
//! - Every wait has a deadline: for the connection, for the next bytes, and for the whole with all its attempts.
//! - A body is returned whole or not at all: one that ends before its announced length is an error, one that is longer
//!   than the limit is not read further. Its content encoding is undone, whether or not anybody asked for one.
//! - A user name and a password in a URL are sent to the server and shown to nobody: no error, label or log line of this
//!   crate has them.
//! - A [`Gate`] keeps the requests of all clients that share it to so many at once for a host and so many a second. It also
//!   learns the rate limit of each host from what the host tells and refuses ([`Pace`]): a refusal (429) costs time and no
//!   answer.
//! - What is too large for memory is read as it comes ([`Client::open`]), also in parts, under a [`Throttle`].
//! - A [`Prober`] times the phases of one request, by the kernel's clock and not by when it got round to reading.
//! - What a server tells of its limits is read ([`Quota`]), for a caller who keeps them.
//! - With a [`Memory`], what has not changed is not sent again (`ETag`, `Last-Modified`).
//! - A [`Circuit`] leaves a server alone that does not answer, and a [`Bulkhead`] lets at most so many requests at it.
//!
//! Nothing in here knows of threads, strategies or files.

mod answer;
mod backoff;
mod base64;
mod bucket;
mod bulkhead;
mod circuit;
mod client;
mod encoding;
mod error;
mod gate;
mod incoming;
mod manners;
mod memory;
mod pace;
mod probe;
#[cfg(any(test, fuzzing))]
pub mod promises;
mod quota;
mod roads;
mod stamped;
mod target;
mod throttle;
mod tls;
mod wire;

pub use answer::{Answer, Once};
pub use backoff::retry_after;
pub use bulkhead::{Bulkhead, Pass};
pub use circuit::{Circuit, Flow, Fuse};
pub use client::Client;
pub use error::{Failed, FetchError, Phase, Refusal};
pub use gate::{Gate, Limits};
pub use incoming::{Ask, Head, Incoming, Part, Stated};
pub use manners::Manners;
pub use memory::{Kept, Memory};
pub use pace::{Pace, RateLimit};
pub use probe::{Phases, Probe, Probed, Prober, Probing, note_waking};
pub use quota::Quota;
pub use target::Target;
pub use throttle::Throttle;
