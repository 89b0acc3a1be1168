//! Slices as threads keep them: small, so that recording costs little. Their words are put together when somebody asks.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use super::{Slice, State};

/// A span, as its slices know it: the words that they have in common, and what is remembered while it is open.
///
/// One thread at a time enters a span, and whoever hands a future to another thread orders its memory: `Relaxed`.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) lane: Lane,
    pub(crate) name: Cow<'static, str>,
    pub(crate) label: String,
    pub(crate) state: State,
    /// When it was last left, or opened if it is a task: from then to its next entry it waits. 0 is never.
    pub(crate) left: AtomicU64,
    /// Whether it has an open span within it that waits for someone inside: then so does it.
    pub(crate) blocked: AtomicBool,
    /// The span around it, where it waits for someone inside and that span with it.
    pub(crate) blocks: Option<Arc<Self>>,
}

impl Origin {
    pub(crate) fn new(lane: Lane, name: impl Into<Cow<'static, str>>, label: String, state: State) -> Self {
        let (left, blocked) = (AtomicU64::new(0), AtomicBool::new(state == State::Blocked));
        Self { lane, name: name.into(), label, state, left, blocked, blocks: None }
    }
}

/// Where a slice is drawn.
#[derive(Clone, Debug)]
pub(crate) enum Lane {
    /// On the thread that keeps it.
    Thread,
    /// On the task of this number.
    Task(u64),
    /// On a lane of another process.
    Named(String),
}

/// A slice, with its words behind a pointer.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) origin: Arc<Origin>,
    pub(crate) state: State,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Kept {
    /// The slice, of a thread that has this lane.
    pub(crate) fn on(self, thread: &str) -> Slice {
        let Self { origin, state, start_ns, end_ns } = self;
        let lane = match &origin.lane {
            Lane::Thread => thread.to_owned(),
            Lane::Task(number) => format!("task {number}"),
            Lane::Named(lane) => lane.clone(),
        };
        Slice { lane, state, name: origin.name.to_string(), label: origin.label.clone(), start_ns, end_ns }
    }
}

impl From<Slice> for Kept {
    /// A slice that is there already, such as another process's.
    fn from(slice: Slice) -> Self {
        let Slice { lane, state, name, label, start_ns, end_ns } = slice;
        let origin = Arc::new(Origin::new(Lane::Named(lane), name, label, state));
        Self { origin, state, start_ns, end_ns }
    }
}
