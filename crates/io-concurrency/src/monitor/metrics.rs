//! Metrics for Prometheus, served while it runs.
//!
//! On a thread of its own, so that a scrape of ten thousand targets delays no probe.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::{Counter, Histogram};
use lab::{OrProblem, Problem};
use parking_lot::Mutex;

use super::board::{Board, Standing};
use super::state::State;

/// The longest that a reader of metrics may take to ask or to read.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request that is read.
const REQUEST: u64 = 8 << 10;

/// A server of metrics. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    /// Looked at after each connection; it carries nothing with it: `Relaxed`.
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Serves the board's metrics at an address, if there is one, and says where.
///
/// # Errors
/// An address that cannot be listened on.
pub(super) fn serve(
    address: Option<SocketAddr>,
    board: &Arc<Mutex<Board>>,
) -> Result<Option<Server>, Problem> {
    let Some(address) = address else { return Ok(None) };
    let listener =
        TcpListener::bind(address).or_problem(|| format!("metrics cannot be served at {address}"))?;
    let address = listener.local_addr().or_problem(|| "the address of the metrics is not known")?;
    anstream::eprintln!("metrics at http://{address}/metrics");
    let (ended, board) = (Arc::new(AtomicBool::new(false)), Arc::clone(board));
    let asked_to_end = Arc::clone(&ended);
    let thread = std::thread::Builder::new().name("metrics".into()).spawn(move || {
        for stream in listener.incoming() {
            if asked_to_end.load(Ordering::Relaxed) {
                return;
            }
            // A reader that goes away is its own loss.
            let _ = stream.and_then(|stream| answer(stream, &board));
        }
    });
    let thread = thread.or_problem(|| "there is no thread for the metrics")?;
    Ok(Some(Server { address, ended, thread: Some(thread) }))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection.
        let woken = TcpStream::connect_timeout(&self.address, PATIENCE).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, board: &Mutex<Board>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = BufReader::new((&stream).take(REQUEST));
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = first.split_whitespace().nth(1).unwrap_or_default();
    let (status, body) = match (first.starts_with("GET "), path.split('?').next()) {
        (true, Some("/metrics")) => ("200 OK", text(&board.lock())),
        _ => ("404 Not Found", "only GET /metrics is served\n".into()),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
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
