//! What the user says.

use std::path::PathBuf;
use std::sync::OnceLock;

use lab::{Lab, OrProblem, Problem};

use super::Limit;
use super::walk::Style;
use super::{Input, Setup};

/// The inputs of `extract`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
How the API is paged is seen from its first page, or told with --style: page and page_size, offset and limit, a cursor, or
the header Link. A limit is learnt from the server's refusals (429), or told with --rate and --burst and then never passed.
Records come as NDJSON, as the server wrote them, or as Parquet where --out ends in .parquet. With --state FILE, a run that
was killed goes on, and the next one takes only what is new.

Examples:
  pipelines extract https://example.org/api/orders --out orders.parquet
  pipelines extract '/orders?uf=SP' --style cursor --size 500 | jq .order_id
  pipelines extract /orders --state orders.state --out orders.ndjson --rate 50 --burst 10
  pipelines extract --compare                 the lab's own API, in every way")]
pub struct ExtractArgs {
    /// The collection; what starts with `/` is a path at --api [default: the lab's orders]
    pub url: Option<String>,
    /// How it is paged [default: as its first page shows]
    #[arg(long, value_enum)]
    pub style: Option<Style>,
    /// Records on a page
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub size: u64,
    /// The field that tells records apart [default: the first that ends in `id` and is different in each]
    #[arg(long, value_name = "FIELD")]
    pub key: Option<String>,
    /// The field of an answer that has its records [default: items, data, results, records, rows or values]
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// Keep where this run is in FILE and the records beside it, and go on from there
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    pub state: Option<PathBuf>,
    /// The server's limit, in requests a second [default: learnt]
    #[arg(long, value_name = "RATE")]
    pub rate: Option<f64>,
    /// With --rate: how many requests the server lets through at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), requires = "rate")]
    pub burst: u32,
    /// Requests in flight at once under the strategy `async`
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub concurrency: u16,
    /// How often a page is asked for again after a failure that may pass
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub retries: u32,
    /// A header field of every request, such as 'Authorization: Bearer …'
    #[arg(long = "header", value_name = "FIELD")]
    pub headers: Vec<String>,
}

impl ExtractArgs {
    pub(super) fn prepare(&self, lab: &Lab) -> Result<Input, Problem> {
        let url = self.url.as_deref().unwrap_or("/orders");
        let url = if url.starts_with('/') { format!("{}{url}", lab.api) } else { url.to_owned() };
        fetch::Target::parse(&url).or_problem(|| "there is nothing to extract")?;
        let header = |text: &String| {
            let (name, value) = text
                .split_once(':')
                .ok_or_else(|| Problem::new("a --header has no colon").expected("'Name: value'"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        if self.rate.is_some_and(|rate| !(0.001..=1e6).contains(&rate)) {
            return Err(Problem::new("--rate is out of range").expected("0.001 to 1000000 requests a second"));
        }
        Ok(Input {
            url,
            style: self.style,
            size: self.size,
            key: self.key.clone(),
            state: self.state.clone(),
            setup: Setup {
                headers: self.headers.iter().map(header).collect::<Result<_, Problem>>()?,
                field: self.field.clone(),
                walk: None,
                retries: self.retries,
                limit: self.rate.map(|rate| Limit { rate, burst: self.burst.into() }),
                at_once: self.concurrency.into(),
                pace: OnceLock::new(),
                whole: None,
            },
        })
    }
}
