//! An alarm to the microsecond.
//!
//! The timers of the event loop count milliseconds; half of one on average would be the error of every probe. A timer of
//! the kernel wakes the loop when it is time.

use std::io;
use std::time::Instant;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

/// A timer of the kernel. It belongs to the event loop in which it was made.
#[derive(Debug)]
pub(super) struct Alarm(AsyncFd<Timer>);

#[derive(Debug)]
struct Timer(TimerFd);

impl std::os::fd::AsRawFd for Timer {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        use std::os::fd::AsFd;
        self.0.as_fd().as_raw_fd()
    }
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = Timer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        // SAFETY: the timer owns its descriptor, never gives another one and is never replaced while it is registered.
        #[allow(unsafe_code)]
        let registered = unsafe { AsyncFd::register(timer) };
        Ok(Self(registered?))
    }

    /// Waits until `time`. Dropping the future calls the alarm off.
    pub(super) async fn at(&self, time: Instant) -> io::Result<()> {
        let left = time.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        // Setting it anew takes back what an alarm that was called off has left to be read.
        self.0.get_ref().0.set(Expiration::OneShot(TimeSpec::from(left)), TimerSetTimeFlags::empty())?;
        loop {
            let mut guard = self.0.readable().await?;
            if Instant::now() >= time {
                guard.clear_ready();
                return Ok(());
            }
            // It was the ring of the one before.
            guard.clear_ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_alarm_rings_when_it_is_time_also_after_one_that_was_called_off() {
        let alarm = Alarm::new().unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        tokio::select! {
            biased;
            _ = alarm.at(Instant::now() + Duration::from_mins(1)) => panic!("too early"),
            () = tokio::task::yield_now() => {}
        }
        alarm.at(soon).await.unwrap();
        assert!(Instant::now() >= soon);
        alarm.at(soon).await.unwrap();
    }
}
