//! Spans: what turns a piece of code into slices of time.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::kept::{Lane, Origin};
use super::{Kept, State, TASKS, keep, now, recording};

/// A piece of work on the timeline; nothing where nobody records. [`span!`](crate::span) makes it.
#[derive(Debug, Default)]
pub struct Span(Option<Arc<Origin>>);

/// The calling thread is within a span until this is dropped, and drops it itself.
#[derive(Debug)]
#[must_use = "the span is left when this is dropped"]
pub struct Entered<S: Borrow<Span> = Span>(S, PhantomData<*const ()>);

thread_local! {
    /// The spans that the calling thread is in, the innermost one last, and since when.
    static INSIDE: RefCell<Vec<Inside>> = const { RefCell::new(Vec::new()) };
}

struct Inside {
    origin: Arc<Origin>,
    at: u64,
}

impl Span {
    /// A span within the one that the calling thread is in.
    pub fn new(state: State, name: &'static str, label: impl Display) -> Self {
        let around = INSIDE.with_borrow(|inside| inside.last().map(|span| Arc::clone(&span.origin)));
        // It is drawn on the lane of the task around it, if there is one; otherwise on the thread that enters it.
        let lane = match &around {
            _ if state == State::Task => Lane::Task(TASKS.fetch_add(1, Relaxed)),
            Some(around) => around.lane.clone(),
            None => Lane::Thread,
        };
        let mut new = Origin::new(lane, name, label.to_string(), state);
        if state == State::Task {
            new.left = now().into();
        }
        if state == State::Blocked {
            new.blocks = around.inspect(|around| around.blocked.store(true, Relaxed));
        }
        Self(Some(Arc::new(new)))
    }

    /// No span: what it is asked to draw is not drawn.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Is entered by the calling thread, until the guard is dropped.
    pub fn entered(self) -> Entered {
        self.begin();
        Entered(self, PhantomData)
    }

    /// As [`entered`](Self::entered), to be entered again.
    pub fn enter(&self) -> Entered<&Self> {
        self.begin();
        Entered(self, PhantomData)
    }

    fn begin(&self) {
        let Some(origin) = &self.0 else { return };
        INSIDE.with_borrow_mut(|inside| {
            let (at, left) = (now(), origin.left.load(Relaxed));
            // Where the span around this one was entered anew as well, it is that one that waited: two slices of waiting
            // that begin and end at the polls of both would cross, and the slices of a lane must nest. A task has its own
            // lane.
            let alone =
                || origin.state == State::Task || inside.last().is_none_or(|around| around.at <= left);
            if left > 0 && recording() && alone() {
                let state = if origin.blocked.load(Relaxed) { State::Blocked } else { State::Waiting };
                keep(Kept { origin: Arc::clone(origin), state, start_ns: left, end_ns: at });
            }
            inside.push(Inside { origin: Arc::clone(origin), at });
        });
    }

    fn end(&self) {
        let Some(origin) = &self.0 else { return };
        INSIDE.with_borrow_mut(|inside| {
            let Some(which) = inside.iter().rposition(|span| Arc::ptr_eq(&span.origin, origin)) else {
                return;
            };
            let Inside { origin, at } = inside.remove(which);
            let end = now();
            origin.left.store(end, Relaxed);
            if recording() {
                let state = if origin.state == State::Task { State::Running } else { origin.state };
                keep(Kept { origin, state, start_ns: at, end_ns: end });
            }
        });
    }
}

impl<S: Borrow<Span>> Drop for Entered<S> {
    fn drop(&mut self) {
        self.0.borrow().end();
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(around) = self.0.as_ref().and_then(|origin| origin.blocks.as_ref()) {
            around.blocked.store(false, Relaxed);
        }
    }
}

/// Whether the calling thread is in a task's span.
pub(super) fn in_task() -> bool {
    INSIDE.with_borrow(|inside| inside.iter().any(|span| span.origin.state == State::Task))
}
