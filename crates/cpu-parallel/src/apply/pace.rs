//! How large a chunk is, found while the work goes on.
//!
//! A chunk should take long beside what it costs to hand it over and short beside the whole, so that nobody waits for a last
//! one: some milliseconds between threads, more between processes. What a row costs is not known before, so the first
//! chunks are small and are done by the calling thread itself. It goes on alone while starting others would cost more than
//! they could save; so small inputs are never slower than one after another.

use std::cell::Cell;
use std::time::Duration;

use super::table::MOST_ROWS;

/// Rows of the first chunk.
const FIRST: usize = 16;
/// How fast chunks may grow from one to the next: one cheap chunk does not make the next one endless.
const GROWTH: usize = 8;
/// Others are started when what is left takes this many times as long as their start.
const WORTH: u32 = 4;

/// What it costs to have others work, and how long a chunk should take.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Until the others are at work; `None` where there are no others.
    pub start: Option<Duration>,
    /// What a chunk is aimed at.
    pub chunk: Duration,
}

/// The pace of one run.
#[derive(Debug)]
pub struct Pace {
    costs: Costs,
    rows: Cell<usize>,
    /// Time and rows of the chunks that were done so far.
    spent: Cell<(Duration, u64)>,
    /// Rows in all, where that is known beforehand.
    total: Option<u64>,
}

impl Pace {
    /// The pace at the start.
    pub fn new(costs: Costs, total: Option<u64>) -> Self {
        Self { costs, rows: Cell::new(FIRST), spent: Cell::default(), total }
    }

    /// Rows of the next chunk.
    pub fn rows(&self) -> usize {
        self.rows.get()
    }

    /// Learns from a chunk of so many rows that took so long. A chunk for which a program had to be started (`None`) tells
    /// nothing of its rows, but that larger chunks would share the start among more of them.
    pub fn done(&self, rows: u64, took: Option<Duration>) {
        let Some(took) = took else {
            return self.rows.set((self.rows.get() * 2).min(MOST_ROWS));
        };
        let (time, before) = self.spent.get();
        self.spent.set((time + took, before + rows));
        let row = took.as_secs_f64() / rows.max(1) as f64;
        // A quotient below 1, above all words, or of a chunk that took no time, is clamped.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let wanted = (self.costs.chunk.as_secs_f64() / row) as usize;
        self.rows.set(wanted.clamp(1, self.rows.get().saturating_mul(GROWTH).min(MOST_ROWS)));
    }

    /// Whether what is left is worth the start of others. Where nobody knows how much is left, it is taken to be as much as
    /// was done.
    pub fn is_worth_others(&self) -> bool {
        let (time, rows) = self.spent.get();
        let left = match self.total {
            Some(total) => time.mul_f64(total.saturating_sub(rows) as f64 / rows.max(1) as f64),
            None => time,
        };
        self.costs.start.is_some_and(|start| left >= start * WORTH && !time.is_zero())
    }

    /// What was found, in a sentence.
    pub fn explain(&self) -> String {
        let (time, rows) = self.spent.get();
        let row = time.as_secs_f64() / rows.max(1) as f64 * 1e6;
        format!(
            "a row takes {row:.3} µs, so a chunk has {} rows to take about {:?}",
            self.rows.get(),
            self.costs.chunk
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn chunks_grow_until_they_take_as_long_as_they_should_and_shrink_again() {
        let pace = Pace::new(Costs { start: None, chunk: 2 * MILLI }, None);
        let micro = |rows: usize| Duration::from_micros(rows as u64);
        let mut sizes = Vec::new();
        for _ in 0..5 {
            sizes.push(pace.rows());
            pace.done(pace.rows() as u64, Some(micro(pace.rows())));
        }
        assert_eq!(sizes, [16, 128, 1_024, 2_000, 2_000]);
        pace.done(2_000, Some(micro(2_000) * 4_000));
        assert_eq!(pace.rows(), 1);
        pace.done(1, None);
        assert_eq!(pace.rows(), 2);
    }

    #[test]
    fn others_are_only_started_for_what_is_worth_their_start() {
        let pace = |total| Pace::new(Costs { start: Some(MILLI), chunk: 2 * MILLI }, total);
        let (small, large, unknown) = (pace(Some(1_500)), pace(Some(10_000)), pace(None));
        assert!(!large.is_worth_others());
        for one in [&small, &large, &unknown] {
            one.done(1_000, Some(2 * MILLI));
        }
        assert!(!small.is_worth_others() && large.is_worth_others() && !unknown.is_worth_others());
        unknown.done(1_000, Some(2 * MILLI));
        assert!(unknown.is_worth_others());
    }
}
