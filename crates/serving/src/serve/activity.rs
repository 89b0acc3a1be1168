//! The deadline of a client: nobody keeps a connection open by doing nothing, or next to nothing.
//!
//! A connection is waiting either for the server (a handler works, or an answer has its next piece still to make) or for the
//! client: for a whole request head, for a body, for room to write. While it waits for the client it must see a *step* within
//! the deadline: a whole head, the end of a body or [`STRETCH`] bytes of it, a piece of an answer that was taken. Single bytes
//! are no steps, so a client that trickles them gains nothing. This covers what hyper has no timer for: a connection that sends
//! nothing, half of HTTP/2's preface, header frames without an end, and windows that are never opened.
//!
//! Requests count steps and read no clock; one timer for each connection looks at the count [`LOOKS`] times in the deadline.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Instant;

/// Looks at a connection within the deadline. A connection ends at the most one look after its deadline.
const LOOKS: u32 = 4;

/// Bytes of a request's body that count as a step.
const STRETCH: usize = 64 << 10;

/// The steps of one connection. Its values are compared and carry nothing with them: `Relaxed`.
#[derive(Debug, Default)]
pub(super) struct Activity {
    steps: AtomicU32,
    /// Requests that a handler or the body of an answer works on.
    working: AtomicU32,
    /// Handlers among them that wait for the body of their request.
    awaiting: AtomicU32,
}

impl Activity {
    /// Counts a step of the client.
    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Relaxed);
    }

    fn waits_for_the_client(&self) -> bool {
        self.working.load(Relaxed) <= self.awaiting.load(Relaxed)
    }
}

/// Completes when the client has let the connection wait for longer than `deadline`.
pub(super) async fn overdue(activity: &Activity, deadline: Duration) {
    let period = (deadline / LOOKS).max(Duration::from_millis(1));
    let mut timer = pin!(tokio::time::sleep(period));
    let mut seen = activity.steps.load(Relaxed);
    let mut looks = 0;
    let mut heard = false;

    poll_fn(|context| {
        // A task has one waker all its life, so leaving it once for each period is enough.
        if heard && !timer.is_elapsed() {
            return Poll::Pending;
        }

        // A task that has used up its turn (tokio's budget) would be put off before its waker is left, and never woken.
        while Pin::new(&mut tokio::task::unconstrained(timer.as_mut())).poll(context).is_ready() {
            let steps = activity.steps.load(Relaxed);
            let is_stalled = steps == seen && activity.waits_for_the_client();
            seen = steps;
            looks = if is_stalled { looks + 1 } else { 0 };
            if looks == LOOKS {
                return Poll::Ready(());
            }
            timer.as_mut().reset(Instant::now() + period);
        }

        heard = true;
        Poll::Pending
    })
    .await;
}

/// One request, from its head to the end of its answer.
pub(super) struct Turn {
    activity: Arc<Activity>,
    working: bool,
}

impl Turn {
    /// A request's head has come: a handler works.
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.step();
        let mut turn = Self { activity: Arc::clone(activity), working: false };
        turn.works(true);
        turn
    }

    fn works(&mut self, working: bool) {
        if std::mem::replace(&mut self.working, working) != working {
            count(&self.activity.working, working);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.works(false);
        self.activity.step();
    }
}

fn count(counter: &AtomicU32, up: bool) {
    if up {
        counter.fetch_add(1, Relaxed);
    } else {
        counter.fetch_sub(1, Relaxed);
    }
}

/// The body of an answer. It works while it has no piece ready, and waits for the client once it gave one.
pub(super) struct AnswerBody {
    body: Body,
    turn: Turn,
}

impl AnswerBody {
    pub(super) fn new(body: Body, mut turn: Turn) -> Self {
        turn.works(false);
        Self { body, turn }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.turn.works(polled.is_pending());
        if polled.is_ready() {
            self.turn.activity.step();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request. While a handler waits for more of it, the connection waits for the client.
pub(super) struct RequestBody {
    body: Incoming,
    activity: Arc<Activity>,
    awaiting: bool,
    /// Bytes since the last step.
    bytes: usize,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, activity: &Arc<Activity>) -> Self {
        Self { body, activity: Arc::clone(activity), awaiting: false, bytes: 0 }
    }

    fn awaits(&mut self, awaiting: bool) {
        if std::mem::replace(&mut self.awaiting, awaiting) != awaiting {
            count(&self.activity.awaiting, awaiting);
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.awaits(polled.is_pending());
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes += frame.data_ref().map_or(0, Bytes::len);
            if self.bytes >= STRETCH {
                self.bytes = 0;
                self.activity.step();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.awaits(false);
        self.activity.step();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(40);

    async fn outlasts(activity: &Activity, waits: u32) -> bool {
        // sleep: the wait itself is under test.
        tokio::time::timeout(DEADLINE * waits, overdue(activity, DEADLINE)).await.is_err()
    }

    #[tokio::test]
    async fn a_connection_without_a_step_is_overdue_after_its_deadline_and_not_before() {
        let began = Instant::now();
        overdue(&Activity::default(), DEADLINE).await;
        assert!(began.elapsed() >= DEADLINE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_connection_whose_handler_works_is_never_overdue() {
        let activity = Arc::new(Activity::default());
        let turn = Turn::begin(&activity);
        assert!(outlasts(&activity, 5).await);
        drop(turn);
        overdue(&activity, DEADLINE).await;
    }

    /// One piece, and then nothing for ever.
    struct OnePiece(Option<Bytes>);

    impl HttpBody for OnePiece {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            self.0.take().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece)))))
        }
    }

    #[test]
    fn an_answer_works_while_it_has_no_piece_and_waits_for_the_client_once_it_gave_one() {
        let activity = Arc::new(Activity::default());
        let body = Body::new(OnePiece(Some(Bytes::from_static(b"piece"))));
        let mut answer = AnswerBody::new(body, Turn::begin(&activity));
        let mut context = Context::from_waker(std::task::Waker::noop());

        assert!(Pin::new(&mut answer).poll_frame(&mut context).is_ready());
        assert!(activity.waits_for_the_client());
        assert!(Pin::new(&mut answer).poll_frame(&mut context).is_pending());
        assert!(!activity.waits_for_the_client());
    }
}
