//! A token bucket, and the memory of when a client was told to come back.

use std::time::{Duration, Instant};

use crate::fault::RateLimit;

/// The bucket of one client on one route.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// How many tokens there were, and when. Nothing: full.
    level: Option<(f64, Instant)>,
    not_before: Option<Instant>,
}

impl Bucket {
    /// Takes a token and says how many are left, or how long until there is one.
    pub(super) fn take(&mut self, limit: RateLimit, now: Instant) -> Result<f64, Duration> {
        let full = f64::from(limit.burst);
        let tokens = self.level.map_or(full, |(tokens, then)| {
            let back = now.saturating_duration_since(then).as_secs_f64() * limit.per_second;
            (tokens + back).min(full)
        });
        if tokens >= 1.0 {
            self.level = Some((tokens - 1.0, now));
            Ok(tokens - 1.0)
        } else {
            self.level = Some((tokens, now));
            Err(Duration::from_secs_f64(((1.0 - tokens) / limit.per_second).min(86_400.0)))
        }
    }

    pub(super) fn told_to_wait(&mut self, until: Instant) {
        self.not_before = Some(until);
    }

    /// Whether the client was told to wait for longer than this.
    pub(super) fn is_impatient(&mut self, now: Instant) -> bool {
        self.not_before.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_its_rate_in_the_long_run() {
        let limit = RateLimit { per_second: 10.0, burst: 5, told: false };
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let taken =
            (0..10_000_u64).filter(|&ms| bucket.take(limit, start + Duration::from_millis(ms)).is_ok());
        // Five at once, and then one every 100 ms for ten seconds.
        assert!((104..=105).contains(&taken.count()));
    }

    #[test]
    fn an_empty_bucket_says_when_it_has_a_token_again() {
        let limit = RateLimit { per_second: 2.0, burst: 1, told: false };
        let start = Instant::now();
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(limit, start), Ok(0.0));
        let wait = bucket.take(limit, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(bucket.take(limit, start + wait), Ok(0.0));
    }
}
