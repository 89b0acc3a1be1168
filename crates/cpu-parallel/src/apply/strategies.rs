//! The ways to apply a function to chunks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use lab::out::{self, Staging};
use lab::procs::Bytes;
use lab::ways::{self, Way};
use lab::{Failure, Job, Lab, OrProblem, Problem, Stop, Tried, Work};
use serde::{Deserialize, Serialize};

use super::exec::{Exec, User};
use super::function::Function;
use super::pace::{Costs, Pace};
use super::table::{Pieces, Results, encode};
use super::{Input, Made, Output, RejectedRow};
use crate::handed::Handed;
use crate::table_file::Form;

/// Threads: some hundred microseconds until they work, and chunks that are long beside a channel's hand-over.
const THREADS: Costs = Costs { start: Some(Duration::from_micros(300)), chunk: Duration::from_millis(2) };
/// Processes: they must be started, and every chunk is copied twice.
const PROCESSES: Costs = Costs { start: Some(Duration::from_millis(20)), chunk: Duration::from_millis(10) };
/// The user's programs: an interpreter must be started for each.
const PROGRAMS: Costs = Costs { start: Some(Duration::from_millis(60)), chunk: Duration::from_millis(20) };

/// One chunk after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, Costs { start: None, ..THREADS }, ways::sequential::<Step>)
}

/// A thread for each chunk.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::threads::<Step>)
}

/// A fixed number of threads.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::pool::<Step>)
}

/// A fixed number of threads that steal chunks.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::rayon::<Step>)
}

/// Tasks on one event loop: none of them waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, THREADS, ways::event_loop::<Step>)
}

/// A fixed number of processes; the rows go there and back.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    apply_all(input, lab, PROCESSES, ways::processes::<Step>)
}

fn apply_all(input: &Input, lab: &Lab, costs: Costs, way: Way<Step>) -> Result<Output, Problem> {
    let costs = match (&input.work, costs.start) {
        (Applied::Exec(_), Some(_)) => PROGRAMS,
        (Applied::Exec(_), None) => Costs { start: None, ..PROGRAMS },
        _ => costs,
    };
    let staging = Staging::beside(&input.out)?;
    let staged = staging.path(input.out.file_name().unwrap_or_default());
    let form = Form::of(&input.out);
    let results = RefCell::new(Results::new(staged.clone(), form, input.rows));
    let pace = Pace::new(costs, input.rows);
    let mut pieces = Pieces::new(&input.files);
    let (mut rejected, mut failures, mut number, mut broken) = (Vec::new(), Vec::new(), 0, None);

    // What each task was, until its outcome is there: outcomes come in the order of the tasks.
    let under_way = RefCell::new(VecDeque::new());
    let mut sink = |outcome: Tried<Reply>| -> Result<(), Problem> {
        let Some(given) = under_way.borrow_mut().pop_front() else { return Ok(()) };
        match (given, outcome) {
            (Given::Chunk { file, row, rows }, Ok(Reply::Made { made, rejected: others, took })) => {
                pace.done(rows, took);
                rejected.extend(others.into_iter().map(|one| RejectedRow {
                    file,
                    row: row + one.row + 1,
                    reason: one.reason,
                }));
                made.map_or(Ok(()), |Handed(rows)| results.borrow_mut().keep(rows))
            }
            (Given::Chunk { file, .. }, Err(failure)) => {
                failures.push(Failure {
                    task: format!("{}: {}", input.files[file].display(), failure.task),
                    ..failure
                });
                Ok(())
            }
            (Given::Group(_), Ok(Reply::Encoded(bytes))) => results.borrow_mut().append(bytes.0),
            // Whoever encoded it has died, or was told to stop: its rows are still here.
            (Given::Group(rows), Err(_)) => results.borrow_mut().append(encode(form, &rows)?),
            (Given::Chunk { .. }, Ok(Reply::Encoded(_))) | (Given::Group(_), Ok(Reply::Made { .. })) => {
                unreachable!("a task's outcome is its own")
            }
        }
    };
    let to_encode = |group: RecordBatch| {
        under_way.borrow_mut().push_back(Given::Group(group.clone()));
        Task::Encode(Handed(group), form)
    };
    let mut next = || -> Result<Option<Task>, Problem> {
        if let Some(group) = results.borrow_mut().group() {
            return Ok(Some(to_encode(group?)));
        }
        let Some(piece) = pieces.next(pace.rows())? else { return Ok(None) };
        number += 1;
        let file = input.files.iter().position(|file| *file == piece.file).unwrap_or_default();
        let rows = piece.rows.num_rows() as u64;
        under_way.borrow_mut().push_back(Given::Chunk { file, row: piece.row, rows });
        let chunk = Chunk { number, row: piece.row, first: piece.first, rows: Handed(piece.rows) };
        Ok(Some(Task::Apply(chunk)))
    };
    let tasks = std::iter::from_fn(|| {
        next().unwrap_or_else(|problem| {
            broken = Some(problem);
            None
        })
    });
    let mut tasks = tasks.peekable();
    // The first chunks are done here, and all of them if others are not worth their start.
    let mut here = std::iter::from_fn(|| if pace.is_worth_others() { None } else { tasks.next() });
    ways::sequential::<Step>(lab, &input.work, &mut here, &mut sink)?;
    // Nobody is started for nothing: there must be a chunk left.
    let others = pace.is_worth_others() && tasks.peek().is_some();
    if others {
        way(lab, &input.work, &mut tasks, &mut sink)?;
    }
    broken.map_or(Ok(()), Err)?;
    lab.stop.check()?;
    // The last results came when no task was left to ask for.
    let mut last = Vec::new();
    while let Some(group) = results.borrow_mut().rest() {
        last.push(to_encode(group?));
    }
    let way = if others && last.len() > 1 { way } else { ways::sequential::<Step> };
    way(lab, &input.work, &mut last.into_iter(), &mut sink)?;
    lab.stop.check()?;
    if input.explain {
        let who = if others { "others were worth their start" } else { "nobody else was started" };
        anstream::eprintln!("{}; {number} chunks, {who}", pace.explain());
    }
    let results = results.into_inner();
    let rows = results.rows;
    let bytes_out = results.finish(&input.columns)?;
    out::publish(&staged, &input.out)?;
    let sizes =
        input.files.iter().map(|file| file.metadata().map(|found| found.len())).sum::<Result<u64, _>>();
    let bytes_in = sizes.or_problem(|| "an input file is gone")?;
    let work = Work { items: input.files.len() as u64, rows, bytes_in, bytes_out };
    Ok(Output::new(input, rejected, failures, work))
}

/// What is under way.
enum Given {
    /// Some rows of a file.
    Chunk { file: usize, row: u64, rows: u64 },
    /// Results.
    Group(RecordBatch),
}

/// What is applied.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Applied {
    /// A built-in function.
    Function(Function),
    /// The user's program.
    Exec(Exec),
}

/// One task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Task {
    /// The function is applied to these rows.
    Apply(Chunk),
    /// These results are encoded for the file.
    Encode(Handed, Form),
}

/// Rows that stand one after another in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chunk {
    number: u64,
    /// The number of its first row in its file, from 0.
    row: u64,
    /// The number of its first row in all files, from 0.
    first: u64,
    rows: Handed,
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(Chunk { row, rows, .. }) => {
                write!(out, "rows {} to {}", row + 1, row + rows.0.num_rows() as u64)
            }
            Self::Encode(rows, _) => write!(out, "encode {} results", rows.0.num_rows()),
        }
    }
}

/// What became of a task.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The results of a chunk.
    Made {
        /// The results, if there are any.
        made: Option<Handed>,
        /// The rows that have none.
        rejected: Vec<super::Rejected>,
        /// How long it took, unless a program was started for it.
        took: Option<Duration>,
    },
    /// A group of results as it stands in the file.
    Encoded(Bytes),
}

/// The job: applies the function to one chunk after another, and encodes what came of them.
pub struct Step {
    work: Worker,
}

enum Worker {
    Function(Function),
    User(User),
}

impl Job for Step {
    const NAME: &'static str = "apply";
    type Setup = Applied;
    type Task = Task;
    type Reply = Reply;

    fn start(setup: &Applied) -> Result<Self, Problem> {
        let work = match setup {
            Applied::Function(function) => Worker::Function(function.clone()),
            Applied::Exec(exec) => Worker::User(User::new(exec)),
        };
        Ok(Self { work })
    }

    fn run(&mut self, task: &Task, stop: &Stop) -> Result<Reply, Problem> {
        let chunk = match task {
            Task::Apply(chunk) => chunk,
            Task::Encode(Handed(rows), form) => {
                return encode(*form, rows).map(Bytes).map(Reply::Encoded);
            }
        };
        let started = Instant::now();
        let rows = &chunk.rows.0;
        let (Made { rows, rejected }, fresh) = match &mut self.work {
            Worker::Function(function) => (function.ready().apply(rows, chunk.first)?, false),
            Worker::User(user) => (user.apply(rows, chunk.number, stop)?, user.was_fresh()),
        };
        let took = (!fresh).then(|| started.elapsed());
        Ok(Reply::Made { made: rows.map(Handed), rejected, took })
    }
}
