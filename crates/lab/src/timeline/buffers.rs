//! The buffers of all threads that record: each thread appends to its own, and one collects them.

use std::sync::Arc;

use super::sync::Mutex;
use crate::timeline::{Kept, Slice};

/// The buffers of all threads that have recorded. Locked when a thread records for the first time, and to collect.
pub(super) struct Buffers(Mutex<Vec<Arc<Buffer>>>);

/// What one thread has recorded. Its lock is contended only while the buffers are collected.
pub(super) struct Buffer {
    pub(super) lane: String,
    slices: Mutex<Vec<Kept>>,
}

impl Buffers {
    /// Nobody's yet.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// A buffer for a thread of this name. Threads of one name, such as those of a library's pool, do not share a lane.
    pub(super) fn open(&self, name: &str) -> Arc<Buffer> {
        let mut buffers = self.0.lock();
        let taken = |lane: &str| buffers.iter().any(|buffer| buffer.lane == lane && !buffer.is_left());
        let numbered = (2..).map(|number| format!("{name} #{number}"));
        let lane =
            std::iter::once(name.to_owned()).chain(numbered).find(|lane| !taken(lane)).unwrap_or_default();
        let new = Arc::new(Buffer { lane, slices: Mutex::default() });
        buffers.push(Arc::clone(&new));
        new
    }

    /// Takes what is in all buffers, and forgets those of threads that have ended.
    pub(super) fn drain(&self) -> Vec<Slice> {
        let mut all = Vec::new();
        self.0.lock().retain(|buffer| {
            // First whether its thread has ended, then what it kept: a thread that goes on in between keeps its last slices
            // for the next time.
            let left = buffer.is_left();
            let kept = std::mem::take(&mut *buffer.slices.lock());
            all.extend(kept.into_iter().map(|slice| slice.on(&buffer.lane)));
            !left
        });
        all
    }
}

impl Buffer {
    /// Adds a slice.
    pub(super) fn keep(&self, slice: Kept) {
        self.slices.lock().push(slice);
    }

    /// Whether only the list of buffers holds it: its thread has ended.
    fn is_left(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }
}
