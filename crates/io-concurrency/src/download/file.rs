//! One file, from the wish to its name.

use std::fmt;
use std::sync::{Arc, OnceLock};

use fetch::{Client, FetchError, Gate, Limits, Manners, Throttle};
use lab::timeline::Drawn as _;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use super::args::DownloadArgs;
use super::list::Wanted;
use super::part::{self, Part};
use super::proof;
use super::saved::Saved;
use super::show::Progress;
use super::transfer::{Transfer, Trouble};

/// A file that changes so often while it is fetched is given up.
const BEGINNINGS: u32 = 4;

/// What all workers start from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Setup {
    /// How each client behaves.
    pub manners: Manners,
    /// How hard servers are asked, by this process.
    pub limits: Limits,
    /// Bytes a second, by this process.
    pub rate: Option<f64>,
    /// Header fields of each request.
    pub headers: Vec<(String, String)>,
    /// Pieces of one file that are fetched at once.
    pub segments: usize,
    /// The length of a piece.
    pub segment_size: u64,
    /// Whether what is there is downloaded again.
    pub replace: bool,
    /// Whether a file is on the disk before it takes its name.
    pub sync: bool,
    /// What is shown of the way; not in worker processes.
    #[serde(skip)]
    pub(super) progress: Arc<Progress>,
    /// What all clients of this process share.
    #[serde(skip)]
    shared: OnceLock<Shared>,
}

#[derive(Clone, Debug)]
struct Shared {
    gate: Arc<Gate>,
    throttle: Option<Arc<Throttle>>,
}

impl Setup {
    /// What the user said.
    pub(super) fn of(args: &DownloadArgs) -> Self {
        Self {
            manners: args.manners(),
            limits: args.limits(),
            rate: args.rate_limit.map(|rate| rate.as_u64() as f64),
            headers: args.headers.clone(),
            segments: args.segments.into(),
            segment_size: args.segment_size.as_u64().max(1),
            replace: args.replace,
            sync: args.sync,
            ..Self::default()
        }
    }

    /// The same with another rate.
    #[must_use]
    pub(super) fn at_rate(&self, rate: Option<f64>) -> Self {
        Self { rate, shared: OnceLock::new(), ..self.clone() }
    }

    /// A fetcher for one event loop.
    ///
    /// # Errors
    /// Header fields that are none.
    pub fn fetcher(&self) -> Result<Fetcher, Problem> {
        let shared = self.shared.get_or_init(|| Shared {
            gate: Arc::new(Gate::new(self.limits)),
            throttle: self.rate.map(|rate| Arc::new(Throttle::new(rate))),
        });
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let client = Client::with_headers(self.manners.clone(), &headers);
        let client = client.or_problem(|| "there is no client to download with")?;
        Ok(Fetcher {
            client: client.through(Arc::clone(&shared.gate)),
            throttle: shared.throttle.clone(),
            segments: self.segments,
            segment_size: self.segment_size,
            replace: self.replace,
            sync: self.sync,
            progress: Arc::clone(&self.progress),
        })
    }
}

/// Downloads files on one event loop.
#[derive(Clone, Debug)]
pub struct Fetcher {
    pub(super) client: Client,
    pub(super) throttle: Option<Arc<Throttle>>,
    pub(super) segments: usize,
    pub(super) segment_size: u64,
    replace: bool,
    sync: bool,
    progress: Arc<Progress>,
}

/// Downloads one file. It ends at once when `stop` is asked for; what has come stays, to be gone on from.
///
/// On the timeline it runs while it is polled and waits between the polls.
///
/// # Errors
/// The class of the failure, what happened, and what to do about it.
pub async fn download(fetcher: &Fetcher, wanted: &Wanted, stop: &Stop) -> Result<Saved, Problem> {
    tokio::select! {
        biased;
        () = stop.wait() => Err(Problem::new("interrupted").of_class("interrupted")),
        saved = get(fetcher, wanted).drawn_on_thread(|| lab::span!(Running, "download", wanted)) => saved,
    }
}

async fn get(fetcher: &Fetcher, wanted: &Wanted) -> Result<Saved, Problem> {
    let place = wanted.folder.join(&wanted.name);
    if let Some(saved) = kept(fetcher, wanted).await? {
        return Ok(saved);
    }
    let bar = fetcher.progress.open(&wanted.name);
    let transfer = Transfer::new(fetcher, wanted, Part::open(&place, fetcher.sync)?, bar)?;
    let (mut beginnings, mut wrong) = (1, 0);
    let proof = loop {
        let outcome = match transfer.fill().await {
            Ok(()) => transfer.prove().await,
            Err(trouble) => Err(trouble),
        };
        let why = match outcome {
            Ok(proof) => break proof,
            Err(Trouble::Local(problem)) => return Err(problem),
            Err(Trouble::GaveUp { error, failures }) => {
                if matches!(error, FetchError::TooLarge { .. }) {
                    // Nobody will go on from it, and it may be most of the disk.
                    transfer.into_part().discard();
                }
                return Err(gave_up(&error, failures));
            }
            Err(Trouble::Wrong(why)) => {
                wrong += 1;
                if wrong > wanted.sources.len().max(1) {
                    transfer.into_part().discard();
                    let what = format!("digest: {why}");
                    return Err(Problem::new(what)
                        .of_class("digest")
                        .hint("nothing of it was kept: check the digest, or use another source"));
                }
                transfer.next_source();
                transfer.restart(true)?;
                why
            }
            Err(Trouble::Changed(why)) => {
                // A server that ignores ranges now and then looks like one whose file changes.
                transfer.restart(beginnings > 1)?;
                why
            }
            Err(Trouble::NoRanges(why)) => {
                transfer.restart(true)?;
                why
            }
        };
        beginnings += 1;
        if beginnings > BEGINNINGS {
            let what = format!("changing: {why}, at beginning {}", beginnings - 1);
            return Err(Problem::new(what)
                .of_class("changing")
                .hint("the file changes faster than it comes, or the server is broken: try again later"));
        }
        tracing::warn!(file = %wanted, "{why}: it is fetched anew");
    };
    let (received, encoding) = (transfer.received(), transfer.unexpected_encoding());
    let part = transfer.into_part();
    let bytes = part.length()?;
    part.publish()?;
    fetcher.progress.done();
    if let Some(encoding) = &encoding {
        // Parts of what is encoded cannot be decoded, so it is stored as it was sent.
        let name = &wanted.name;
        tracing::warn!(
            "{wanted}: the server sends `{encoding}`, although it was asked for no encoding: {name} has the bytes as they came; \
             decode them with {}",
            decoder(encoding, name)
        );
    }
    Ok(Saved { place, bytes, received, proof, kept: false, encoding })
}

/// The file, where it is there already.
async fn kept(fetcher: &Fetcher, wanted: &Wanted) -> Result<Option<Saved>, Problem> {
    let place = wanted.folder.join(&wanted.name);
    let Ok(found) = std::fs::metadata(&place) else { return Ok(None) };
    if fetcher.replace {
        return Ok(None);
    }
    let proof = match &wanted.digest {
        None => "was there",
        Some(expected) if proof::has(&place, expected).await? => expected.algorithm.name(),
        Some(_) => return Ok(None),
    };
    part::forget(&place);
    fetcher.progress.done();
    Ok(Some(Saved {
        place,
        bytes: found.len(),
        received: 0,
        proof: proof.into(),
        kept: true,
        encoding: None,
    }))
}

/// The command that decodes a file.
fn decoder(encoding: &str, name: &str) -> String {
    match encoding {
        "gzip" | "x-gzip" => format!("`gzip -dc <'{name}'`"),
        "br" => format!("`brotli -dc '{name}'`"),
        "zstd" => format!("`zstd -dc '{name}'`"),
        _ => "a program that knows this encoding".to_owned(),
    }
}

fn gave_up(error: &FetchError, failures: u32) -> Problem {
    let times = if failures > 1 { format!(", {failures} times in a row") } else { String::new() };
    problem(error, &format!("{error}{times}"))
}

pub(super) fn problem(error: &FetchError, what: &dyn fmt::Display) -> Problem {
    let class = error.class();
    Problem::new(format!("{class}: {what}")).of_class(class).hint(error.hint())
}

/// A worker that downloads one file at a time, with an event loop and a client of its own.
#[derive(Debug)]
pub struct Getter {
    // Dropped before the loop that its connections live on.
    fetcher: Fetcher,
    event_loop: Runtime,
}

impl Job for Getter {
    const NAME: &'static str = "download";
    type Setup = Setup;
    type Task = Wanted;
    type Reply = Saved;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        let event_loop = Builder::new_current_thread().enable_all().build();
        let event_loop = event_loop.or_problem(|| "no event loop could be started for this worker")?;
        Ok(Self { fetcher: setup.fetcher()?, event_loop })
    }

    fn run(&mut self, wanted: &Wanted, stop: &Stop) -> Result<Saved, Problem> {
        self.event_loop.block_on(download(&self.fetcher, wanted, stop))
    }
}
