//! Futures on the timeline.

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Span, recording, span};

/// Draws a future: it runs while it is polled, and waits between the polls.
pub trait Drawn: Future + Sized {
    /// Draws it as this span.
    fn drawn(self, span: Span) -> impl Future<Output = Self::Output> {
        Drawing { future: self, span }
    }

    /// Draws it as this span where a thread runs it alone. On an event loop its task is drawn, which says the same.
    fn drawn_on_thread(self, new: impl FnOnce() -> Span) -> impl Future<Output = Self::Output> {
        self.drawn(if recording() && !span::in_task() { new() } else { Span::none() })
    }
}

impl<F: Future> Drawn for F {}

pin_project! {
    struct Drawing<F> {
        #[pin]
        future: F,
        span: Span,
    }
}

impl<F: Future> Future for Drawing<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = this.span.enter();
        this.future.poll(context)
    }
}
