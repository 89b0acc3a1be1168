//! The `tracing` layer that turns spans into slices.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::kept::{Lane, Origin};
use super::{Kept, State, TARGET, TASKS, keep, now, recording};

/// The layer, with the filter that keeps it silent until recording is on.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Whether a span is of the timeline is decided once for its place in the code, so that other people's spans cost
    // nothing; whether it is recorded depends on the switch that `span!` asks.
    Slices.with_filter(FilterFn::new(|span: &Metadata<'_>| span.target() == TARGET))
}

thread_local! {
    /// The spans that the calling thread is in, the innermost one last, and since when. What a span's end needs is found
    /// here, without another look into the registry.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

struct Entered {
    id: Id,
    origin: Arc<Origin>,
    at: u64,
}

/// Whether the calling thread is in a task's span.
pub(super) fn in_task() -> bool {
    ENTERED.with_borrow(|entered| entered.iter().any(|span| span.origin.state == State::Task))
}

struct Slices;

impl<S> Layer<S> for Slices
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields { state: State::Running, label: String::new() };
        attributes.record(&mut fields);
        // It is drawn on the lane of the task around it, if there is one; otherwise on the thread that enters it.
        let lane = if fields.state == State::Task {
            Lane::Task(TASKS.fetch_add(1, Relaxed))
        } else {
            span.parent().and_then(|around| Some(origin(&around)?.lane.clone())).unwrap_or(Lane::Thread)
        };
        let new = Origin::new(lane, span.name(), fields.label, fields.state);
        if fields.state == State::Task {
            new.left.store(now(), Relaxed);
        }
        span.extensions_mut().insert(Arc::new(new));
        if fields.state == State::Blocked {
            block(&span, true);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if origin(&span).is_some_and(|origin| origin.state == State::Blocked) {
            block(&span, false);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(origin) = context.span(id).and_then(|span| origin(&span)) else { return };
        ENTERED.with_borrow_mut(|entered| {
            let (at, left) = (now(), origin.left.load(Relaxed));
            // Where the span around this one was entered anew as well, it is that one that waited: two slices of waiting
            // that begin and end at the polls of both would cross, and the slices of a lane must nest. A task has its own
            // lane.
            let alone =
                || origin.state == State::Task || entered.last().is_none_or(|around| around.at <= left);
            if left > 0 && recording() && alone() {
                let state = if origin.blocked.load(Relaxed) { State::Blocked } else { State::Waiting };
                keep(Kept { origin: Arc::clone(&origin), state, start_ns: left, end_ns: at });
            }
            entered.push(Entered { id: id.clone(), origin, at });
        });
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        ENTERED.with_borrow_mut(|entered| {
            let Some(which) = entered.iter().rposition(|span| span.id == *id) else { return };
            let Entered { origin, at, .. } = entered.remove(which);
            let end = now();
            origin.left.store(end, Relaxed);
            if recording() {
                let state = if origin.state == State::Task { State::Running } else { origin.state };
                keep(Kept { origin, state, start_ns: at, end_ns: end });
            }
        });
    }
}

fn origin<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> Option<Arc<Origin>> {
    span.extensions().get().cloned()
}

/// Notes in the span around one that waits for someone inside that it does, or no longer does.
fn block<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>, blocked: bool) {
    if let Some(around) = span.parent().and_then(|around| origin(&around)) {
        around.blocked.store(blocked, Relaxed);
    }
}

struct Fields {
    state: State,
    label: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "label" {
            let _ = write!(self.label, "{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "state" {
            self.state = State::from_name(value).unwrap_or(State::Running);
        }
    }
}

#[cfg(test)]
mod tests;
