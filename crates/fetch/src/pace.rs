//! The pace at which a server may be asked: told by the user or by the server's own header fields, or learnt from its refusals.
//!
//! A limit is a token bucket: `burst` requests at once and `rate` a second in the long run. A told limit is kept with one
//! token to spare, because requests do not arrive exactly as far apart as they were sent, and is never passed. A limit that
//! nobody told costs two refusals (429, or 503 with `Retry-After`):
//!
//! 1. The first tells the burst: so many requests went through before it, nearly all at once.
//! 2. Then the pace rises until the next refusal. What was let through between the two tells the rate between two bounds
//!    ([`crate::bucket`]).
//!
//! From there on the pace is the lower bound. Where the two lie far apart it rises to the upper one within some seconds, and
//! a third refusal brings them together. A server may change its limit: half a minute after the last refusal the pace rises
//! beyond the upper bound, slowly first, and a refusal at a lower pace moves both bounds down.
//!
//! A refusal is obeyed by everybody: nobody asks before the `Retry-After` that anybody was told; so each costs the time for
//! which it asks. A server that refuses again and again without a word is given longer and longer pauses. One that tells only
//! what remains until when is asked as often as that, and then not before.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::bucket::Stretch;
use crate::quota::Quota;

/// The share of a rate that is used, so that a clock that runs differently breaks no limit.
const SHARE: f64 = 0.985;
/// Until so many answers came, a careful pace has few requests under way at once, so that few are refused together.
const CAREFUL: u64 = 64;
/// While the pace rises, it becomes e times as fast in this time, in seconds, but at least by a fiftieth with each request, so
/// that some are made at every pace, and at the most twice as fast.
const RISE: f64 = 0.4;
const LEAST_RISE: f64 = 1.02;
/// Bounds that lie this close together are close enough: another refusal would cost more than it tells.
const CLOSE: f64 = 1.06;
/// Between bounds that lie farther apart than this, one begins in the middle.
const FAR: f64 = 1.3;
/// The lower bound is not lower than this part of the upper one: a few requests explain little, and to ask too slowly costs
/// more than a refusal.
const LOWEST: f64 = 0.25;
/// The time in which the pace goes to the upper bound, in seconds.
const CREEP: f64 = 6.0;
/// So long after the last refusal the pace begins to rise beyond the upper bound, in seconds.
const STEADY: f64 = 30.0;
/// It is e times the upper bound so many seconds later, and rises faster and faster.
const SEARCH: f64 = 60.0;
/// The pause after a refusal without `Retry-After`; it doubles with each further one in a row.
const UNTOLD: Duration = Duration::from_millis(250);
/// The least pause after a second refusal in a row, whatever the server tells; it doubles likewise.
const LEAST: Duration = Duration::from_millis(50);
/// The longest pause that the server did not ask for.
const LONGEST: Duration = Duration::from_secs(10);
/// So many answers are remembered.
const REMEMBERED: usize = 1_024;

/// A server's rate limit: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests a second in the long run.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// Gives everybody the time of their next request. Locked for a few comparisons, two or three times for each request.
#[derive(Debug)]
pub struct Pace {
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
    /// Whether few requests are under way before anything is known.
    careful: bool,
    /// Refusals in a row, of which those that were under way together count once; and since when there was nothing else.
    refusals: u32,
    refusing_since: Option<Instant>,
    /// Whether the limit was told by the server, which may tell another one.
    told_by_server: bool,
    /// What may still be asked, and until when that holds.
    left: Option<(u64, Instant)>,
    /// Since when what was let through is remembered: the last refusal, or the beginning.
    since: Instant,
    /// When the requests that were let through since then were sent, and when their answers came.
    accepted: VecDeque<[Instant; 2]>,
    cut: bool,
    /// The turns of a rising pace and the rates at which they were given: many are given ahead of the first refusal, which tells
    /// of the rate at its own time only.
    rising: VecDeque<(Instant, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Learning {
    /// Nothing was refused yet.
    Free,
    /// The burst is known, and the pace rises until something is refused.
    Rising { first: First, start: f64, rate: f64 },
    /// The limit lies between two rates.
    Between { first: First, low: f64, high: f64, from: Instant },
    /// The limit was told.
    Told(RateLimit),
}

/// What went through before the first refusal, and the seconds that it took.
#[derive(Clone, Copy, Debug, PartialEq)]
struct First {
    count: f64,
    seconds: f64,
}

/// When somebody may ask.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
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

/// A turn that was given and not yet answered. Dropped without an outcome, it says nothing about the server.
#[derive(Debug)]
pub(crate) struct Turn {
    pace: Arc<Pace>,
    epoch: u64,
    open: bool,
}

impl Turn {
    /// Waits for a turn.
    pub(crate) async fn wait(pace: &Arc<Pace>) -> Self {
        loop {
            let mut freed = pin!(pace.freed.notified());
            // An answer that comes between the look and the wait is not missed.
            freed.as_mut().enable();
            let (when, epoch) = pace.inner.lock().turn_and_epoch(Instant::now());
            match when {
                When::Later => freed.await,
                When::NotBefore(time) => sleep_until(time.into()).await,
                When::At(time) => {
                    // Whoever gives up waiting gives his turn back.
                    let turn = Self { pace: Arc::clone(pace), epoch, open: true };
                    if time > Instant::now() {
                        sleep_until(time.into()).await;
                    }
                    if turn.is_good() {
                        return turn;
                    }
                }
            }
        }
    }

    /// Whether nothing was refused since it was given.
    pub(crate) fn is_good(&self) -> bool {
        self.pace.inner.lock().epoch == self.epoch
    }

    /// An answer came to the request that was sent at `sent`, which was no refusal and told this of the limit.
    pub(crate) fn accepted(mut self, sent: Instant, quota: Option<&Quota>) {
        self.open = false;
        self.pace.accepted(sent, quota);
    }

    /// The request that was sent at `sent` was refused; the server asks for a pause of `asked`. Returns the pause that all
    /// keep.
    pub(crate) fn refused(mut self, sent: Instant, asked: Option<Duration>) -> Duration {
        self.open = false;
        self.pace.refused(sent, asked)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.open {
            self.pace.abandoned();
        }
    }
}

impl Pace {
    /// A pace that keeps `limit`, where it is known. Otherwise it begins with few requests at once: for lists whose length is
    /// not known and whose server should be refused little.
    pub fn new(limit: Option<RateLimit>) -> Self {
        Self::of(Inner::new(limit, true, Instant::now()))
    }

    /// A pace that lets everybody ask at once until something is refused: a server without a limit is not asked more slowly.
    pub fn eager() -> Self {
        Self::of(Inner::new(None, false, Instant::now()))
    }

    fn of(inner: Inner) -> Self {
        Self { inner: Mutex::new(inner), freed: Notify::new() }
    }

    /// The limit, as far as it is known.
    pub fn limit(&self) -> Option<RateLimit> {
        self.inner.lock().limit(Instant::now())
    }

    /// Waits until one may ask. Its answer is to be told with [`Pace::accepted`] or [`Pace::refused`].
    pub async fn enter(self: &Arc<Self>) {
        Turn::wait(self).await.open = false;
    }

    /// To a request that was sent at `sent`, an answer came that was no refusal, and told this of the limit.
    pub fn accepted(&self, sent: Instant, quota: Option<&Quota>) {
        let awaited = {
            let mut inner = self.inner.lock();
            inner.accepted(sent, Instant::now(), quota);
            inner.careful
        };
        if awaited {
            self.freed.notify_waiters();
        }
    }

    /// A request that was sent at `sent` was refused; the server asks for a pause of `asked`. Returns the pause that all keep.
    pub fn refused(&self, sent: Instant, asked: Option<Duration>) -> Duration {
        let pause = self.inner.lock().refused(sent, Instant::now(), asked);
        self.freed.notify_waiters();
        pause
    }

    /// For how long the server has refused everything.
    pub(crate) fn refuses_for(&self) -> Duration {
        self.inner.lock().refusing_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn abandoned(&self) {
        let mut inner = self.inner.lock();
        inner.under_way = inner.under_way.saturating_sub(1);
        drop(inner);
        self.freed.notify_waiters();
    }
}

impl Inner {
    fn new(limit: Option<RateLimit>, careful: bool, now: Instant) -> Self {
        Self {
            learning: limit.map_or(Learning::Free, Learning::Told),
            due: None,
            held: None,
            epoch: 0,
            under_way: 0,
            answers: 0,
            careful,
            refusals: 0,
            refusing_since: None,
            told_by_server: false,
            left: None,
            since: now,
            accepted: VecDeque::new(),
            cut: false,
            rising: VecDeque::new(),
        }
    }

    fn limit(&self, now: Instant) -> Option<RateLimit> {
        match self.learning {
            Learning::Free | Learning::Rising { .. } => None,
            Learning::Told(limit) => Some(limit),
            Learning::Between { first, low, high, from } => {
                let gone = now.saturating_duration_since(from).as_secs_f64();
                let start = if high / low > FAR { (low * high).sqrt() } else { low };
                let rate =
                    if high / low > CLOSE { start + (high - start) * (gone / CREEP).min(1.0) } else { low };
                // The server may have another limit by now.
                let rate = rate * ((gone - STEADY).max(0.0) / SEARCH).powi(2).min(7.0).exp();
                // Half of the bucket is left for requests that come closer together than they were sent.
                Some(RateLimit { rate, burst: (first.least_burst(rate) / 2.0).max(1.0) })
            }
        }
    }

    fn turn_and_epoch(&mut self, now: Instant) -> (When, u64) {
        (self.turn(now), self.epoch)
    }

    fn turn(&mut self, now: Instant) -> When {
        let earliest = self.held.map_or(now, |held| held.max(now));
        match self.left {
            // What is left from then on is not known: one begins carefully again.
            Some((_, until)) if now >= until => (self.left, self.answers, self.careful) = (None, 0, true),
            Some((0, until)) => return When::NotBefore(until),
            _ => {}
        }
        let time = match self.learning {
            Learning::Free => {
                let careful = usize::try_from(2 + self.answers / 4).unwrap_or(usize::MAX);
                if self.careful && self.answers < CAREFUL && self.under_way >= careful {
                    return When::Later;
                }
                earliest
            }
            Learning::Rising { ref mut rate, .. } => {
                let interval = 1.0 / *rate;
                *rate *= (interval / RISE).exp().clamp(LEAST_RISE, 2.0);
                let time = self.due.map_or(earliest, |due| due.max(earliest));
                self.due = Some(time + Duration::from_secs_f64(interval));
                while self.rising.front().is_some_and(|(time, _)| *time + LONGEST < now) {
                    self.rising.pop_front();
                }
                self.rising.push_back((time, *rate));
                time
            }
            Learning::Told(_) | Learning::Between { .. } => {
                let Some(RateLimit { rate, burst }) = self.limit(now) else { return When::At(earliest) };
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
        When::At(time)
    }

    fn accepted(&mut self, sent: Instant, now: Instant, quota: Option<&Quota>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.answers += 1;
        (self.refusals, self.refusing_since) = (0, None);
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
            (Some(rate), remaining, _) if rate > 0.0 && self.may_be_told(rate) => {
                self.told_by_server = true;
                let burst = quota.burst.unwrap_or(1.0).max(1.0);
                let spare = remaining.map_or(0.0, |remaining| remaining as f64) - self.under_way as f64;
                self.learning = Learning::Told(RateLimit { rate, burst });
                // Turns that were given before nobody knew this are good no more.
                self.epoch += 1;
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

    /// Whether the server's word is news: nothing is known, or it told another rate before.
    fn may_be_told(&self, rate: f64) -> bool {
        match self.learning {
            Learning::Free => true,
            Learning::Told(known) => self.told_by_server && (rate / known.rate - 1.0).abs() > 0.25,
            _ => false,
        }
    }

    /// The pause after a refusal.
    fn pause(&self, asked: Option<Duration>, known: bool) -> Duration {
        let doubled = |first: Duration, times: u32| first.saturating_mul(1 << times.min(10)).min(LONGEST);
        match (asked, self.refusals - u32::from(known && self.refusals > 0)) {
            (None, refusals) => doubled(UNTOLD, refusals),
            (Some(asked), 0) => asked,
            (Some(asked), refusals) => asked.max(doubled(LEAST, refusals - 1)),
        }
    }

    fn refused(&mut self, sent: Instant, now: Instant, asked: Option<Duration>) -> Duration {
        self.under_way = self.under_way.saturating_sub(1);
        self.refusing_since.get_or_insert(now);
        // Of those that were under way together, the first refusal says it all.
        let known = self.held.is_some_and(|held| sent < held);
        let pause = self.pause(asked, known);
        self.refusals += u32::from(!known);
        let held = self.held.map_or(now + pause, |held| held.max(now + pause));
        let moved = self.held != Some(held);
        self.epoch += u64::from(moved);
        self.held = Some(held);
        if known {
            if moved {
                // The turns that were given since the first refusal are good no more: they are given anew.
                self.begin_again(held, pause);
            }
            return pause;
        }
        let seconds = |time: Instant| time.saturating_duration_since(self.since).as_secs_f64();
        let mut accepted: Vec<[f64; 2]> = self.accepted.iter().map(|times| times.map(seconds)).collect();
        accepted.sort_by(|one, two| one[0].total_cmp(&two[0]));
        let stretch = Stretch { accepted, refused: seconds(sent), cut: self.cut };
        self.learning = match self.learning {
            // The bucket was not full when the run began: another client had emptied it.
            Learning::Free if stretch.accepted.is_empty() => {
                (self.careful, self.answers) = (true, 0);
                Learning::Free
            }
            Learning::Free => {
                let first = First { count: stretch.accepted.len().max(1) as f64, seconds: stretch.refused };
                let rate = (first.count / pause.as_secs_f64().max(0.1)).clamp(1e-3, 1e3);
                Learning::Rising { first, start: rate, rate }
            }
            Learning::Rising { first, rate, .. } => {
                let given = self.rising.iter().take_while(|(time, _)| *time <= sent).last();
                let rate = given.map_or(rate, |(_, rate)| *rate);
                let most = (rate * 2.0).max(first.count / first.seconds.max(1e-3) * 2.0);
                let (low, high) = stretch.rates(first.count, |rate| first.least_burst(rate), most);
                Learning::Between { first, low: low.max(high * LOWEST), high, from: held }
            }
            Learning::Between { first, low, high, .. } => {
                let asked = self.limit(now).map_or(high, |limit| limit.rate);
                let most = asked.max(high) * 2.0;
                let found = stretch.rates(first.count, |rate| first.least_burst(rate), most);
                // Both pairs of bounds are right, unless something came late or the limit is another one by now.
                let both = (low.max(found.0), high.min(found.1));
                // Few requests may be explained by any rate.
                let tells = found.1 < most * 0.98;
                if tells && both.0 <= both.1 {
                    Learning::Between { first, low: both.0.max(both.1 * LOWEST), high: both.1, from: held }
                } else if tells && found.0 > high {
                    Learning::Between { first, low: found.0, high: found.1, from: held }
                } else {
                    let count = first.count.min(stretch.accepted.len() as f64).max(1.0);
                    let first = First { count, seconds: 0.0 };
                    Learning::Between { first, low: asked * LOWEST, high: asked, from: held }
                }
            }
            // It was a little too much, for the rate or for the burst.
            Learning::Told(RateLimit { rate, burst }) => {
                Learning::Told(RateLimit { rate: rate * 0.93, burst: (burst * 0.8).max(1.0) })
            }
        };
        // Before the first refusal what counts is a full bucket, and then an empty one.
        let since = if self.learning == Learning::Free { held } else { sent };
        (self.since, self.cut) = (since, false);
        self.accepted.clear();
        self.begin_again(held, pause);
        pause
    }

    /// Plans the turns from `held` on, after a pause.
    fn begin_again(&mut self, held: Instant, pause: Duration) {
        self.due = None;
        self.rising.clear();
        if let Learning::Rising { start, rate, .. } = &mut self.learning {
            *rate = *start;
        }
        if let Some(RateLimit { rate, burst }) = self.limit(held) {
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
