//! The work: one statement, or a range of it, asked of one source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lab::timeline::Drawn as _;
use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use super::batches::{Batches, Gatherer};
use super::column::Value;
use super::kind::Kind;
use super::range::Range;
use super::source::{Place, Source};
use super::statements::{Scan, Statement};
use super::{mariadb, postgres, sqlite};

/// What all workers start from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The databases.
    pub sources: Vec<Source>,
    /// What each is asked.
    pub statements: Vec<Statement>,
    /// The most rows of one source and statement.
    pub limit: Option<u64>,
    /// The longest that a source may take.
    pub timeout: Option<Duration>,
    /// The column whose ranges are asked for apart.
    pub key: Option<String>,
    /// How many ranges of --key there are.
    pub parts: u32,
    /// Whether statements may change a database.
    pub may_write: bool,
    /// Where rows go that are too many for memory.
    pub spool: PathBuf,
    /// When each source was asked first, by this process.
    #[serde(skip)]
    pub started: OnceLock<Vec<OnceLock<Instant>>>,
}

impl Setup {
    fn ask<'a>(&'a self, part: &'a Part) -> Ask<'a> {
        let started = self.started.get_or_init(|| self.sources.iter().map(|_| OnceLock::new()).collect());
        let started = *started[part.source].get_or_init(Instant::now);
        Ask {
            sql: &self.statements[part.statement].sql,
            range: &part.range,
            limit: self.limit,
            timeout: self.timeout,
            deadline: self.timeout.map(|timeout| started + timeout),
            key: self.key.as_deref(),
            parts: self.parts,
            may_write: self.may_write,
            spool: &self.spool,
        }
    }
}

/// One statement for one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which source.
    pub source: usize,
    /// Which statement.
    pub statement: usize,
    /// Which of its rows.
    pub range: Range,
    /// How it is shown.
    pub label: String,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.label)
    }
}

/// What a source is asked, and how far it may go.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The statement.
    pub sql: &'a str,
    /// Which of its rows.
    pub range: &'a Range,
    /// The most rows.
    pub limit: Option<u64>,
    /// The longest that the source may take,
    pub timeout: Option<Duration>,
    /// and so until when.
    pub deadline: Option<Instant>,
    /// The column of --key.
    pub key: Option<&'a str>,
    /// How many ranges it has.
    pub parts: u32,
    /// Whether the statement may change the database.
    pub may_write: bool,
    /// Where rows go that are too many for memory.
    pub spool: &'a Path,
}

impl Ask<'_> {
    /// The statement for a range of its key; `quote` stands around names.
    pub fn by_key(&self, quote: &str) -> String {
        let key = self.quoted_key(quote);
        let conditions: Vec<_> =
            self.range.conditions("").iter().map(|condition| format!("{key} {condition}")).collect();
        let range = conditions.join(" AND ");
        // The first range has no edge below, and takes the rows without a key.
        let range = match self.range {
            Range::Key { from: None, to: Some(_) } => format!("({range} OR {key} IS NULL)"),
            // Every row, in words that need the key.
            _ if range.is_empty() => format!("{key} IS NULL OR {key} IS NOT NULL"),
            _ => range,
        };
        format!("SELECT * FROM (\n{}\n) AS q WHERE {range}", self.sql)
    }

    /// The statement for the least and the greatest key.
    pub fn edges_of_key(&self, quote: &str) -> String {
        let key = self.quoted_key(quote);
        format!("SELECT min({key}), max({key}) FROM (\n{}\n) AS q", self.sql)
    }

    fn quoted_key(&self, quote: &str) -> String {
        let key = self.key.unwrap_or_default();
        format!("{quote}{}{quote}", key.replace(quote, &quote.repeat(2)))
    }
}

/// The problem of a source that took too long.
pub fn late(ask: &Ask<'_>) -> Problem {
    let seconds = ask.timeout.unwrap_or_default().as_secs_f64();
    Problem::new(format!("late: no whole answer within {seconds} s"))
        .of_class("late")
        .hint("--source-timeout gives more time, --limit wants fewer rows")
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// The type that it was declared with, for when it has no value.
    pub declared: Kind,
}

/// What a source answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Its columns.
    pub columns: Vec<Named>,
    /// Its rows.
    pub rows: Batches,
    /// Whether there would have been more.
    pub limited: bool,
}

impl Answer {
    /// The answer to a statement that changed so many rows.
    ///
    /// # Errors
    /// None that one number can cause.
    pub fn changed(changes: i64, ask: &Ask<'_>) -> Result<Self, Problem> {
        let mut rows = Gatherer::new(1, ask.spool);
        rows.push(0, Value::Int(changes))?;
        rows.end_row()?;
        let columns = vec![Named { name: "changed".into(), declared: Kind::Int { wide: false } }];
        Ok(Self { columns, rows: rows.finish()?, limited: false })
    }
}

/// What came of a part.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// Asks one part.
///
/// # Errors
/// See [`sqlite::ask`], [`postgres::ask`] and [`mariadb::ask`].
pub async fn ask(setup: &Setup, part: &Part, stop: &Stop) -> Result<Reply, Problem> {
    asked(setup, part, stop).drawn_on_thread(|| lab::span!(Running, "query", part)).await
}

async fn asked(setup: &Setup, part: &Part, stop: &Stop) -> Result<Reply, Problem> {
    let ask = setup.ask(part);
    let started = Instant::now();
    let source = &setup.sources[part.source];
    let answer = match &source.place {
        Place::Sqlite(path) => sqlite::ask(path, &ask, stop)?,
        Place::Postgres(url) => in_time(&ask, stop, postgres::ask(url, &ask))
            .await
            .map_err(|problem| problem.at(source.shown()))?,
        Place::MariaDb(url) => in_time(&ask, stop, mariadb::ask(url, &ask))
            .await
            .map_err(|problem| problem.at(source.shown()))?,
    };
    Ok(Reply { answer, micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX) })
}

/// The ranges that a source is asked by.
///
/// # Errors
/// What keeps the source from telling.
pub async fn ranges(setup: &Setup, part: &Part, stop: &Stop) -> Result<Vec<Range>, Problem> {
    let ask = setup.ask(part);
    match &setup.sources[part.source].place {
        Place::Sqlite(path) => sqlite::ranges(path, &ask, stop),
        Place::Postgres(url) => in_time(&ask, stop, postgres::ranges(url, &ask)).await,
        Place::MariaDb(url) => in_time(&ask, stop, mariadb::ranges(url, &ask)).await,
    }
}

/// Waits for an answer, but not past the deadline and not past a stop.
async fn in_time<T>(
    ask: &Ask<'_>,
    stop: &Stop,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let deadline = async {
        match ask.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = stop.wait() => Err(Problem::new("interrupted").of_class("interrupted")),
        () = deadline => Err(late(ask)),
        answer = work => answer,
    }
}

/// Whether a part may be worth being asked by ranges: a statement that reads one table, or one with a key.
pub fn may_be_split(setup: &Setup, part: &Part) -> bool {
    setup.limit.is_none()
        && !setup.may_write
        && (setup.key.is_some()
            || Scan::of(&setup.statements[part.statement].sql, setup.sources[part.source].place.dialect())
                .is_some())
}

fn event_loop() -> Result<Runtime, Problem> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .or_problem(|| "no event loop could be started for this worker")
}

/// A worker that asks one part after another.
#[derive(Debug)]
pub struct Querier(Shared);

/// A worker that asks sources for their ranges.
#[derive(Debug)]
pub struct Planner(Shared);

/// What a worker keeps: the setup, which each has for itself, and its event loop.
#[derive(Debug)]
struct Shared {
    setup: std::sync::Arc<Setup>,
    event_loop: Runtime,
}

impl Shared {
    fn start(setup: &SharedSetup) -> Result<Self, Problem> {
        Ok(Self { setup: std::sync::Arc::clone(&setup.0), event_loop: event_loop()? })
    }
}

/// A setup that workers of one process share.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Setup", into = "Setup")]
pub struct SharedSetup(pub std::sync::Arc<Setup>);

impl SharedSetup {
    /// The same for one run: with a folder for what is too much for memory, and with clocks that have not started.
    #[must_use]
    pub fn spooling_to(&self, folder: &Path) -> Self {
        Setup { spool: folder.into(), ..Setup::from(self.clone()) }.into()
    }
}

impl From<Setup> for SharedSetup {
    fn from(setup: Setup) -> Self {
        Self(std::sync::Arc::new(setup))
    }
}

impl From<SharedSetup> for Setup {
    fn from(shared: SharedSetup) -> Self {
        let setup = &*shared.0;
        Self {
            sources: setup.sources.clone(),
            statements: setup.statements.clone(),
            key: setup.key.clone(),
            spool: setup.spool.clone(),
            started: OnceLock::new(),
            ..*setup
        }
    }
}

impl Job for Querier {
    const NAME: &'static str = "query";
    type Setup = SharedSetup;
    type Task = Part;
    type Reply = Reply;

    fn start(setup: &SharedSetup) -> Result<Self, Problem> {
        Shared::start(setup).map(Self)
    }

    fn run(&mut self, part: &Part, stop: &Stop) -> Result<Reply, Problem> {
        self.0.event_loop.block_on(ask(&self.0.setup, part, stop))
    }
}

impl Job for Planner {
    const NAME: &'static str = "query-plan";
    type Setup = SharedSetup;
    type Task = Part;
    type Reply = Vec<Range>;

    fn start(setup: &SharedSetup) -> Result<Self, Problem> {
        Shared::start(setup).map(Self)
    }

    fn run(&mut self, part: &Part, stop: &Stop) -> Result<Vec<Range>, Problem> {
        self.0.event_loop.block_on(ranges(&self.0.setup, part, stop))
    }
}
