//! What the user says.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use fetch::Manners;

pub(super) const ABOUT: &str = "Fetches many endpoints of an API at once and collects the answers, in the order of the URLs, as one NDJSON file";

#[derive(Clone, Debug, clap::Args)]
#[command(about = ABOUT, after_help = "\
Each answer is one line, {\"url\":…,\"status\":…,\"body\":…}: JSON as the server wrote it, anything else as a string (with
\"lossy\":true where bytes were not UTF-8). A URL that fails has no line: it is listed at the end with the class of its
failure, the others go on, and the exit code is 1.

Each request in flight holds a file descriptor. `--concurrency` is lowered, with a warning, to what `ulimit -n` leaves
room for: 128 work with a limit of 256. The strategy `threads` holds six for each URL.

Examples:
  io-concurrency crawl https://example.org/a.json https://example.org/b.json
  io-concurrency crawl --urls list.txt --out pages.ndjson --concurrency 64
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
    /// Instead: this many URLs of the API that answer after a delay
    #[arg(long, value_name = "N", conflicts_with_all = ["urls", "list"], value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,
    /// The delay of those, in milliseconds
    #[arg(long, value_name = "MS", conflicts_with_all = ["urls", "list"], value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub delay_ms: Option<u32>,
    /// Requests in flight at once under the strategy `async`
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
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
    /// The longest body that is taken
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub max_body: ByteSize,
}

impl CrawlArgs {
    /// How the client behaves.
    pub fn manners(&self) -> Manners {
        Manners {
            connect: self.connect_timeout,
            read: self.read_timeout,
            whole: self.timeout,
            max_body: self.max_body.as_u64(),
            retries: self.retries,
            ..Manners::default()
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= 86_400.0 => Ok(duration),
        _ => Err("expected more than 0 and at most 86400".into()),
    }
}
