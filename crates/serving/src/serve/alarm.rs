//! One alarm for a connection, for the time that a request head may take.
//!
//! hyper begins a new wait for each request of a connection and drops it when the head has come. A timer of the runtime
//! costs a lock that all threads share each time it is set and each time it is dropped; this one is set once, and when it
//! rings too early, because the wait it was set for has long been over, it is set again for the wait that is going on.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// The alarm, as hyper's timer.
#[derive(Clone)]
pub(super) struct Alarm(Arc<Mutex<Set>>);

struct Set {
    sleep: Pin<Box<tokio::time::Sleep>>,
    /// Whether the connection's task has left its waker there since the alarm was set.
    heard: bool,
}

impl Alarm {
    /// An alarm whose waits last `usual` or longer.
    pub(super) fn new(usual: Duration) -> Self {
        Self(Arc::new(Mutex::new(Set { sleep: Box::pin(tokio::time::sleep(usual)), heard: false })))
    }
}

impl Timer for Alarm {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait { alarm: self.clone(), deadline })
    }
}

/// One wait. The alarm is set for its end or for an earlier time, because later waits end later.
struct Wait {
    alarm: Alarm,
    deadline: Instant,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Only the connection's own task polls its waits, one at a time, so nobody ever waits for this lock.
        let mut alarm = self.alarm.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A task has one waker all its life, so leaving it once is enough.
        if alarm.heard && !alarm.sleep.is_elapsed() {
            return Poll::Pending;
        }
        // A task that has used up its turn (tokio's budget) would be put off before its waker is left, and never woken.
        while Pin::new(&mut tokio::task::unconstrained(alarm.sleep.as_mut())).poll(context).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            alarm.sleep.as_mut().reset(self.deadline.into());
        }
        alarm.heard = true;
        Poll::Pending
    }
}

impl Sleep for Wait {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_that_follows_others_lasts_as_long_as_the_first() {
        const LONG: Duration = Duration::from_millis(30);
        let alarm = Alarm::new(LONG);
        for _ in 0..3 {
            // sleep: the wait itself is under test; these are dropped before they end, as those of a request whose head came.
            assert!(tokio::time::timeout(LONG / 6, alarm.sleep(LONG)).await.is_err());
        }
        let last = Instant::now();
        // sleep: the wait itself is under test.
        alarm.sleep(LONG).await;
        assert!(last.elapsed() >= LONG, "{:?}", last.elapsed());
    }
}
