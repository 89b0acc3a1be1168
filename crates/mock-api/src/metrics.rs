//! Counters, and their text for Prometheus (exposition format 0.0.4).
//!
//! Written here because the usual crates bring a registry, sketches and a clock of their own; a handful of atomics for
//! each route is all that this server needs. They are tallies that nothing is derived from while they run: `Relaxed`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the latency buckets, in microseconds.
const BOUNDS_US: [u64; 10] = [50, 100, 250, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Statuses that are counted apart; another counts as the last one of its hundred.
const STATUSES: usize = 500;

/// What happened on one route.
#[derive(Debug)]
pub(crate) struct RouteMetrics {
    route: &'static str,
    /// By status, from 100.
    answers: Box<[AtomicU64]>,
    /// Times to the answer's head, by bucket; the last is for longer ones.
    times: [AtomicU64; BOUNDS_US.len() + 1],
    time_ns: AtomicU64,
}

/// What happened on the whole server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Connections that are open.
    pub(crate) connections: Arc<AtomicU64>,
    faults: [AtomicU64; FAULTS.len()],
}

/// The faults that are counted, by name.
const FAULTS: [&str; 11] = [
    "latency",
    "rate_limit",
    "outage",
    "status",
    "reset",
    "truncate",
    "drip",
    "hang",
    "wrong_content_type",
    "malformed_json",
    "duplicate_page",
];

impl RouteMetrics {
    pub(crate) fn new(route: &'static str) -> Self {
        Self {
            route,
            answers: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            times: Default::default(),
            time_ns: AtomicU64::new(0),
        }
    }

    /// Counts an answer of `status` whose head took `time`.
    pub(crate) fn answered(&self, status: u16, time: Duration) {
        let status = usize::from(status).saturating_sub(100).min(STATUSES - 1);
        self.answers[status].fetch_add(1, Relaxed);
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.times[BOUNDS_US.partition_point(|&bound| bound < us)].fetch_add(1, Relaxed);
        self.time_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }
}

impl Metrics {
    /// Counts a fault.
    pub(crate) fn fault(&self, name: &str) {
        if let Some(index) = FAULTS.iter().position(|fault| *fault == name) {
            self.faults[index].fetch_add(1, Relaxed);
        }
    }

    /// Everything, as text.
    pub(crate) fn text(&self, routes: &[Arc<RouteMetrics>]) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, routes);
        text
    }

    fn write(&self, out: &mut String, routes: &[Arc<RouteMetrics>]) -> std::fmt::Result {
        writeln!(out, "# HELP mock_api_requests_total Answers by route and status.")?;
        writeln!(out, "# TYPE mock_api_requests_total counter")?;
        for RouteMetrics { route, answers, .. } in routes.iter().map(Arc::as_ref) {
            for (status, count) in answers.iter().enumerate() {
                let (status, count) = (status + 100, count.load(Relaxed));
                if count > 0 {
                    writeln!(
                        out,
                        "mock_api_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}"
                    )?;
                }
            }
        }
        writeln!(out, "# HELP mock_api_request_seconds Time from a request's head to its answer's head.")?;
        writeln!(out, "# TYPE mock_api_request_seconds histogram")?;
        for RouteMetrics { route, times, time_ns, .. } in routes.iter().map(Arc::as_ref) {
            let mut sum = 0;
            let bounds = BOUNDS_US.iter().map(|&us| (us as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
            let counts: Vec<u64> = times.iter().map(|time| time.load(Relaxed)).collect();
            if counts.iter().all(|&count| count == 0) {
                continue;
            }
            for (bound, count) in bounds.zip(counts) {
                sum += count;
                writeln!(out, "mock_api_request_seconds_bucket{{route=\"{route}\",le=\"{bound}\"}} {sum}")?;
            }
            let seconds = time_ns.load(Relaxed) as f64 / 1e9;
            writeln!(out, "mock_api_request_seconds_sum{{route=\"{route}\"}} {seconds}")?;
            writeln!(out, "mock_api_request_seconds_count{{route=\"{route}\"}} {sum}")?;
        }
        writeln!(out, "# HELP mock_api_faults_total Faults by kind.")?;
        writeln!(out, "# TYPE mock_api_faults_total counter")?;
        for (name, count) in FAULTS.iter().zip(&self.faults) {
            writeln!(out, "mock_api_faults_total{{kind=\"{name}\"}} {}", count.load(Relaxed))?;
        }
        writeln!(out, "# HELP mock_api_connections Open connections.")?;
        writeln!(out, "# TYPE mock_api_connections gauge")?;
        writeln!(out, "mock_api_connections {}", self.connections.load(Relaxed))
    }
}
