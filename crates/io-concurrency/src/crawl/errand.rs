//! One URL, from the request to the line.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fetch::{Answer, Client, Gate, Limits, Manners, Target};
use lab::timeline::Drawn as _;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use super::args::CrawlArgs;
use super::cache::Cache;
use super::page::{self, Journey, Page};

/// A URL that is to be fetched.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Errand {
    /// The whole URL. It may carry a password, so it is shown to nobody.
    url: String,
    /// How the URL is shown, and what the line has for it, where that is something else.
    shown: Option<String>,
}

impl Errand {
    /// An errand to a URL as somebody wrote it. One that starts with a single `/` is a path at the API.
    pub fn new(text: &str, api: &str) -> Self {
        if text.starts_with('/') && !text.starts_with("//") {
            return Self { url: format!("{api}{text}"), shown: Some(Target::show_path(text).into()) };
        }
        let shown = Target::show(text);
        Self { url: text.into(), shown: (shown != text).then(|| shown.into()) }
    }

    /// How the URL is shown.
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.url)
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.shown())
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Errand({})", self.shown())
    }
}

/// What all workers of a crawl start from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Setup {
    /// How each client behaves.
    pub manners: Manners,
    /// How hard servers are asked, by this process.
    pub limits: Limits,
    /// Where answers are kept, if anywhere.
    pub cache: Option<PathBuf>,
    /// Whether a body that is not JSON is a failure.
    pub expect_json: bool,
    /// The gate that all clients of this process pass.
    #[serde(skip)]
    gate: OnceLock<Arc<Gate>>,
}

impl Setup {
    /// What the user said.
    pub fn of(args: &CrawlArgs) -> Self {
        Self {
            manners: args.manners(),
            limits: args.limits(),
            cache: args.cache.clone(),
            expect_json: args.expect_json,
            gate: OnceLock::new(),
        }
    }

    /// The same with other limits, and so with a gate of its own.
    #[must_use]
    pub fn limited(&self, limits: Limits) -> Self {
        Self { limits, gate: OnceLock::new(), ..self.clone() }
    }

    /// A fetcher for one event loop.
    ///
    /// # Errors
    /// A client that cannot be made, and a cache that cannot be written to.
    pub fn fetcher(&self) -> Result<Fetcher, Problem> {
        Ok(Fetcher { client: self.client()?, expect_json: self.expect_json })
    }

    fn client(&self) -> Result<Client, Problem> {
        let client = Client::new(self.manners.clone()).or_problem(|| "there is no client to fetch with")?;
        let gate = self.gate.get_or_init(|| Arc::new(Gate::new(self.limits)));
        let client = client.through(Arc::clone(gate));
        let Some(folder) = &self.cache else { return Ok(client) };
        let cache = Cache::open(folder.clone())
            .or_problem(|| format!("answers cannot be kept in {}", folder.display()))?;
        Ok(client.remembering(Arc::new(cache)))
    }
}

/// Fetches pages on one event loop.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: Client,
    expect_json: bool,
}

/// Fetches one page.
///
/// On the timeline it runs while it is polled and waits between the polls.
///
/// # Errors
/// The class of the failure, what happened, and what to do about it.
pub async fn fetch_page(fetcher: &Fetcher, errand: &Errand) -> Result<Page, Problem> {
    let read = |answer: &Answer| {
        let usable = !fetcher.expect_json || page::is_json(answer);
        usable.then(|| answer.clone()).ok_or_else(|| "the body is not JSON".to_owned())
    };
    let fetching = async {
        let target = Target::parse(&errand.url).map_err(|error| problem(&error, &error))?;
        let answer = fetcher.client.get_as(&target, None, read).await;
        let answer = answer.map_err(|failed| problem(&failed.error, &failed))?;
        Ok(Page {
            line: page::line(errand.shown(), &answer),
            received: answer.body.len() as u64,
            journey: Journey {
                attempts: answer.attempts,
                first_byte_us: micros(answer.first_byte),
                whole_us: micros(answer.elapsed),
                revalidated: answer.revalidated,
            },
        })
    };
    fetching.drawn_on_thread(|| lab::span!(Running, "fetch", errand)).await
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn problem(error: &fetch::FetchError, what: &dyn fmt::Display) -> Problem {
    let class = error.class();
    let problem = Problem::new(format!("{class}: {what}")).of_class(class).hint(error.hint());
    match error {
        // What the server said belongs into the line of the URL.
        fetch::FetchError::Status { status, refusal, .. } => {
            problem.carrying(format!("{status}{}", page::said(refusal)))
        }
        _ => problem,
    }
}

/// A worker that does one errand at a time, with an event loop and a client of its own: connections belong to the loop
/// that made them.
#[derive(Debug)]
pub struct Crawler {
    // Dropped before the loop that its connections live on.
    fetcher: Fetcher,
    event_loop: Runtime,
}

impl Job for Crawler {
    const NAME: &'static str = "crawl";
    type Setup = Setup;
    type Task = Errand;
    type Reply = Page;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let event_loop = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Problem::because("no event loop could be started for this worker", &error)
                .hint("raise the limit of open files (`ulimit -n`), or use the strategy `async`, which needs one event loop for all")
        })?;
        Ok(Self { fetcher: setup.fetcher()?, event_loop })
    }

    fn run(&mut self, errand: &Errand, stop: &Stop) -> Result<Page, Problem> {
        self.event_loop.block_on(async {
            tokio::select! {
                biased;
                () = stop.wait() => Err(Problem::new("interrupted").of_class("interrupted")),
                page = fetch_page(&self.fetcher, errand) => page,
            }
        })
    }
}
