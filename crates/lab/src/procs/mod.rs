//! Worker processes: our own executable, started again, spoken to over framed pipes.
//!
//! The protocol and the promises are explained in this folder's `README.md`.

mod attend;
mod chain;
mod frame;
mod pool;
mod queue;
pub(crate) mod supervise;
mod worker;

pub use chain::{Link, Planned, Stage, Told, chain};
pub use frame::{Frame, MAX_PAYLOAD};
pub use pool::{Pool, Ticket};
pub use queue::Progress;
pub use worker::Role;
