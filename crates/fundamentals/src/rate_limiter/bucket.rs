//! The buckets: two that are right, and three that are wrong in the ways in which such code is wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

/// How much a bucket lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The time between two tokens; at least a nanosecond.
    pub interval: Duration,
    /// How many tokens the bucket holds; at least 1.
    pub burst: u32,
}

impl Rate {
    /// The interval in nanoseconds.
    pub fn interval_ns(self) -> u64 {
        u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// How long an empty bucket takes to fill, in nanoseconds.
    fn full_ns(self) -> u64 {
        self.interval_ns() * u64::from(self.burst.max(1))
    }
}

/// Something that gives tokens.
pub trait Bucket: Sync {
    /// Takes a token and returns the time for which it was given; `None` when there is none. `now` tells the time in
    /// nanoseconds; it never goes back.
    fn take(&self, now: &dyn Fn() -> u64) -> Option<u64>;
}

/// A bucket under a lock.
///
/// The lock guards the two numbers of the bucket, and is held for a handful of instructions: nothing in there waits.
#[derive(Debug)]
pub struct Locked {
    rate: Rate,
    state: Mutex<State>,
}

/// What is in a bucket: time instead of tokens, so that no fraction of a token is ever lost.
#[derive(Debug)]
struct State {
    credit_ns: u64,
    seen_ns: u64,
}

impl State {
    fn full(rate: Rate) -> Self {
        Self { credit_ns: rate.full_ns(), seen_ns: 0 }
    }

    /// Fills in what the time since the last look brought.
    fn fill(&mut self, rate: Rate, now: u64) {
        self.credit_ns = (self.credit_ns + now.saturating_sub(self.seen_ns)).min(rate.full_ns());
        self.seen_ns = self.seen_ns.max(now);
    }
}

impl Locked {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self { rate, state: Mutex::new(State::full(rate)) }
    }
}

impl Bucket for Locked {
    fn take(&self, now: &dyn Fn() -> u64) -> Option<u64> {
        let mut state = self.state.lock();
        let now = now();
        state.fill(self.rate, now);
        state.credit_ns = state.credit_ns.checked_sub(self.rate.interval_ns())?;
        Some(now)
    }
}

/// A bucket in one atomic number: the moment at which it will be full again. Taking a token moves that moment one interval
/// further; a token is there as long as the moment is no further away than an empty bucket takes to fill.
///
/// A stale time does no harm here: it can only make the bucket look emptier than it is.
#[derive(Debug)]
pub struct Atomic {
    rate: Rate,
    full_at: AtomicU64,
}

impl Atomic {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self { rate, full_at: AtomicU64::new(0) }
    }
}

impl Bucket for Atomic {
    fn take(&self, now: &dyn Fn() -> u64) -> Option<u64> {
        let now = now();
        // Relaxed is enough: the number is the whole state, it publishes nothing else, and an atomic's own changes have one
        // order that all threads agree on.
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = full_at.max(now) + self.rate.interval_ns();
            if next > now + self.rate.full_ns() {
                return None;
            }
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(now),
                Err(seen) => full_at = seen,
            }
        }
    }
}

/// Wrong on purpose: looks under the lock, lets it go, and takes under the lock.
#[derive(Debug)]
pub struct Careless(Locked);

impl Careless {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self(Locked::new(rate))
    }
}

impl Bucket for Careless {
    fn take(&self, now: &dyn Fn() -> u64) -> Option<u64> {
        let Locked { rate, state } = &self.0;
        let now = {
            let mut state = state.lock();
            let now = now();
            state.fill(*rate, now);
            (state.credit_ns >= rate.interval_ns()).then_some(now)?
        };
        // Whoever is interrupted here acts on what is no longer true.
        thread::yield_now();
        let mut state = state.lock();
        state.credit_ns = state.credit_ns.saturating_sub(rate.interval_ns());
        Some(now)
    }
}

/// Wrong on purpose: a load and a store instead of a compare-and-exchange.
#[derive(Debug)]
pub struct Torn(Atomic);

impl Torn {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self(Atomic::new(rate))
    }
}

impl Bucket for Torn {
    fn take(&self, now: &dyn Fn() -> u64) -> Option<u64> {
        let Atomic { rate, full_at } = &self.0;
        let now = now();
        let next = full_at.load(Ordering::Relaxed).max(now) + rate.interval_ns();
        if next > now + rate.full_ns() {
            return None;
        }
        // Whoever is interrupted here writes over what others have written.
        thread::yield_now();
        full_at.store(next, Ordering::Relaxed);
        Some(now)
    }
}

/// Wrong on purpose: fills in whole tokens only, and forgets the fraction that the time since the last look brought besides.
#[derive(Debug)]
pub struct Forgetful(Locked);

impl Forgetful {
    /// A full bucket.
    pub fn new(rate: Rate) -> Self {
        Self(Locked::new(rate))
    }
}

impl Bucket for Forgetful {
    fn take(&self, now: &dyn Fn() -> u64) -> Option<u64> {
        let Locked { rate, state } = &self.0;
        let mut state = state.lock();
        let now = now();
        let whole = (now - state.seen_ns) / rate.interval_ns() * rate.interval_ns();
        state.credit_ns = (state.credit_ns + whole).min(rate.full_ns());
        state.seen_ns = now;
        state.credit_ns = state.credit_ns.checked_sub(rate.interval_ns())?;
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_read_under_the_lock() {
        let bucket = Locked::new(Rate { interval: Duration::from_nanos(1), burst: 1 });
        let now = || {
            assert!(bucket.state.is_locked());
            0
        };
        assert_eq!((bucket.take(&now), bucket.take(&now)), (Some(0), None));
    }
}
