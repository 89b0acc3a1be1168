//! The `tracing` layer that turns spans into slices.

use std::fmt::{Debug, Write};
use std::sync::atomic::Ordering;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::{Slice, State, TARGET, TASKS, keep, now, recording, thread_lane};

/// The layer, with the filter that keeps it silent until recording is on.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Whether a span is of the timeline is decided once for its place in the code, so that other people's spans cost
    // nothing; whether it is recorded depends on the switch that `span!` asks.
    Slices.with_filter(FilterFn::new(|span: &Metadata<'_>| span.target() == TARGET))
}

struct Slices;

/// What the layer remembers of an open span.
struct Open {
    /// The lane of the task around it, if there is one; otherwise it is drawn on the thread that enters it.
    lane: Option<String>,
    state: State,
    label: String,
    entered: u64,
    /// When it was last left, or opened if it is a task: from then to its next entry it waits.
    left: Option<u64>,
    /// Whether it has an open span within it that waits for someone inside: then so does it.
    blocked: bool,
}

impl Open {
    fn slice(&self, name: &str, state: State, start_ns: u64, end_ns: u64) -> Slice {
        let lane = self.lane.clone().unwrap_or_else(thread_lane);
        let state = if state == State::Task { State::Running } else { state };
        Slice { lane, state, name: name.into(), label: self.label.clone(), start_ns, end_ns }
    }
}

impl<S> Layer<S> for Slices
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields { state: State::Running, label: String::new() };
        attributes.record(&mut fields);
        let (lane, left) = if fields.state == State::Task {
            (Some(format!("task {}", TASKS.fetch_add(1, Ordering::Relaxed))), Some(now()))
        } else {
            (span.parent().and_then(|parent| parent.extensions().get::<Open>()?.lane.clone()), None)
        };
        span.extensions_mut().insert(Open {
            lane,
            state: fields.state,
            label: fields.label,
            entered: 0,
            left,
            blocked: fields.state == State::Blocked,
        });
        if fields.state == State::Blocked {
            block(&span, true);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let blocked = span.extensions().get::<Open>().is_some_and(|open| open.state == State::Blocked);
        if blocked {
            block(&span, false);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let around = span.parent().and_then(|parent| Some(parent.extensions().get::<Open>()?.entered));
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else { return };
        open.entered = now();
        // Where the span around this one was entered anew as well, it is that one that waited: two slices of waiting that
        // begin and end at the polls of both would cross, and the slices of a lane must nest. A task has its own lane.
        if let Some(left) = open.left
            && recording()
            && (open.state == State::Task || around.is_none_or(|entered| entered <= left))
        {
            let state = if open.blocked { State::Blocked } else { State::Waiting };
            keep(open.slice(span.name(), state, left, open.entered));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else { return };
        let end = now();
        if recording() {
            keep(open.slice(span.name(), open.state, open.entered, end));
        }
        open.left = Some(end);
    }
}

/// Notes in the span around one that waits for someone inside that it does, or no longer does.
fn block<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>, blocked: bool) {
    let Some(around) = span.parent() else { return };
    if let Some(open) = around.extensions_mut().get_mut::<Open>() {
        open.blocked = blocked;
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
