//! What the user says.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::state::Quorum;

/// How the summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for readers
    Table,
    /// A line of JSON for each target
    Json,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Each probe is a request over a new connection, timed in its phases: name, connection, TLS, first byte, last byte. A redirect
is an answer and is not followed. With --every, probes are sent on a schedule that no answer can move (an open loop).
Times are the target's: when bytes came is what the kernel noted. What may be this program's own error (a probe sent late,
an event seen late) is measured for each probe and reported at the end.

A line of --targets is a URL and, after it, what is expected of this one, in place of the options of the same name:
  https://example.org/health status=200 contains=\"all is well\" lacks=error within=300

--out saves every probe as it ends: *.csv, *.parquet or *.sqlite; a file that is there already is added to. Parquet rows
are in FILE.parts/ until the end, in files of their own.

The exit code is 0 when all targets are up, 1 when one is down or undecided, 130 after Ctrl-C.

Examples:
  io-concurrency monitor https://example.org/ https://example.net/health --within 300
  io-concurrency monitor --targets list.txt --every 30 --down 2/3 --out probes.sqlite --metrics 127.0.0.1:9100
  io-concurrency monitor --targets list.txt --every 10 --for 600 --format json
  io-concurrency monitor --compare                            the lab's own targets, in every way")]
/// The inputs of `monitor`.
pub struct MonitorArgs {
    /// URLs to watch; what starts with `/` is a path at --api [default: the lab's own targets]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// Read more targets from a file, one on each line; empty lines and lines with `#` are skipped
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// Probe each target every so many seconds, spread evenly over them [default: one round, as fast as it goes]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub every: Option<Duration>,
    /// How many rounds [default: without end with --every, otherwise as many as --down needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: Option<u32>,
    /// Stop after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds, requires = "every")]
    pub lasting: Option<Duration>,
    /// A target is down when K of its last N probes missed what was expected
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    pub down: Quorum,
    /// Expected statuses
    #[arg(long, value_name = "STATUS,FROM-TO,…", default_value = "200-299")]
    pub status: String,
    /// Expected in the body
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<String>,
    /// Not expected in the body
    #[arg(long, value_name = "TEXT")]
    pub lacks: Option<String>,
    /// Expected: the whole answer within so many milliseconds
    #[arg(long, value_name = "MS")]
    pub within: Option<u64>,
    /// The longest that a probe may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Ask for the head of the answer alone
    #[arg(long, conflicts_with_all = ["contains", "lacks"])]
    pub head: bool,
    /// A header field of each request; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = field)]
    pub headers: Vec<(String, String)>,
    /// How much of a body is looked through, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub look: usize,
    /// Probes in flight at once in a round without a schedule
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Probes of one target in flight at once under a schedule; further ones are left out and the percentiles corrected
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    pub overlap: u16,
    /// Serve Prometheus metrics at this address while it runs; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
    /// The longest that the server of metrics waits for a client, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000, hide = true)]
    pub client_timeout_ms: u64,
    /// How the summary is printed
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Draw no live table, also on a terminal
    #[arg(long)]
    pub no_live: bool,
}

impl MonitorArgs {
    /// How many rounds there are; nothing for no end.
    pub(super) fn rounds(&self) -> Option<u32> {
        match (self.rounds, self.every) {
            (Some(rounds), _) => Some(rounds),
            (None, Some(_)) => None,
            (None, None) => Some(u32::from(self.down.of)),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= 86_400.0 * 366.0 => Ok(duration),
        _ => Err("expected more than 0 and at most a year".into()),
    }
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    Ok((name.trim().into(), value.trim().into()))
}
