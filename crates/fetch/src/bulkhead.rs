//! A bulkhead: at most so many at once, and no more than help.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// So many may be inside when nobody knows yet how the server takes it.
const START: usize = 48;

/// A server that answers sooner than this is so near that more requests at once would not be answered sooner.
const QUICK: Duration = Duration::from_millis(5);

/// The quickest answer is forgotten slowly, by this part of it with each answer: one that was quick by chance, or from a
/// server that has moved, does not hold for ever.
const FORGOTTEN: u64 = 4096;

/// Lets at most so many in at once.
///
/// It starts narrow and widens by one with each answer that took less than twice as long as the quickest one: a server that
/// is far away has the whole width after a few round trips, as its doubling per round trip is that of TCP's slow start (RFC
/// 5681, section 3.1). Answers that take longer than that have waited in the server's queue (the idea of TCP Vegas: Brakmo
/// and Peterson, 1995); more requests would only open more connections and wait there too. It never narrows.
#[derive(Debug)]
pub struct Bulkhead {
    limit: usize,
    permits: Semaphore,
    /// How many permits there are, given out or not. It only grows.
    width: AtomicUsize,
    /// The quickest answer, in nanoseconds; 0 before the first. Whoever sees an old value errs by one answer: `Relaxed`.
    quickest: AtomicU64,
    /// These are gauges from which nothing is derived: `Relaxed`.
    inside: AtomicUsize,
    waiting: AtomicUsize,
    peak: AtomicUsize,
}

/// The permission to be inside. Dropping it leaves.
#[derive(Debug)]
pub struct Pass<'a> {
    bulkhead: &'a Bulkhead,
    /// When it was given; nothing where the time says nothing about the server.
    since: Option<Instant>,
}

/// Counts one that waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Bulkhead {
    /// A bulkhead for at most `limit` at once; at least one.
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        let width = limit.min(START);
        Self {
            limit,
            permits: Semaphore::new(width),
            width: AtomicUsize::new(width),
            quickest: AtomicU64::new(0),
            inside: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        }
    }

    /// Waits for its turn, in the order of arrival, and enters.
    pub async fn enter(&self) -> Pass<'_> {
        self.waiting.fetch_add(1, Relaxed);
        let waiting = Waiting(&self.waiting);
        // The semaphore is never closed.
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        drop(waiting);
        self.peak.fetch_max(self.inside.fetch_add(1, Relaxed) + 1, Relaxed);
        Pass { bulkhead: self, since: Some(Instant::now()) }
    }

    /// The most that may ever be inside at once.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many are inside now.
    pub fn inside(&self) -> usize {
        self.inside.load(Relaxed)
    }

    /// How many wait now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// The most that were ever inside at once.
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }
}

impl Bulkhead {
    /// Notes how long an answer took, and says whether more at once would help.
    fn note(&self, time: Duration) -> bool {
        let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1);
        let known = self.quickest.load(Relaxed);
        let quickest = if known == 0 { time_ns } else { time_ns.min(known + known / FORGOTTEN) };
        self.quickest.store(quickest, Relaxed);
        time >= QUICK && time_ns < quickest.saturating_mul(2)
    }
}

impl Pass<'_> {
    /// The answer was none: a failure is quick or slow for reasons of its own.
    pub fn failed(&mut self) {
        self.since = None;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let bulkhead = self.bulkhead;
        bulkhead.inside.fetch_sub(1, Relaxed);
        let grow = |width| (width < bulkhead.limit).then_some(width + 1);
        let helps = self.since.is_some_and(|since| bulkhead.note(since.elapsed()));
        let widened = helps && bulkhead.width.fetch_update(Relaxed, Relaxed, grow).is_ok();
        bulkhead.permits.add_permits(1 + usize::from(widened));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    /// Lets many through that each stay for a while, and returns the most that were inside at once.
    async fn peak(limit: usize, count: usize, stay: Duration) -> usize {
        let bulkhead = Arc::new(Bulkhead::new(limit));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let bulkhead = Arc::clone(&bulkhead);
            tasks.spawn(async move {
                let pass = bulkhead.enter().await;
                assert!(bulkhead.inside() <= limit);
                // sleep: the time that a request takes.
                tokio::time::sleep(stay).await;
                drop(pass);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!((bulkhead.inside(), bulkhead.waiting()), (0, 0));
        bulkhead.peak()
    }

    #[tokio::test]
    async fn there_are_never_more_inside_than_the_limit_and_slow_answers_use_all_of_it() {
        assert_eq!(peak(3, 40, Duration::from_millis(1)).await, 3);
        let peak = peak(100, 1_500, QUICK * 2).await;
        assert!((90..=100).contains(&peak), "{peak}");
    }

    #[tokio::test]
    async fn quick_answers_do_not_widen_it() {
        // A machine that is busy elsewhere may make a few of them slow.
        let peak = peak(1_000, 3_000, Duration::ZERO).await;
        assert!((START..START * 5).contains(&peak), "{peak}");
    }

    #[test]
    fn answers_that_waited_in_a_queue_do_not_widen_it_and_the_quickest_is_forgotten_slowly() {
        let bulkhead = Bulkhead::new(1_000);
        let note = |ms| bulkhead.note(Duration::from_millis(ms));
        assert!(!note(1), "too near");
        assert!(!note(30), "it waited for most of that");
        // The server has moved.
        let far = (0..20_000).position(|_| note(30)).unwrap();
        assert!((10_000..12_000).contains(&far), "{far}");
        assert!(!note(100));
    }

    #[tokio::test]
    async fn one_that_gives_up_waiting_leaves_no_trace() {
        let bulkhead = Bulkhead::new(1);
        let pass = bulkhead.enter().await;
        let gave_up = tokio::time::timeout(Duration::from_millis(1), bulkhead.enter()).await;
        assert!(gave_up.is_err());
        assert_eq!((bulkhead.inside(), bulkhead.waiting()), (1, 0));
        drop(pass);
        drop(bulkhead.enter().await);
        assert_eq!(bulkhead.peak(), 1);
    }
}
