//! How fast a server may be asked: told by the user or by the server's own header fields, or learnt from its refusals.
//!
//! A limit is a token bucket: `burst` requests at once and `rate` a second in the long run. What is told is kept with one
//! token to spare, because requests do not arrive exactly as far apart as they were sent, and is never passed. What nobody
//! told costs two refusals (429):
//!
//! 1. The first tells the burst: so many requests went through before it, nearly all at once. For a start, few requests are
//!    under way at the same time, so that few are refused together.
//! 2. Then the pace rises until the next refusal. What was let through between the two tells the rate between two bounds
//!    (`bucket`).
//!
//! From there on the pace is the lower bound. Where the two lie far apart it rises to the upper one within some seconds, and
//! a third refusal brings them together. A refusal is obeyed by everybody: nobody asks before the `Retry-After` that anybody
//! was told; so each costs the time for which it asks.
//! A server that tells only what remains until when is asked as often as that, and then not before.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::{Duration, Instant};

use fetch::Quota;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::bucket::Stretch;

/// The share of a rate that is used, so that a clock that runs differently breaks no limit.
const SHARE: f64 = 0.985;
/// Until so many answers came, few requests are under way at once.
const CAREFUL: u64 = 64;
/// While the pace rises, it becomes e times as fast in this time, in seconds, but at least by a fiftieth with each request, so
/// that some are made at every pace, and at the most twice as fast.
const RISE: f64 = 0.4;
const LEAST_RISE: f64 = 1.02;
/// Bounds that lie this close together are close enough: another refusal would cost more than it tells.
const CLOSE: f64 = 1.06;
/// Between bounds that lie farther apart than this, one begins in the middle.
const FAR: f64 = 1.3;
/// The time in which the pace goes to the upper bound, in seconds.
const CREEP: f64 = 6.0;
/// So many answers are remembered.
const REMEMBERED: usize = 1_024;

/// A server's limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Requests a second in the long run.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// Gives everybody the time of their next request. Locked for a few comparisons, two or three times for each request.
#[derive(Debug)]
pub(super) struct Pace {
    inner: Mutex<Inner>,
    /// Somebody's answer came, so somebody else may ask.
    freed: Notify,
}

#[derive(Debug)]
struct Inner {
    learning: Learning,
    /// The time at which the next request is due if all came evenly.
    due: Option<Instant>,
    /// Nobody may ask before.
    held: Option<Instant>,
    /// How often something was refused. Turns that were given before are good no more, or they would come on top of the new
    /// ones.
    epoch: u64,
    /// Requests whose answers have not come, and turns that are given.
    under_way: usize,
    answers: u64,
    /// What may still be asked, and until when that holds.
    left: Option<(u64, Instant)>,
    /// Since when what was let through is remembered: the last refusal, or the beginning.
    since: Instant,
    /// When the requests that were let through since then were sent, and when their answers came.
    accepted: VecDeque<[Instant; 2]>,
    cut: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Learning {
    /// Nothing was refused yet.
    Free,
    /// The burst is known, and the pace rises until something is refused.
    Rising { first: First, rate: f64 },
    /// The limit lies between two rates.
    Between { first: First, low: f64, high: f64, from: Instant },
    /// The limit was told.
    Told(Limit),
}

/// What went through before the first refusal, and the seconds that it took.
#[derive(Clone, Copy, Debug, PartialEq)]
struct First {
    count: f64,
    seconds: f64,
}

/// When somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    /// At this time.
    At(Instant),
    /// It is to be seen at this time.
    NotBefore(Instant),
    /// When an answer has come.
    Later,
}

impl First {
    /// The bucket holds no more than what went through, and no less than that without what the rate may have added.
    fn least_burst(self, rate: f64) -> f64 {
        (self.count - rate * self.seconds).max(1.0)
    }
}

impl Pace {
    pub(super) fn new(limit: Option<Limit>) -> Self {
        Self { inner: Mutex::new(Inner::new(limit, Instant::now())), freed: Notify::new() }
    }

    /// What is known of the limit.
    pub(super) fn limit(&self) -> Option<Limit> {
        self.inner.lock().limit(Instant::now())
    }

    /// Waits until one may ask.
    pub(super) async fn enter(&self) {
        loop {
            let mut freed = pin!(self.freed.notified());
            // An answer that comes between the look and the wait is not missed.
            freed.as_mut().enable();
            let (turn, epoch) = self.inner.lock().turn_and_epoch(Instant::now());
            match turn {
                Turn::Later => freed.await,
                Turn::NotBefore(time) => tokio::time::sleep_until(time.into()).await,
                Turn::At(time) => {
                    tokio::time::sleep_until(time.into()).await;
                    if self.inner.lock().still(epoch) {
                        return;
                    }
                }
            }
        }
    }

    /// To a request that was sent at `sent`, an answer came that was no refusal, and told this of the limit.
    pub(super) fn accepted(&self, sent: Instant, quota: Option<&Quota>) {
        self.inner.lock().accepted(sent, Instant::now(), quota);
        self.freed.notify_waiters();
    }

    /// A request that was sent at `sent` was refused until `pause` has passed.
    pub(super) fn refused(&self, sent: Instant, pause: Duration) {
        self.inner.lock().refused(sent, Instant::now(), pause);
        self.freed.notify_waiters();
    }
}

impl Inner {
    fn new(limit: Option<Limit>, now: Instant) -> Self {
        Self {
            learning: limit.map_or(Learning::Free, Learning::Told),
            due: None,
            held: None,
            epoch: 0,
            under_way: 0,
            answers: 0,
            left: None,
            since: now,
            accepted: VecDeque::new(),
            cut: false,
        }
    }

    fn limit(&self, now: Instant) -> Option<Limit> {
        match self.learning {
            Learning::Free | Learning::Rising { .. } => None,
            Learning::Told(limit) => Some(limit),
            Learning::Between { first, low, high, from } => {
                let gone = now.saturating_duration_since(from).as_secs_f64() / CREEP;
                let start = if high / low > FAR { (low * high).sqrt() } else { low };
                let rate = if high / low > CLOSE { start + (high - start) * gone.min(1.0) } else { low };
                // Half of the bucket is left for requests that come closer together than they were sent.
                Some(Limit { rate, burst: (first.least_burst(rate) / 2.0).max(1.0) })
            }
        }
    }

    fn turn_and_epoch(&mut self, now: Instant) -> (Turn, u64) {
        (self.turn(now), self.epoch)
    }

    /// Whether a turn of this epoch is still good; if not, it is given back.
    fn still(&mut self, epoch: u64) -> bool {
        let still = self.epoch == epoch;
        self.under_way -= usize::from(!still);
        still
    }

    fn turn(&mut self, now: Instant) -> Turn {
        let earliest = self.held.map_or(now, |held| held.max(now));
        match self.left {
            // What is left from then on is not known: one begins carefully again.
            Some((_, until)) if now >= until => (self.left, self.answers) = (None, 0),
            Some((0, until)) => return Turn::NotBefore(until),
            _ => {}
        }
        let time = match self.learning {
            Learning::Free => {
                let careful = usize::try_from(2 + self.answers / 4).unwrap_or(usize::MAX);
                if self.answers < CAREFUL && self.under_way >= careful {
                    return Turn::Later;
                }
                earliest
            }
            Learning::Rising { ref mut rate, .. } => {
                let interval = 1.0 / *rate;
                *rate *= (interval / RISE).exp().clamp(LEAST_RISE, 2.0);
                let time = self.due.map_or(earliest, |due| due.max(earliest));
                self.due = Some(time + Duration::from_secs_f64(interval));
                time
            }
            Learning::Told(_) | Learning::Between { .. } => {
                let Some(Limit { rate, burst }) = self.limit(now) else { return Turn::At(earliest) };
                let told = matches!(self.learning, Learning::Told(_));
                let rate = if told { rate * SHARE } else { rate };
                let interval = Duration::from_secs_f64(1.0 / rate);
                // A bucket as a schedule: a full one is `burst - 1` intervals ahead of it. One token is spared.
                let ahead = interval.mul_f64((burst - 2.0).max(0.0));
                let due = self.due.unwrap_or(earliest);
                let time = due.checked_sub(ahead).map_or(earliest, |time| time.max(earliest));
                self.due = Some(due.max(time) + interval);
                time
            }
        };
        if let Some((left, _)) = &mut self.left {
            *left -= 1;
        }
        self.under_way += 1;
        Turn::At(time)
    }

    fn accepted(&mut self, sent: Instant, now: Instant, quota: Option<&Quota>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.answers += 1;
        if let Some(quota) = quota {
            self.told(quota, now);
        }
        // What was under way when something was refused came before it or after it at the server, as it happened.
        if self.held.is_none_or(|held| sent >= held) {
            self.accepted.push_back([sent, now]);
            if self.accepted.len() > REMEMBERED {
                self.since = self.accepted.pop_front().map_or(sent, |[sent, _]| sent);
                self.cut = true;
            }
        } else if let Learning::Rising { first, .. } = &mut self.learning
            && self.accepted.is_empty()
        {
            first.count += 1.0;
        }
    }

    fn told(&mut self, quota: &Quota, now: Instant) {
        match (quota.rate, quota.remaining, quota.reset) {
            (Some(rate), remaining, _) if rate > 0.0 && self.learning == Learning::Free => {
                let burst = quota.burst.unwrap_or(1.0).max(1.0);
                let spare = remaining.map_or(0.0, |remaining| remaining as f64) - self.under_way as f64;
                self.learning = Learning::Told(Limit { rate, burst });
                self.due = Some(now + filled(rate, burst, spare));
            }
            (None, Some(remaining), Some(reset)) => {
                let until = now + reset;
                // Those under way may not be counted in it. Answers come in any order, so of one time the least is true.
                let spare = remaining.saturating_sub(self.under_way as u64);
                let known = self.left.filter(|(_, known)| *known + Duration::from_secs(2) > until);
                self.left = Some((known.map_or(spare, |(left, _)| left.min(remaining)), until));
            }
            _ => {}
        }
    }

    fn refused(&mut self, sent: Instant, now: Instant, pause: Duration) {
        self.under_way = self.under_way.saturating_sub(1);
        // Of those that were under way together, the first refusal says it all.
        let known = self.held.is_some_and(|held| sent < held);
        let held = self.held.map_or(now + pause, |held| held.max(now + pause));
        self.epoch += u64::from(self.held != Some(held));
        self.held = Some(held);
        if known {
            return;
        }
        let seconds = |time: Instant| time.saturating_duration_since(self.since).as_secs_f64();
        let mut accepted: Vec<[f64; 2]> = self.accepted.iter().map(|times| times.map(seconds)).collect();
        accepted.sort_by(|one, two| one[0].total_cmp(&two[0]));
        let stretch = Stretch { accepted, refused: seconds(sent), cut: self.cut };
        self.learning = match self.learning {
            // The bucket was not full when the run began: another client had emptied it.
            Learning::Free if stretch.accepted.is_empty() => Learning::Free,
            Learning::Free => {
                let first = First { count: stretch.accepted.len().max(1) as f64, seconds: stretch.refused };
                let rate = (first.count / pause.as_secs_f64().max(0.1)).clamp(1e-3, 1e3);
                Learning::Rising { first, rate }
            }
            Learning::Rising { first, rate } => {
                let most = (rate * 2.0).max(first.count / first.seconds.max(1e-3) * 2.0);
                let (low, high) = stretch.rates(first.count, |rate| first.least_burst(rate), most);
                Learning::Between { first, low, high, from: held }
            }
            Learning::Between { first, low, high, .. } => {
                let found = stretch.rates(first.count, |rate| first.least_burst(rate), high * 2.0);
                // Both pairs of bounds are right, unless something came late.
                let both = (low.max(found.0), high.min(found.1));
                let (low, high) = if both.0 <= both.1 { both } else { found };
                Learning::Between { first, low, high, from: held }
            }
            // It was a little too much, for the rate or for the burst.
            Learning::Told(Limit { rate, burst }) => {
                Learning::Told(Limit { rate: rate * 0.93, burst: (burst * 0.8).max(1.0) })
            }
        };
        // Before the first refusal what counts is a full bucket, and then an empty one.
        let since = if self.learning == Learning::Free { held } else { sent };
        (self.since, self.cut, self.due) = (since, false, None);
        self.accepted.clear();
        if let Some(Limit { rate, burst }) = self.limit(now) {
            self.due = Some(held + filled(rate, burst, rate * pause.as_secs_f64()));
        }
    }
}

/// How long it takes until a bucket is full that holds `tokens`.
fn filled(rate: f64, burst: f64, tokens: f64) -> Duration {
    Duration::from_secs_f64(((burst - tokens.clamp(0.0, burst)) / rate).min(86_400.0))
}

#[cfg(test)]
mod tests;
