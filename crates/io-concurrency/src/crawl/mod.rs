//! Exercise 01, crawl: many endpoints of an API, fetched at once, into one NDJSON or Parquet file in the order of the input.
//!
//! Each URL is one task: a request, a wait, an answer. One after another, the waits add up; the strategies differ only in
//! how many of them overlap and in what a waiting task costs: a thread's stack for `threads`, a place in the line for
//! `pool`, `rayon` and `processes`, an allocation for `async`.
//!
//! The answer is one line for each URL, `{"url":…,"status":…,"body":…,"attempts":…,"first_byte_ms":…,"ms":…}`, in the order of
//! the input. Up to the body it depends on nothing but the URL and what the server said, and that is what the digest is
//! made of: not of the strategy, the time it took, or the attempts it needed.

mod args;
mod cache;
mod columnar;
mod errand;
mod list;
mod page;
mod pages;
mod strategies;
mod template;

pub use args::CrawlArgs;
pub use errand::{Crawler, Errand, Fetcher, Setup, fetch_page};
pub use list::Input;
pub use page::{Journey, Page};
pub use pages::Pages;
#[cfg(any(test, fuzzing))]
pub(crate) use template::encoded;

use lab::formats::{Format, Out};
use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

/// The exercise.
#[derive(Debug)]
pub struct Crawl;

impl Exercise for Crawl {
    const ID: u8 = 1;
    const NAME: &'static str = "crawl";
    const ABOUT: &'static str = "Fetches many endpoints of an API at once and collects the answers, in the order of the URLs, as one NDJSON or Parquet file.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::tasks),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Async.name();
    const RESUMES: bool = true;
    const ROLES: &'static [Role] = &[Role::worker::<Crawler>()];
    type Args = CrawlArgs;
    type Input = Input;
    type Output = Pages;

    fn waiting(args: &CrawlArgs) -> usize {
        args.concurrency.min(args.per_host.unwrap_or(u16::MAX)).into()
    }

    fn files(args: &CrawlArgs, _: &Lab) -> Files {
        Files::new(Out::File(&[Format::Ndjson, Format::Json, Format::Parquet]))
            .reads(args.list.as_ref())
            .reads(args.params.as_ref())
            .writes_folder("--cache", args.cache.as_ref())
    }

    fn prepare(args: &CrawlArgs, lab: &Lab) -> Result<Input, Problem> {
        Input::prepare(args, lab)
    }

    fn deliver(pages: &Pages, _: &CrawlArgs, _: &Lab) -> Result<(), Problem> {
        pages.print()
    }
}
