//! A cap on bytes a second, for all who share it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::sleep_until;

/// So long a burst may be: below what a timer can tell apart, a pause costs more than it brings.
const BURST: Duration = Duration::from_millis(20);

/// Lets at most so many bytes a second through. Those who share it stand in one line.
#[derive(Debug)]
pub struct Throttle {
    bytes_a_second: f64,
    /// Until when what was let through so far takes at that rate. Locked for an addition.
    booked: Mutex<Option<Instant>>,
}

impl Throttle {
    /// A throttle for so many bytes a second; at least one.
    pub fn new(bytes_a_second: f64) -> Self {
        Self { bytes_a_second: bytes_a_second.max(1.0), booked: Mutex::new(None) }
    }

    /// Accounts for bytes that came, and waits until more may come.
    pub async fn take(&self, bytes: usize) {
        let until = self.book(bytes, Instant::now());
        if until > Instant::now() + BURST {
            sleep_until(until.into()).await;
        }
    }

    fn book(&self, bytes: usize, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_a_second);
        let mut booked = self.booked.lock();
        let until = booked.map_or(now, |booked| booked.max(now)) + takes;
        *booked = Some(until);
        until
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn over_any_time_no_more_is_let_through_than_the_rate_allows(
            rate in 1_000.0_f64..1e8, pieces in proptest::collection::vec((0_usize..100_000, 0_u64..5_000), 1..50),
        ) {
            let (throttle, start) = (Throttle::new(rate), Instant::now());
            let (mut now, mut all) = (start, 0);
            for (bytes, gap) in pieces {
                now += Duration::from_micros(gap);
                now = throttle.book(bytes, now).max(now);
                all += bytes;
                prop_assert!((now - start).as_secs_f64() * rate >= all as f64 * 0.999_999 - 1.0);
            }
        }
    }
}
