//! What the user says.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use fetch::{Limits, Manners};

use super::digests::Expected;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Files go to the folder --out [default: where you are], under the last part of their URLs. A file that is there already is
kept, unless its digest is known and is another one, or with --replace. What is unfinished lies in NAME.part with
NAME.part.journal; the next run with the same arguments goes on from there.

A line of --list is a URL, further URLs of the same file (mirrors), and what is known of it:
  https://a.org/x.csv https://b.org/x.csv out=x-2024.csv sha256=9f86d0818…

For each file a line of JSON is printed: its name, length, and by what it was proved whole.

Examples:
  io-concurrency download https://example.org/a.parquet https://example.org/b.parquet --out data/
  io-concurrency download --list files.txt --sums SHA256SUMS --per-host 4 --rate-limit 20MiB
  io-concurrency download https://example.org/a.iso --digest sha256=9f86d0818… --segments 8
  io-concurrency download --compare                       the lab's own files, in every way")]
/// The inputs of `download`.
pub struct DownloadArgs {
    /// URLs to download; what starts with `/` is a path at --api [default: the lab's own files]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// Read more files from a list, one on each line; empty lines and lines with `#` are skipped
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// The digests of the files, as `sha256sum` and its kind write them
    #[arg(long, value_name = "FILE")]
    pub sums: Option<PathBuf>,
    /// The digest of the only URL: md5, sha1, sha256, sha512 or blake3, and hexadecimal digits
    #[arg(long, value_name = "NAME=HEX")]
    pub digest: Option<Expected>,
    /// Download also what is there already
    #[arg(long)]
    pub replace: bool,
    /// Pieces of one file that are fetched at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub segments: u16,
    /// The longest piece; a file that is not longer than that, or than 4 MiB, is fetched in one
    #[arg(long, value_name = "SIZE", default_value = "16MiB")]
    pub segment_size: ByteSize,
    /// Files in hand at once under the strategy `async`
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Requests in flight at once for one host [default: no limit but those above]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub per_host: Option<u16>,
    /// Bytes a second, all files together, such as 20MiB
    #[arg(long, value_name = "SIZE")]
    pub rate_limit: Option<ByteSize>,
    /// The longest file that is taken: one that never ends does not fill the disk
    #[arg(long, value_name = "SIZE", default_value = "64GiB")]
    pub max_size: ByteSize,
    /// A header field of each request; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = field)]
    pub headers: Vec<(String, String)>,
    /// The longest that making a connection may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub connect_timeout: Duration,
    /// The longest silence of a server, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub read_timeout: Duration,
    /// How often in a row, without a byte between, a request is repeated that failed in a way that may pass
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
    /// Wait until a file is on the disk before it takes its name
    #[arg(long)]
    pub sync: bool,
    /// Draw no bars, also on a terminal
    #[arg(long)]
    pub no_bars: bool,
}

impl DownloadArgs {
    pub(super) fn limits(&self) -> Limits {
        Limits { host_at_once: self.per_host.map(usize::from), ..Limits::default() }
    }

    pub(super) fn manners(&self) -> Manners {
        Manners {
            connect: self.connect_timeout,
            read: self.read_timeout,
            retries: self.retries,
            // A file is no order that must not be placed twice, and servers of files fail in every way.
            also_retried: vec![408, 500],
            max_body: self.max_size.as_u64(),
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

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected `Name: value`")?;
    Ok((name.trim().into(), value.trim().into()))
}
