//! Metrics for Prometheus, served while it runs.
//!
//! On a thread of its own, so that a scrape of ten thousand targets delays no probe. Several clients are served at the same
//! time, and one that asks nothing or reads nothing holds up neither them nor the end of the run.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use hdrhistogram::{Counter, Histogram};
use lab::{OrProblem, Problem};
use parking_lot::Mutex;
use serving::serve::{Limits, Loops};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::board::{Board, Standing};
use super::state::State;

/// Where metrics are served, and the longest that their server waits for a client.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(super) address: SocketAddr,
    pub(super) client_timeout: Duration,
}

/// The longest that open requests may go on once the monitor has ended.
const SHUTDOWN: Duration = Duration::from_millis(200);
/// Connections of one address.
const CONNECTIONS: usize = 32;

/// A server of metrics. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Server {
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves the board's metrics at an address, if there is one, and says where.
///
/// # Errors
/// An address that cannot be listened on.
pub(super) fn serve(place: Option<Place>, board: &Arc<Mutex<Board>>) -> Result<Option<Server>, Problem> {
    let Some(Place { address, client_timeout }) = place else { return Ok(None) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_problem(|| "there is no event loop for the metrics")?;
    let listener = runtime
        .block_on(TcpListener::bind(address))
        .or_problem(|| format!("metrics cannot be served at {address}"))?;
    let address = listener.local_addr().or_problem(|| "the address of the metrics is not known")?;
    anstream::eprintln!("metrics at http://{address}/metrics");

    let limits = Limits { client: client_timeout, shutdown: SHUTDOWN, connections: CONNECTIONS };
    let router = router(Arc::clone(board));
    let (shutdown, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("metrics".into())
        .spawn(move || run(&runtime, listener, router, limits, stopped));
    let thread = thread.or_problem(|| "there is no thread for the metrics")?;
    Ok(Some(Server { shutdown: Some(shutdown), thread: Some(thread) }))
}

fn run(
    runtime: &Runtime,
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stopped: oneshot::Receiver<()>,
) {
    let open = Arc::new(AtomicU64::new(0));
    let stopped = async { drop(stopped.await) };
    // The runtime of this thread serves.
    let loops = Loops::default();
    let served = serving::serve::run(listener, router, &loops, limits, &open, stopped);
    if let Err(error) = runtime.block_on(served) {
        tracing::warn!(%error, "the metrics are not served any more");
    }
}

fn router(board: Arc<Mutex<Board>>) -> Router {
    let metrics =
        || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text(&board.lock())) };
    Router::new()
        .route("/metrics", get(metrics))
        .fallback(|| async { (StatusCode::NOT_FOUND, "only GET /metrics is served\n") })
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 1.0];

/// The board in the text format of Prometheus.
pub(super) fn text(board: &Board) -> String {
    let mut out = String::new();
    let mut family =
        |name: &str, kind: &str, help: &str, lines: &mut dyn FnMut(&Standing, &str, &mut String)| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for standing in &board.standings {
                lines(standing, &label(standing.watched.shown()), &mut out);
            }
        };
    family(
        "paralelo_monitor_up",
        "gauge",
        "1 for up, 0 for down; nothing while undecided.",
        &mut |one, target, out| {
            if one.state != State::Unknown {
                let _ = writeln!(
                    out,
                    "paralelo_monitor_up{{target={target}}} {}",
                    u8::from(one.state == State::Up)
                );
            }
        },
    );
    family("paralelo_monitor_probes_total", "counter", "Probes that were sent.", &mut |one, target, out| {
        let met = one.probes - one.missed;
        let _ = writeln!(out, "paralelo_monitor_probes_total{{target={target},met=\"true\"}} {met}");
        let _ =
            writeln!(out, "paralelo_monitor_probes_total{{target={target},met=\"false\"}} {}", one.missed);
    });
    family(
        "paralelo_monitor_left_out_total",
        "counter",
        "Probes left out because too many were outstanding.",
        &mut |one, target, out| {
            let _ = writeln!(out, "paralelo_monitor_left_out_total{{target={target}}} {}", one.left_out);
        },
    );
    let name = "paralelo_monitor_duration_seconds";
    family(name, "summary", "The whole time, corrected for probes left out.", &mut |one, target, out| {
        summary(out, name, &format!("target={target}"), &one.times);
    });
    let name = "paralelo_monitor_phase_seconds";
    family(name, "gauge", "The phases of the last probe.", &mut |one, target, out| {
        let Some(last) = &one.last else { return };
        let phases = [
            ("dns", last.dns_us),
            ("connect", last.connect_us),
            ("tls", last.tls_us),
            ("first_byte", last.first_byte_us),
        ];
        for (phase, time) in phases {
            let _ = writeln!(out, "{name}{{target={target},phase=\"{phase}\"}} {:?}", seconds(time));
        }
    });
    let name = "paralelo_monitor_own_error_seconds";
    let _ = writeln!(out, "# HELP {name} The monitor's own error in each probe.\n# TYPE {name} summary");
    summary(&mut out, name, "", &board.own_error);
    out
}

fn summary<C: Counter>(out: &mut String, name: &str, labels: &str, times: &Histogram<C>) {
    let comma = if labels.is_empty() { "" } else { "," };
    let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    for quantile in QUANTILES.into_iter().filter(|_| !times.is_empty()) {
        let time = seconds(times.value_at_quantile(quantile));
        let _ = writeln!(out, "{name}{{{labels}{comma}quantile=\"{quantile}\"}} {time:?}");
    }
    let _ = writeln!(out, "{name}_sum{braces} {:?}", times.mean() * times.len() as f64 / 1e6);
    let _ = writeln!(out, "{name}_count{braces} {}", times.len());
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A label's value, quoted as the format asks.
fn label(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_quoted() {
        assert_eq!(label("/a\"b\\c\n"), r#""/a\"b\\c\n""#);
    }
}
