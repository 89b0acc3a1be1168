//! What the user says.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use fetch::{Limits, Manners};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Each URL has one line, in the order of the input: {\"url\":…,\"status\":…,\"body\":…,\"attempts\":…,\"first_byte_ms\":…,\"ms\":…}.
The body is JSON as the server wrote it, anything else a string (with \"lossy\":true where bytes were not UTF-8). The line of
a URL that failed is {\"url\":…,\"status\":…,\"error\":{\"class\":…,\"message\":…},\"headers\":{…},\"body\":…}, where status, headers and
body are those of the answer, if there was one; it is also listed at the end, the others go on, and the exit code is 1. With
`--out NAME.parquet` the same are columns, and `body` is JSON text. A URL that stands several times in the input is fetched once.

A body in gzip, deflate, br or zstd is decoded. A server that refuses because it is asked too fast (429, 503 with Retry-After) is
asked at the rate that it tells or that its refusals show; this costs no retry, and no URL as long as --timeout allows.

With --resume FILE, a run that was killed goes on where it was: what was fetched is in FILE until all is done.

Each request in flight holds a file descriptor. `--concurrency` is lowered, with a warning, to what `ulimit -n` leaves
room for: 128 work with a limit of 256. The strategy `threads` holds six for each URL.

Examples:
  io-concurrency crawl https://example.org/a.json https://example.org/b.json
  io-concurrency crawl --urls list.txt --out pages.ndjson --concurrency 64
  io-concurrency crawl --template 'https://example.org/{city}?day={day}' --params days.csv --rate 20 --per-host 4
  generate-urls | io-concurrency crawl --urls - | jq .body
  io-concurrency crawl --count 200 --delay-ms 50 --compare     the course's example, in every way
  io-concurrency crawl --strategy threads --timeline trace.json")]
/// The inputs of `crawl`.
pub struct CrawlArgs {
    /// URLs to fetch; what starts with `/` is a path at --api [default: the lab's own mix of endpoints]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// Read more URLs from a file, one on each line, `-` for standard input; empty lines and lines with `#` are skipped
    #[arg(long = "urls", id = "list", value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Make a URL of this template for each row of --params: `{column}` stands for the value of that column, percent-encoded
    #[arg(long, value_name = "URL", requires = "params")]
    pub template: Option<String>,
    /// The CSV file with the parameters, its first line their names; `-` for standard input
    #[arg(long, value_name = "FILE", requires = "template")]
    pub params: Option<PathBuf>,
    /// Instead: this many URLs of the API that answer after a delay
    #[arg(long, value_name = "N", conflicts_with_all = ["urls", "list", "template"], value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,
    /// The delay of those, in milliseconds
    #[arg(long, value_name = "MS", conflicts_with_all = ["urls", "list", "template"], value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub delay_ms: Option<u32>,
    /// Requests in flight at once under the strategy `async`
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Requests in flight at once for one host [default: no limit but --concurrency]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub per_host: Option<u16>,
    /// Requests a second, all hosts together [default: as many as come back]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rate: Option<f64>,
    /// Requests a second for one host
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub host_rate: Option<f64>,
    /// Keep answers in this folder, and fetch again only what the server says has changed
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// The longest that one URL may take with all its attempts, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
    /// The longest that making a connection may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub connect_timeout: Duration,
    /// The longest silence of a server, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub read_timeout: Duration,
    /// How often a URL is asked again after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub retries: u32,
    /// Statuses to ask again after, besides 429, 502, 503 and 504
    #[arg(long, value_name = "STATUS,…", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(400..=599))]
    pub retry_status: Vec<u16>,
    /// Take a body that is not JSON for a failure that may pass, as the page of a broken proxy is
    #[arg(long)]
    pub expect_json: bool,
    /// The longest body that is taken
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub max_body: ByteSize,
}

impl CrawlArgs {
    /// How hard servers are asked.
    pub fn limits(&self) -> Limits {
        Limits {
            at_once: None,
            host_at_once: self.per_host.map(usize::from),
            host_rate: self.host_rate,
            rate: self.rate,
        }
    }

    /// How the client behaves.
    pub fn manners(&self) -> Manners {
        Manners {
            connect: self.connect_timeout,
            read: self.read_timeout,
            whole: self.timeout,
            max_body: self.max_body.as_u64(),
            retries: self.retries,
            also_retried: self.retry_status.clone(),
            ..Manners::default()
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        Ok(_) => Err("expected at least 0.001 and at most 1000000 a second".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= 86_400.0 => Ok(duration),
        _ => Err("expected more than 0 and at most 86400".into()),
    }
}
