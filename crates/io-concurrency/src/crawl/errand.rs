//! One URL, from the request to the line.

use std::fmt;

use fetch::{Client, Manners, Target};
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tracing::Instrument;

use super::page;

/// A URL that is to be fetched.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The whole URL. It may carry a password, so it is shown to nobody.
    url: String,
    /// How the URL is shown, and what the line has for it.
    shown: String,
}

impl Errand {
    /// An errand to a URL as somebody wrote it. One that starts with a single `/` is a path at the API.
    pub fn new(text: &str, api: &str) -> Self {
        if text.starts_with('/') && !text.starts_with("//") {
            Self { url: format!("{api}{text}"), shown: text.into() }
        } else {
            Self { url: text.into(), shown: Target::show(text) }
        }
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Errand({})", self.shown)
    }
}

/// A fetched page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The page's line of the output, without the line end.
    pub line: String,
    /// The length of the body as it came, in bytes.
    pub received: u64,
}

/// Fetches one page. It ends at once when `stop` is asked for, wherever it is.
///
/// On the timeline it runs while it is polled and waits between the polls.
///
/// # Errors
/// The class of the failure, what happened, and what to do about it.
pub async fn fetch_page(client: &Client, errand: &Errand, stop: &Stop) -> Result<Page, Problem> {
    let fetching = async {
        let target = Target::parse(&errand.url).map_err(|error| problem(&error, &error))?;
        let answer = client.get(&target).await.map_err(|failed| problem(&failed.error, &failed))?;
        Ok(Page { line: page::line(&errand.shown, &answer), received: answer.body.len() as u64 })
    };
    tokio::select! {
        biased;
        () = stop.wait() => Err(Problem::new("interrupted")),
        page = fetching.instrument(lab::span!(Running, "fetch", errand)) => page,
    }
}

fn problem(error: &fetch::FetchError, what: &dyn fmt::Display) -> Problem {
    Problem::new(format!("{}: {what}", error.class())).hint(error.hint())
}

/// A worker that does one errand at a time, with an event loop and a client of its own: connections belong to the loop
/// that made them.
#[derive(Debug)]
pub struct Crawler {
    // Dropped before the loop that its connections live on.
    client: Client,
    event_loop: Runtime,
}

impl Job for Crawler {
    const NAME: &'static str = "crawl";
    type Setup = Manners;
    type Task = Errand;
    type Reply = Page;

    fn start(manners: &Manners) -> Result<Self, Problem> {
        let event_loop = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Problem::because("no event loop could be started for this worker", &error)
                .hint("raise the limit of open files (`ulimit -n`), or use the strategy `async`, which needs one event loop for all")
        })?;
        let client = Client::new(manners.clone()).or_problem(|| "there is no client to fetch with")?;
        Ok(Self { client, event_loop })
    }

    fn run(&mut self, errand: &Errand, stop: &Stop) -> Result<Page, Problem> {
        self.event_loop.block_on(fetch_page(&self.client, errand, stop))
    }
}
