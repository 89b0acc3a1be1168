//! Counters of the whole server, and their text for Prometheus together with those of the routes.
//!
//! They are tallies that nothing is derived from while they run: `Relaxed`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(crate) use serving::metrics::RouteMetrics;

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
        serving::metrics::write(out, "mock_api", routes)?;
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
