//! Bounded queues between stages that tell how full they are and who is held up by them, in numbers and in the timeline.
//!
//! Each queue has a lane of its own in the picture: blocked while it is full, waiting while it is empty, and how many batches
//! are in it in between.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use lab::span;
use lab::timeline::{self, Slice, State};
use parking_lot::Mutex;

use super::law::Hours;

/// Batches that may wait between two stages: one to work on while the next arrives, and some to even out their paces.
pub(super) const ROOM: usize = 4;

/// The end that a stage passes its batches on to.
pub(super) struct Put<T> {
    to: Sender<T>,
    gauge: Arc<Gauge>,
}

/// The end that a stage takes its batches from.
pub(super) struct Take<T> {
    from: Receiver<T>,
    gauge: Arc<Gauge>,
}

impl<T> Clone for Put<T> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), gauge: Arc::clone(&self.gauge) }
    }
}

impl<T> Clone for Take<T> {
    fn clone(&self) -> Self {
        Self { from: self.from.clone(), gauge: Arc::clone(&self.gauge) }
    }
}

/// A queue, and what tells how full it was.
pub(super) fn queue<T>(name: &'static str) -> (Put<T>, Take<T>, Arc<Gauge>) {
    let (to, from) = bounded(ROOM);
    let gauge = Arc::new(Gauge::new(name));
    (Put { to, gauge: Arc::clone(&gauge) }, Take { from, gauge: Arc::clone(&gauge) }, gauge)
}

impl<T> Put<T> {
    /// Passes an item on; `false` once the other side is gone. While the queue is full, the sender is held up: that is the
    /// back-pressure of the stage behind.
    pub(super) fn pass_on(&self, item: T, hours: &mut Hours) -> bool {
        let passed = match self.to.try_send(item) {
            Ok(()) => true,
            Err(TrySendError::Disconnected(_)) => false,
            Err(TrySendError::Full(item)) => {
                let _span = span!(Blocked, "queue is full", "").entered();
                let since = Instant::now();
                let passed = self.to.send(item).is_ok();
                hours.held_up += since.elapsed();
                passed
            }
        };
        if passed {
            self.gauge.moved(1);
        }
        passed
    }
}

impl<T> Take<T> {
    /// Takes the next item; `None` once the other side is gone and the queue is empty.
    pub(super) fn take(&self, hours: &mut Hours) -> Option<T> {
        let taken = self.from.try_recv().ok().or_else(|| {
            let _span = span!(Waiting, "queue is empty", "").entered();
            let since = Instant::now();
            let taken = self.from.recv().ok();
            hours.starved += since.elapsed();
            taken
        });
        if taken.is_some() {
            self.gauge.moved(-1);
        }
        taken
    }
}

/// How full a queue is over time.
pub(super) struct Gauge {
    name: &'static str,
    /// Locked for a few additions, twice for each batch.
    level: Mutex<Level>,
}

struct Level {
    /// A batch may be taken before the one who put it has counted it, so it may be below 0 for a moment.
    depth: i64,
    began_ns: u64,
    since_ns: u64,
    /// Batches times nanoseconds.
    area: f64,
    slices: Vec<Slice>,
}

impl Gauge {
    pub(super) fn new(name: &'static str) -> Self {
        let now = timeline::now();
        let level = Level { depth: 0, began_ns: now, since_ns: now, area: 0.0, slices: Vec::new() };
        Self { name, level: Mutex::new(level) }
    }

    /// Something came or went.
    pub(super) fn moved(&self, by: i64) {
        let mut level = self.level.lock();
        level.until(timeline::now());
        level.depth += by;
    }

    /// How many batches were in it on average, and how many could be. Draws its lane, if anything is recorded.
    pub(super) fn finish(&self) -> (f64, usize) {
        let mut level = self.level.lock();
        let now = timeline::now();
        level.until(now);
        timeline::absorb(self.name, None, std::mem::take(&mut level.slices));
        (level.area / now.saturating_sub(level.began_ns).max(1) as f64, ROOM)
    }
}

impl Level {
    fn until(&mut self, now: u64) {
        let depth = usize::try_from(self.depth).unwrap_or(0).min(ROOM);
        let start_ns = std::mem::replace(&mut self.since_ns, now);
        self.area += depth as f64 * now.saturating_sub(start_ns) as f64;
        if timeline::recording() {
            let state = match depth {
                0 => State::Waiting,
                ROOM => State::Blocked,
                _ => State::Sending,
            };
            let name = format!("{depth} of {ROOM} batches");
            // `main` is what the timeline calls a lane by the name that it is absorbed under.
            self.slices.push(Slice {
                lane: "main".into(),
                state,
                name,
                label: String::new(),
                start_ns,
                end_ns: now,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_tells_how_full_its_queue_was_over_the_time() {
        let mut level = Level { depth: 0, began_ns: 0, since_ns: 0, area: 0.0, slices: Vec::new() };
        for (now, by) in [(10, 1), (20, 3), (60, -2)] {
            level.until(now);
            level.depth += by;
        }
        level.until(100);
        // Ten with one, forty with four, forty with two.
        assert!((level.area - (10.0 + 160.0 + 80.0)).abs() < 1e-9);
    }
}
