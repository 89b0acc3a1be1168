//! What the three processes tell each other besides the rows.

use lab::Problem;
use lab::timeline::Slice;
use serde::{Deserialize, Serialize};

use super::persist::Target;
use super::plan::Plan;

/// Bytes that are gathered before they are handed over: of single rows, each would be a call of the system or a fence.
pub(super) const GATHERED: usize = 1 << 16;

/// What the transforming process starts from.
#[derive(Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) plan: Plan,
    pub(super) from: u64,
    pub(super) single: bool,
    pub(super) ring: bool,
    pub(super) persist: PersistSetup,
}

/// What the storing process starts from.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PersistSetup {
    pub(super) target: Target,
    /// An empty batch with the columns, as an Arrow IPC stream.
    pub(super) columns: Vec<u8>,
    pub(super) from: u64,
    pub(super) batches: u64,
    pub(super) commit_batches: u64,
    pub(super) record: bool,
}

/// What the storing process reports, a line of JSON each.
#[derive(Serialize, Deserialize)]
pub(super) enum Report {
    Committed(u64),
    /// The output is not where the relay was told that it is: somebody else has moved it, or is just ending.
    Moved,
    /// Everything is committed.
    Done(Timelines),
    Refused(Problem),
}

/// What both processes recorded.
#[derive(Serialize, Deserialize)]
pub(super) struct Timelines {
    pub(super) transform: Vec<Slice>,
    pub(super) persist: Vec<Slice>,
}
