//! Exercise 12: an API that gives its records out in pages becomes one table.
//!
//! Pages with numbers (`page`, `offset`, a header `Link` that only counts) do not depend on each other, so their waits can
//! overlap. Pages of which each tells the next one's cursor cannot be asked for ahead: there every strategy is as fast as
//! `sequential`, and the table says so.
//!
//! The server's limits are kept by one pace for all workers (`fetch::Pace`). The records are the same for every strategy: each
//! once, in the order of the pages (`gather`).

mod args;
mod fetcher;
mod gather;
mod page;
mod parquet_file;
#[cfg(any(test, fuzzing))]
pub mod promises;
mod store;
mod walk;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use lab::exercise::Kind;
use lab::formats::{Format, Out};
use lab::out::{Files, Staging, publish};
use lab::ways::{self, Sink, Tasks, Way};
use lab::{Answer, Digest, Exercise, Failure, Lab, OrProblem, Problem, Role, Strategy, Work};

pub use args::ExtractArgs;
pub use fetch::RateLimit as Limit;
pub use fetcher::{Errand, FetchPage, Fetched, Setup};
pub use page::Page;
pub use walk::{Style, Walk};

/// The exercise.
pub struct Extract;

/// What is extracted, and how.
#[derive(Debug)]
pub struct Input {
    url: String,
    style: Option<Style>,
    size: u64,
    key: Option<String>,
    state: Option<PathBuf>,
    setup: Setup,
}

/// The table that was made.
#[derive(Debug)]
pub struct Output {
    file: PathBuf,
    spool: Option<Staging>,
    work: Work,
}

/// Fits the setup to a strategy: what its workers share, and what each has a part of.
type Told = fn(&Setup, &Lab) -> Setup;

impl Exercise for Extract {
    const ID: u8 = 12;
    const NAME: &'static str = "extract";
    const ABOUT: &'static str =
        "Extracts all records of a paginated API into one table, each once and in order.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, |input, lab| run(input, lab, ways::sequential::<FetchPage>, shared)),
        Strategy::new(Kind::Threads, |input, lab| run(input, lab, ways::threads::<FetchPage>, shared)),
        Strategy::new(Kind::Pool, |input, lab| run(input, lab, ways::pool::<FetchPage>, shared)),
        Strategy::new(Kind::Rayon, |input, lab| run(input, lab, ways::rayon::<FetchPage>, shared)),
        Strategy::new(Kind::Async, |input, lab| run(input, lab, tasks, shared)),
        Strategy::new(Kind::Processes, |input, lab| run(input, lab, ways::processes::<FetchPage>, divided)),
    ];
    const BEST: &'static str = Kind::Async.name();
    const ROLES: &'static [Role] = &[Role::worker::<FetchPage>()];
    type Args = ExtractArgs;
    type Input = Input;
    type Output = Output;

    fn files(args: &ExtractArgs, _: &Lab) -> Files {
        let records = args.state.as_ref().map(|state| state.with_added_extension("ndjson"));
        Files::new(Out::File(&[Format::Ndjson, Format::Json, Format::Parquet]))
            .writes("--state", args.state.as_ref(), &[])
            .writes("the records of --state", records, &[])
    }

    fn prepare(args: &ExtractArgs, lab: &Lab) -> Result<Input, Problem> {
        args.prepare(lab)
    }

    fn deliver(output: &Output, _: &ExtractArgs, _: &Lab) -> Result<(), Problem> {
        if output.spool.is_none() {
            return Ok(());
        }
        match File::open(&output.file).and_then(|mut lines| io::copy(&mut lines, &mut io::stdout().lock())) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            copied => copied.map(drop).or_problem(|| "cannot write to standard output"),
        }
    }
}

/// One event loop with one client: as many waits overlap as are allowed, and no thread waits.
fn tasks(lab: &Lab, setup: &Setup, tasks: Tasks<'_, Errand>, sink: Sink<'_, Fetched>) -> Result<(), Problem> {
    let fetcher = setup.fetcher()?;
    let fetch = async |errand: &Errand| fetcher.run(errand, &lab.stop).await;
    ways::tasks(lab, setup.at_once, tasks, sink, &fetch)
}

/// All workers of one process keep one pace.
fn shared(setup: &Setup, _: &Lab) -> Setup {
    setup.clone()
}

/// Processes share nothing, so each keeps its part of the limit.
fn divided(setup: &Setup, lab: &Lab) -> Setup {
    let parts = lab.workers as f64;
    // This process has looked at the first page, and looks again at pages without news: a part is its own.
    let limit = setup.limit.map(|limit| Limit {
        rate: limit.rate / (parts + 1.0),
        burst: (limit.burst / (parts + 1.0)).floor().max(1.0),
    });
    Setup { limit, pace: OnceLock::new(), whole: Some(Arc::clone(setup.pace())), ..setup.clone() }
}

fn run(input: &Input, lab: &Lab, way: Way<FetchPage>, told: Told) -> Result<Output, Problem> {
    let (mut store, gathered) = gather::gather(input, lab, way, told)?;
    let work =
        Work { items: gathered.pages, rows: store.len(), bytes_in: gathered.bytes, bytes_out: store.bytes() };
    let Some(out) = lab.out() else {
        let file = store.records_path.clone();
        let staging = match store.staging.take() {
            Some(staging) => staging,
            None => Staging::within(&std::env::temp_dir())?,
        };
        return Ok(Output { file, spool: Some(staging), work });
    };
    let staging = Staging::beside(&out)?;
    let staged = staging.path("table");
    if out.extension().is_some_and(|end| end == "parquet") {
        parquet_file::write(&store.records_path, &staged)?;
    } else if store.staging.is_some() {
        // Nobody else needs the records.
        publish(&store.records_path, &out)?;
        return Ok(Output { file: out, spool: None, work });
    } else {
        std::fs::copy(&store.records_path, &staged)
            .or_problem(|| format!("cannot write {}", out.display()))?;
    }
    publish(&staged, &out)?;
    Ok(Output { file: out, spool: None, work })
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add_file(&self.file)
    }

    fn work(&self) -> Work {
        self.work
    }

    /// Always none: a table with a gap would look like a whole one, so a page that does not come ends the run.
    fn failures(&self) -> &[Failure] {
        &[]
    }
}
