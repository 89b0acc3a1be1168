//! The ways to apply a function to chunks.

use std::fmt;
use std::time::{Duration, Instant};

use lab::out::{self, Staging};
use lab::ways::{self, Way};
use lab::{Failure, Job, Lab, OrProblem, Problem, Stop, Tried, Work};
use serde::{Deserialize, Serialize};

use super::exec::{Exec, User};
use super::function::Function;
use super::pace::{Costs, Pace};
use super::table::{Pieces, Results, is_csv};
use super::{Input, Made, Output, RejectedRow};
use crate::handed::Handed;

/// Threads: some hundred microseconds until they work, and chunks that are long beside a channel's hand-over.
const THREADS: Costs = Costs { start: Some(Duration::from_micros(300)), chunk: Duration::from_millis(2) };
/// Processes: they must be started, and every chunk is copied twice.
const PROCESSES: Costs = Costs { start: Some(Duration::from_millis(20)), chunk: Duration::from_millis(10) };
/// The user's programs: an interpreter must be started for each.
const PROGRAMS: Costs = Costs { start: Some(Duration::from_millis(60)), chunk: Duration::from_millis(20) };

/// One chunk after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, Costs { start: None, ..THREADS }, ways::sequential::<ApplyChunk>)
}

/// A thread for each chunk.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::threads::<ApplyChunk>)
}

/// A fixed number of threads.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::pool::<ApplyChunk>)
}

/// A fixed number of threads that steal chunks.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::rayon::<ApplyChunk>)
}

/// Tasks on one event loop: none of them waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::event_loop::<ApplyChunk>)
}

/// A fixed number of processes; the rows go there and back.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, PROCESSES, ways::processes::<ApplyChunk>)
}

fn apply_all(input: &Input, lab: &Lab, costs: Costs, way: Way<ApplyChunk>) -> Result<Output, Problem> {
    let costs = match (&input.work, costs.start) {
        (Applied::Exec(_), Some(_)) => PROGRAMS,
        (Applied::Exec(_), None) => Costs { start: None, ..PROGRAMS },
        _ => costs,
    };
    let staging = Staging::beside(&input.out)?;
    let staged = staging.path(input.out.file_name().unwrap_or_default());
    let mut results = Results::new(staged.clone(), is_csv(&input.out));
    let pace = Pace::new(costs, input.rows);
    let mut pieces = Pieces::new(&input.files);
    let (mut rejected, mut failures, mut number, mut broken) = (Vec::new(), Vec::new(), 0, None);

    // What each chunk was, until its outcome is there: outcomes come in the order of the chunks.
    let under_way = std::cell::RefCell::new(std::collections::VecDeque::new());
    let mut sink = |outcome: Tried<Reply>| -> Result<(), Problem> {
        let Some(Place { file, row, rows }) = under_way.borrow_mut().pop_front() else { return Ok(()) };
        match outcome {
            Ok(reply) => {
                pace.done(rows, reply.took);
                rejected.extend(reply.rejected.into_iter().map(|one| RejectedRow {
                    file,
                    row: row + one.row + 1,
                    reason: one.reason,
                }));
                reply.rows.map_or(Ok(()), |Handed(rows)| results.write(&rows))
            }
            Err(failure) => {
                failures.push(Failure {
                    task: format!("{}: {}", input.files[file].display(), failure.task),
                    ..failure
                });
                Ok(())
            }
        }
    };
    let chunks = std::iter::from_fn(|| {
        let piece = pieces.next(pace.rows()).map_err(|problem| broken = Some(problem)).ok()??;
        number += 1;
        let file = input.files.iter().position(|file| *file == piece.file).unwrap_or_default();
        under_way.borrow_mut().push_back(Place { file, row: piece.row, rows: piece.rows.num_rows() as u64 });
        Some(Chunk { number, row: piece.row, first: piece.first, rows: Handed(piece.rows) })
    });
    let mut chunks = chunks.peekable();
    // The first chunks are done here, and all of them if others are not worth their start.
    let mut here = std::iter::from_fn(|| if pace.is_worth_others() { None } else { chunks.next() });
    ways::sequential::<ApplyChunk>(lab, &input.work, &mut here, &mut sink)?;
    // Nobody is started for nothing: there must be a chunk left.
    let others = pace.is_worth_others() && chunks.peek().is_some();
    if others {
        way(lab, &input.work, &mut chunks, &mut sink)?;
    }
    broken.map_or(Ok(()), Err)?;
    lab.stop.check()?;
    if input.explain {
        let who = if others { "others were worth their start" } else { "nobody else was started" };
        anstream::eprintln!("{}; {number} chunks, {who}", pace.explain());
    }
    let (rows, columns) = (results.rows, input.columns.clone());
    let bytes_out = results.finish(&columns)?;
    out::publish(&staged, &input.out)?;
    let sizes =
        input.files.iter().map(|file| file.metadata().map(|found| found.len())).sum::<Result<u64, _>>();
    let bytes_in = sizes.or_problem(|| "an input file is gone")?;
    let work = Work { items: input.files.len() as u64, rows, bytes_in, bytes_out };
    Ok(Output::new(input, rejected, failures, work))
}

/// Where a chunk was taken from.
struct Place {
    file: usize,
    row: u64,
    rows: u64,
}

/// What is applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Applied {
    /// A built-in function.
    Function(Function),
    /// The user's program.
    Exec(Exec),
}

/// One task: rows that stand one after another in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunk {
    number: u64,
    /// The number of its first row in its file, from 0.
    row: u64,
    /// The number of its first row in all files, from 0.
    first: u64,
    rows: Handed,
}

impl fmt::Display for Chunk {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "rows {} to {}", self.row + 1, self.row + self.rows.0.num_rows() as u64)
    }
}

/// What became of a chunk.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    rows: Option<Handed>,
    rejected: Vec<super::Rejected>,
    /// How long it took, unless a program was started for it.
    took: Option<Duration>,
}

/// The job: applies the function to one chunk after another.
pub struct ApplyChunk {
    work: Worker,
}

enum Worker {
    Function(Function),
    User(User),
}

impl Job for ApplyChunk {
    const NAME: &'static str = "apply";
    type Setup = Applied;
    type Task = Chunk;
    type Reply = Reply;

    fn start(setup: &Applied) -> Result<Self, Problem> {
        let work = match setup {
            Applied::Function(function) => Worker::Function(function.clone()),
            Applied::Exec(exec) => Worker::User(User::new(exec)),
        };
        Ok(Self { work })
    }

    fn run(&mut self, chunk: &Chunk, stop: &Stop) -> Result<Reply, Problem> {
        let started = Instant::now();
        let rows = &chunk.rows.0;
        let (made, fresh) = match &mut self.work {
            Worker::Function(function) => (function.ready().apply(rows, chunk.first)?, false),
            Worker::User(user) => (user.apply(rows, chunk.number, stop)?, user.was_fresh()),
        };
        let Made { rows, rejected } = made;
        Ok(Reply { rows: rows.map(Handed), rejected, took: (!fresh).then(|| started.elapsed()) })
    }
}
