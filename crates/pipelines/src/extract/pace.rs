//! How fast a server may be asked: told, or learnt from its refusals.
//!
//! A limit is a token bucket: `burst` requests at once and `rate` a second in the long run. What is told is kept with one
//! token to spare, because requests do not arrive exactly as far apart as they were sent. What is not told is learnt: the
//! first refusal (429) tells the burst; then the pace is doubled from a slow one until the next refusal, and between the two
//! lies the rate: of `n` requests in `t` seconds from a full bucket, `n - burst` were paid by the rate. A refusal is obeyed
//! by everybody: nobody asks before the `Retry-After` that anybody was told.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The share of a rate that is used, so that a clock that runs differently breaks no limit.
const SHARE: f64 = 0.985;
/// Until so many answers came, requests are kept a little apart, so that a limit costs few refusals.
const CAREFUL: u64 = 64;
const CAREFUL_RATE: f64 = 500.0;

/// A server's limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Requests a second in the long run.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// Gives everybody the time of their next request. Locked for a few comparisons, once or twice for each request.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    limit: Option<Limit>,
    learning: Learning,
    /// The time at which the next request is due if all came evenly.
    due: Option<Instant>,
    /// Nobody may ask before.
    held: Option<Instant>,
    /// Since when, and how many answers came since.
    since: Instant,
    answers: u64,
    /// When each pace of the rise began, and how many answers came under it.
    rise: Vec<(Instant, u64)>,
    /// Answers before the first refusal, and the seconds that they took.
    first: (f64, f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Learning {
    /// Nothing was refused yet.
    Free,
    /// The burst is known, and the pace rises until something is refused.
    Rising { burst: f64, rate: f64 },
    /// The limit is known. One that was learnt rises a little each second until something is refused once more, because
    /// what was learnt is not above the true one.
    Known { rises: bool },
}

impl Pace {
    pub(super) fn new(limit: Option<Limit>) -> Self {
        let learning = if limit.is_some() { Learning::Known { rises: false } } else { Learning::Free };
        Self(Mutex::new(Inner {
            limit,
            learning,
            due: None,
            held: None,
            since: Instant::now(),
            answers: 0,
            rise: Vec::new(),
            first: (0.0, 0.0),
        }))
    }

    /// What is known of the limit.
    pub(super) fn limit(&self) -> Option<Limit> {
        self.0.lock().limit
    }

    /// Waits until one may ask.
    pub(super) async fn enter(&self) {
        loop {
            let time = self.0.lock().appointment(Instant::now());
            tokio::time::sleep_until(time.into()).await;
            if self.0.lock().held.is_none_or(|held| held <= time) {
                return;
            }
        }
    }

    /// An answer came that was no refusal.
    pub(super) fn accepted(&self) {
        self.0.lock().accepted(Instant::now());
    }

    /// A request that was sent at `sent` was refused until `pause` has passed.
    pub(super) fn refused(&self, sent: Instant, pause: Duration) {
        self.0.lock().refused(sent, Instant::now(), pause);
    }
}

impl Inner {
    fn appointment(&mut self, now: Instant) -> Instant {
        let (rate, burst) = match (self.learning, self.limit) {
            (Learning::Rising { rate, .. }, _) => (rate, 1.0),
            (_, Some(limit)) => (limit.rate * SHARE, (limit.burst - 1.0).max(1.0)),
            (_, None) if self.answers < CAREFUL => (CAREFUL_RATE, 1.0),
            (_, None) => (f64::INFINITY, 1.0),
        };
        let interval = Duration::from_secs_f64(1.0 / rate);
        let earliest = self.held.map_or(now, |held| held.max(now));
        // A bucket as a schedule: a full one is `burst - 1` intervals ahead of it.
        let ahead = interval.mul_f64(burst - 1.0);
        let due = self.due.unwrap_or(earliest);
        let time = due.checked_sub(ahead).map_or(earliest, |time| time.max(earliest));
        self.due = Some(due.max(time) + interval);
        time
    }

    fn accepted(&mut self, now: Instant) {
        self.answers += 1;
        if let (Learning::Known { rises: true }, Some(limit)) = (self.learning, &mut self.limit) {
            // By a hundredth for each second's worth of answers.
            limit.rate += 0.01;
        }
        if let Learning::Rising { burst, rate } = self.learning
            && self.answers as f64 >= burst.max(8.0)
            && now.duration_since(self.since).as_secs_f64() * rate >= burst
        {
            self.rise.push((self.since, self.answers));
            (self.learning, self.since, self.answers) =
                (Learning::Rising { burst, rate: rate * 2.0 }, now, 0);
        }
    }

    fn refused(&mut self, sent: Instant, now: Instant, pause: Duration) {
        // Of a volley that was under way together, the first refusal says it all.
        let known = self.held.is_some_and(|held| sent < held);
        self.held = Some(self.held.map_or(now + pause, |held| held.max(now + pause)));
        if known {
            return;
        }
        let (answers, time) =
            (self.answers as f64, now.saturating_duration_since(self.since).as_secs_f64().max(1e-3));
        match self.learning {
            Learning::Free => {
                self.first = (answers, time);
                let burst = answers.max(1.0);
                let rate = (burst / pause.as_secs_f64().max(0.1)).max(1.0);
                self.learning = Learning::Rising { burst, rate };
            }
            Learning::Rising { burst, rate } => {
                // No stretch of time has more answers than its burst and its rate allow, and the first refusal came when just
                // these were used up. So the difference of the two gives a rate that the true one is not below, and for the
                // stretch that began with a full bucket it is nearly the true one.
                let (mut sum, mut learnt) = (answers + 1.0, 0.0_f64);
                self.rise.push((self.since, 0));
                for (since, answers) in self.rise.drain(..).rev() {
                    sum += answers as f64;
                    let longer = now.saturating_duration_since(since).as_secs_f64() - self.first.1;
                    if longer > 0.0 {
                        learnt = learnt.max((sum - self.first.0) / longer);
                    }
                }
                let learnt = learnt.clamp(rate / 8.0, rate);
                let burst = (burst - learnt * self.first.1).max(1.0);
                (self.limit, self.learning) =
                    (Some(Limit { rate: learnt, burst }), Learning::Known { rises: true });
            }
            Learning::Known { .. } => {
                // It was a little too much, for the rate or for the burst.
                let known = self.limit.unwrap_or(Limit { rate: 1.0, burst: 1.0 });
                let rate = (known.rate * 0.93).max(((answers - known.burst) / time).min(known.rate));
                self.limit = Some(Limit { rate, burst: (known.burst * 0.8).max(1.0) });
                self.learning = Learning::Known { rises: false };
            }
        }
        (self.since, self.answers, self.due) = (now + pause, 0, None);
        // The pause may not have filled the bucket.
        if matches!(self.learning, Learning::Known { .. })
            && let (Some(limit), Some(held)) = (self.limit, self.held)
        {
            self.due = Some(held + Duration::from_secs_f64((limit.burst - 1.0).max(0.0) / limit.rate));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server's bucket and a client in virtual time: how long so many requests took, in seconds, and the refusals.
    fn run(server: Limit, told: Option<Limit>, requests: usize) -> (f64, usize, Option<Limit>) {
        let start = Instant::now();
        let mut inner = Inner {
            limit: told,
            learning: if told.is_some() { Learning::Known { rises: false } } else { Learning::Free },
            due: None,
            held: None,
            since: start,
            answers: 0,
            rise: Vec::new(),
            first: (0.0, 0.0),
        };
        let (mut now, mut tokens, mut then, mut done, mut refused) = (start, server.burst, start, 0, 0);
        while done < requests {
            now = inner.appointment(now).max(now);
            tokens = (tokens + now.duration_since(then).as_secs_f64() * server.rate).min(server.burst);
            then = now;
            if tokens >= 1.0 {
                tokens -= 1.0;
                done += 1;
                inner.accepted(now);
            } else {
                refused += 1;
                let pause = ((1.0 - tokens) / server.rate).ceil();
                inner.refused(now, now, Duration::from_secs_f64(pause));
            }
            assert!(refused < 50);
        }
        (now.duration_since(start).as_secs_f64(), refused, inner.limit)
    }

    #[test]
    fn a_limit_that_was_told_is_kept_in_hardly_more_than_the_least_time() {
        for (rate, burst) in [(50.0, 10.0), (5.0, 1.0), (1_000.0, 100.0)] {
            let server = Limit { rate, burst };
            let (seconds, refused, _) = run(server, Some(server), 400);
            let least = (400.0 - burst) / rate;
            assert!(
                refused == 0 && seconds < least * 1.05,
                "{server:?}: {seconds} of {least}, {refused} refused"
            );
        }
    }

    #[test]
    fn a_limit_that_was_not_told_is_learnt_from_few_refusals() {
        for (rate, burst) in [(50.0, 10.0), (20.0, 30.0), (200.0, 50.0)] {
            let server = Limit { rate, burst };
            let (seconds, refused, learnt) = run(server, None, 2_000);
            let least = (2_000.0 - burst) / rate;
            assert!(
                refused <= 5 && seconds < least * 1.2 + 4.0,
                "{server:?}: {seconds} of {least}, {refused}, {learnt:?}"
            );
        }
    }
}
