//! Counters, and their text for Prometheus (exposition format 0.0.4).
//!
//! Written here because the usual crates bring a registry, sketches and a clock of their own; a handful of atomics for
//! each route is all that this server needs. They are tallies that nothing is derived from while they run: `Relaxed`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the latency buckets, in microseconds.
const BOUNDS_US: [u64; 10] = [50, 100, 250, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Statuses that are counted apart; another counts as the last one of its hundred.
const STATUSES: usize = 500;

/// Each thread counts in one of so many places, because a counter that all threads write for every request travels
/// between their caches.
const SHARDS: usize = 4;

/// What happened on one route.
#[derive(Debug)]
pub struct RouteMetrics {
    route: &'static str,
    shards: [Shard; SHARDS],
}

/// What some threads saw of one route. Aligned to two cache lines, which processors fetch in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    /// By status, from 100.
    answers: Box<[AtomicU64]>,
    /// Times to the answer's head, by bucket; the last is for longer ones.
    times: [AtomicU64; BOUNDS_US.len() + 1],
    time_ns: AtomicU64,
}

impl RouteMetrics {
    /// The counters of this route, at zero.
    pub fn new(route: &'static str) -> Self {
        Self { route, shards: std::array::from_fn(|_| Shard::new()) }
    }

    /// Counts an answer of `status` whose head took `time`.
    pub fn answered(&self, status: u16, time: Duration) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local!(static MINE: usize = NEXT.fetch_add(1, Relaxed) % SHARDS);
        let shard = &self.shards[MINE.with(|mine| *mine)];
        let status = usize::from(status).saturating_sub(100).min(STATUSES - 1);
        shard.answers[status].fetch_add(1, Relaxed);
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        shard.times[BOUNDS_US.partition_point(|&bound| bound < us)].fetch_add(1, Relaxed);
        shard.time_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn sum(&self, counter: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|shard| counter(shard).load(Relaxed)).sum()
    }
}

impl Shard {
    fn new() -> Self {
        Self {
            answers: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            times: Default::default(),
            time_ns: AtomicU64::new(0),
        }
    }
}

/// Writes the answers and the times of all routes, each name starting with `prefix`.
///
/// # Errors
/// Those of `out`; a string has none.
pub fn write(out: &mut String, prefix: &str, routes: &[Arc<RouteMetrics>]) -> std::fmt::Result {
    writeln!(out, "# HELP {prefix}_requests_total Answers by route and status.")?;
    writeln!(out, "# TYPE {prefix}_requests_total counter")?;
    for metrics in routes {
        let route = metrics.route;
        for index in 0..STATUSES {
            let (status, count) = (index + 100, metrics.sum(|shard| &shard.answers[index]));
            if count > 0 {
                writeln!(out, "{prefix}_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}")?;
            }
        }
    }
    writeln!(out, "# HELP {prefix}_request_seconds Time from a request's head to its answer's head.")?;
    writeln!(out, "# TYPE {prefix}_request_seconds histogram")?;
    for metrics in routes {
        let route = metrics.route;
        let mut sum = 0;
        let bounds = BOUNDS_US.iter().map(|&us| (us as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
        let counts: Vec<u64> = (0..=BOUNDS_US.len()).map(|i| metrics.sum(|shard| &shard.times[i])).collect();
        if counts.iter().all(|&count| count == 0) {
            continue;
        }
        for (bound, count) in bounds.zip(counts) {
            sum += count;
            writeln!(out, "{prefix}_request_seconds_bucket{{route=\"{route}\",le=\"{bound}\"}} {sum}")?;
        }
        let seconds = metrics.sum(|shard| &shard.time_ns) as f64 / 1e9;
        writeln!(out, "{prefix}_request_seconds_sum{{route=\"{route}\"}} {seconds}")?;
        writeln!(out, "{prefix}_request_seconds_count{{route=\"{route}\"}} {sum}")?;
    }
    Ok(())
}
