//! The `tracing` layer that turns spans into slices.

use std::fmt::{Debug, Write};
use std::sync::atomic::Ordering;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

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
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        let Some(open) = extensions.get_mut::<Open>() else { return };
        open.entered = now();
        if let Some(left) = open.left
            && recording()
        {
            keep(open.slice(span.name(), State::Waiting, left, open.entered));
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
