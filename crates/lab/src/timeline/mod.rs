//! Who worked, who waited, and when.
//!
//! Spans are the only instrument: code says `span!(Running, "parse", label)`, and being in it is kept as slices of time.
//!
//! - A span entered on a thread gives a slice on that thread's lane for each time it was entered.
//! - Between two entries of the same span lies a slice of waiting: a future that is [drawn](Drawn) as a span is entered
//!   for each poll, so what lies between the polls is the time it waited.
//!   While a span of state [`State::Blocked`] is open in it, it waits for someone inside: then that slice is one of being
//!   blocked.
//! - A span of state [`State::Task`] opens a lane of its own, and the spans inside it are drawn there: the lanes of an
//!   event loop are its tasks, not its only thread.
//! - Slices on one lane nest; the innermost one is what the lane was doing.
//!
//! Each thread appends to a buffer of its own. Nothing is kept, and spans are not even created, until [`record`] turns
//! recording on; timed samples run with it off.

mod buffers;
mod chrome;
mod drawn;
mod kept;
mod span;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::sync;
use buffers::{Buffer, Buffers};
pub use chrome::{read_chrome, write_chrome};
pub use drawn::Drawn;
pub(crate) use kept::Kept;
pub use span::{Entered, Span};

/// Makes a span of the timeline: a [`State`], a literal name, and a label that is formatted only while recording.
///
/// ```
/// let _working = lab::span!(Running, "parse", "orders.csv").entered();
/// ```
#[macro_export]
macro_rules! span {
    ($state:ident, $name:literal, $label:expr) => {
        if $crate::timeline::recording() {
            $crate::timeline::Span::new($crate::timeline::State::$state, $name, &$label)
        } else {
            $crate::timeline::Span::none()
        }
    };
}

/// What a lane was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// Computing, or in a call that does not say that it waits.
    Running,
    /// Waiting for something outside: an answer, a timer, the next message.
    Waiting,
    /// Waiting for someone inside: a lock that is held, a queue that is full.
    Blocked,
    /// Passing data between processes.
    Sending,
    /// A task of an event loop: it has a lane of its own, on which it runs while it is polled.
    Task,
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Running, Self::Waiting, Self::Blocked, Self::Sending, Self::Task];

    /// The state's name, as it stands in a trace file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Blocked => "blocked",
            Self::Sending => "sending",
            Self::Task => "task",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A stretch of time on one lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The thread, task or process that it belongs to.
    pub lane: String,
    /// What the lane was doing.
    pub state: State,
    /// The span's name, such as `task`.
    pub name: String,
    /// The span's label, such as a file's name.
    pub label: String,
    /// Start, in nanoseconds of the monotonic clock that all processes of the machine share.
    pub start_ns: u64,
    /// End, on the same clock.
    pub end_ns: u64,
}

static RECORDING: AtomicBool = AtomicBool::new(false);
static TASKS: AtomicU64 = AtomicU64::new(0);
static BUFFERS: Buffers = Buffers::new();

thread_local! {
    static BUFFER: RefCell<Option<Arc<Buffer>>> = const { RefCell::new(None) };
}

/// Turns recording on or off, and forgets what was recorded.
pub fn record(on: bool) {
    drop(drain());
    TASKS.store(0, Ordering::Relaxed);
    // Nobody orders other memory by this flag: a span that starts a moment too late is only not recorded.
    RECORDING.store(on, Ordering::Relaxed);
}

/// Whether spans are being recorded.
pub fn recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}

/// The monotonic clock in nanoseconds; the same for every process of this machine.
pub fn now() -> u64 {
    let time =
        clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or_else(|_| unreachable!("the clock is always there"));
    time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs()
}

/// Takes everything that was recorded so far, in order of start.
pub fn drain() -> Vec<Slice> {
    let mut all = BUFFERS.drain();
    all.sort_by(|one, two| (one.start_ns, two.end_ns).cmp(&(two.start_ns, one.end_ns)));
    all
}

/// Adds what another process recorded, on a lane of this name. `sent` is when the process was given the work: from then
/// to its first slice, and from its last slice to now, the work was being sent.
pub fn absorb(lane: &str, sent: Option<u64>, slices: Vec<Slice>) {
    if !recording() {
        return;
    }
    if let (Some(sent), Some(first), Some(last)) =
        (sent, slices.first(), slices.iter().map(|slice| slice.end_ns).max())
    {
        for (start_ns, end_ns) in [(sent, first.start_ns), (last, now())] {
            let (name, label) = ("pipe".into(), first.label.clone());
            keep(Slice { lane: lane.into(), state: State::Sending, name, label, start_ns, end_ns }.into());
        }
    }
    for mut slice in slices {
        // The main thread of a process is the process; its other threads keep their names behind it.
        slice.lane = if slice.lane == "main" { lane.into() } else { format!("{lane}: {}", slice.lane) };
        keep(slice.into());
    }
}

/// Adds a slice to the calling thread's buffer, which is made when the thread records for the first time.
fn keep(slice: Kept) {
    BUFFER.with_borrow_mut(|mine| {
        mine.get_or_insert_with(|| BUFFERS.open(std::thread::current().name().unwrap_or("thread")))
            .keep(slice);
    });
}
