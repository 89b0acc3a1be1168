//! Fetching one page, at the server's pace and as often as it takes. Knows nothing of strategies.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use fetch::{Client, FetchError, Manners, Once, Pace, Target};
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use super::Limit;
use super::page::{Page, unusable};
use super::walk::Walk;

/// What every worker starts from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    pub(super) headers: Vec<(String, String)>,
    pub(super) field: Option<String>,
    pub(super) walk: Option<Walk>,
    pub(super) retries: u32,
    pub(super) limit: Option<Limit>,
    pub(super) at_once: usize,
    /// The pace that all workers of this process keep.
    #[serde(skip)]
    pub(super) pace: OnceLock<Arc<Pace>>,
    /// Where the workers of other processes have parts of the limit: the pace of the whole.
    #[serde(skip)]
    pub(super) whole: Option<Arc<Pace>>,
}

/// A page that is to be fetched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Errand {
    pub(super) url: String,
}

impl fmt::Display for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&Target::show(&self.url))
    }
}

/// A page that came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fetched {
    pub(super) lines: Vec<String>,
    /// The next page's address, where this one told it.
    pub(super) next: Option<String>,
    /// How many pages there are, as far as this one said.
    pub(super) pages: Option<u64>,
    /// How many records there are, as far as this page said.
    pub(super) total: Option<u64>,
    pub(super) bytes: u64,
}

impl Setup {
    /// The pace of this process.
    pub(super) fn pace(&self) -> &Arc<Pace> {
        self.pace.get_or_init(|| Arc::new(Pace::new(self.limit)))
    }

    /// A fetcher for one event loop.
    ///
    /// # Errors
    /// A client that cannot be made.
    pub(super) fn fetcher(&self) -> Result<Fetcher, Problem> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let client = Client::with_headers(Manners::default(), &headers)
            .or_problem(|| "there is no client to fetch with")?;
        Ok(Fetcher { client, setup: self.clone(), pace: Arc::clone(self.pace()) })
    }
}

/// Fetches pages on one event loop.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    client: Client,
    setup: Setup,
    pace: Arc<Pace>,
}

impl Fetcher {
    /// Fetches one page and what its header `Link` says.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub(super) async fn get(&self, url: &str) -> Result<(Page, Option<String>, u64), Problem> {
        let target = Target::parse(url).or_problem(|| "the page has no address")?;
        let mut failed = 0;
        loop {
            self.pace.enter().await;
            let sent = Instant::now();
            let problem = match self.client.get_once(&target).await {
                Ok(Once { answer, link, quota }) => {
                    self.pace.accepted(sent, quota.as_ref());
                    match Page::read(&answer.body, self.setup.field.as_deref()) {
                        Ok(page) => return Ok((page, link, answer.body.len() as u64)),
                        // A body that was cut short may be whole the next time.
                        Err(why) => unusable(&target.to_string(), &why),
                    }
                }
                Err(FetchError::Status { retry_after, refusal, .. }) if refusal.limit => {
                    // To wait for one's turn is no failure.
                    self.pace.refused(sent, retry_after);
                    continue;
                }
                Err(error) => {
                    self.pace.accepted(sent, None);
                    let may_pass =
                        error.may_pass() || matches!(error, FetchError::Status { status: 500.., .. });
                    let problem = Problem::because("the page was not fetched", &error)
                        .at(&target)
                        .of_class(error.class())
                        .hint(error.hint());
                    if !may_pass {
                        return Err(problem);
                    }
                    if let FetchError::Status { retry_after: Some(pause), .. } = error {
                        tokio::time::sleep(pause).await;
                    }
                    problem
                }
            };
            failed += 1;
            if failed > self.setup.retries {
                return Err(problem);
            }
            // Full jitter, so that those who failed together do not come back together.
            let longest = 0.05 * f64::from(1_u32 << failed.min(7));
            tokio::time::sleep(Duration::from_secs_f64(longest * fastrand::f64())).await;
        }
    }

    /// Fetches the page of an errand.
    ///
    /// # Errors
    /// Those of [`Fetcher::get`], and a stop.
    pub(super) async fn run(&self, errand: &Errand, stop: &Stop) -> Result<Fetched, Problem> {
        let (page, link, bytes) = tokio::select! {
            biased;
            () = stop.wait() => return Err(Problem::new("interrupted").of_class("interrupted")),
            got = self.get(&errand.url) => got?,
        };
        let walk = self.setup.walk.as_ref();
        let next = walk.and_then(|walk| walk.next(&page, link.as_deref()));
        if let Some(next) = next.as_deref().filter(|_| !self.setup.headers.is_empty()) {
            stays(&errand.url, next)?;
        }
        let pages = walk.and_then(|walk| walk.pages(&page, link.as_deref()));
        Ok(Fetched { total: page.number("total"), lines: page.lines, next, pages, bytes })
    }
}

/// What the user's header fields say is said to the server that they were given for, and to none that it names.
fn stays(url: &str, next: &str) -> Result<(), Problem> {
    let parse = |url: &str| Target::parse(url).or_problem(|| "the page has no address");
    let (here, there) = (parse(url)?, parse(next)?);
    if there.has_origin_of(&here) {
        return Ok(());
    }
    Err(Problem::new("the next page is on another server, which must not learn what your --header says")
        .at(there))
}

/// A worker with an event loop and a client of its own.
#[derive(Debug)]
pub struct FetchPage {
    // Dropped before the loop that its connections live on.
    fetcher: Fetcher,
    event_loop: Runtime,
}

impl Job for FetchPage {
    const NAME: &'static str = "extract";
    type Setup = Setup;
    type Task = Errand;
    type Reply = Fetched;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let event_loop = Builder::new_current_thread().enable_all().build();
        let event_loop = event_loop.or_problem(|| "no event loop could be started for this worker")?;
        Ok(Self { fetcher: setup.fetcher()?, event_loop })
    }

    fn run(&mut self, errand: &Errand, stop: &Stop) -> Result<Fetched, Problem> {
        self.event_loop.block_on(self.fetcher.run(errand, stop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_stay_with_the_server_that_they_were_given_for() {
        let here = "https://me:s3cr3t@a.org/x?page=1";
        assert!(stays(here, "https://a.org:443/x?page=2").is_ok());
        for there in ["https://b.org/x", "http://a.org/x", "https://a.org:8443/x", "https://a.org.b.org/"] {
            let problem = stays(here, there).unwrap_err().to_string();
            assert!(problem.contains("another server") && !problem.contains("s3cr3t"), "{problem}");
        }
    }
}
