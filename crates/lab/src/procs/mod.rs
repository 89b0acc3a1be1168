//! Worker processes: our own executable, started again, spoken to over framed pipes.
//!
//! The protocol and the promises are explained in this folder's `README.md`.

mod chain;
mod frame;
mod pool;
pub(crate) mod supervise;
mod worker;

pub use chain::{Link, Planned, Stage, Told, chain};
pub use frame::{Frame, MAX_PAYLOAD};
pub(crate) use pool::map;
pub use worker::Role;
