//! Worker processes: our own executable, started again, spoken to over framed pipes.
//!
//! The protocol and the promises are explained in this folder's `README.md`.

mod attend;
mod bytes;
mod chain;
mod frame;
mod pool;
mod program;
mod queue;
pub(crate) mod supervise;
mod worker;

pub use crate::lifeline::hold;
pub use crate::pipes::{claim_stdin, claim_stdout};
use crate::sync;
pub use bytes::Bytes;
pub use chain::{Link, Planned, Stage, Told, chain};
pub use frame::{Frame, MAX_PAYLOAD};
pub use pool::{Pool, Ticket};
pub use program::{Limits, Program};
pub use queue::Progress;
pub use supervise::Reaped;
pub use worker::Role;
