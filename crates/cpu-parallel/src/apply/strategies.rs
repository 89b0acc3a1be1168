//! The ways to apply a function to chunks.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use lab::out::{self, Staging};
use lab::procs::Bytes;
use lab::ways::{self, Way};
use lab::{Cause, Failure, Job, Lab, OrProblem, Problem, Stop, Tried, Work};
use serde::{Deserialize, Serialize};

use super::exec::{Exec, User};
use super::function::Function;
use super::pace::{Costs, Pace};
use super::table::{Piece, Pieces, Results, Unread, encode};
use super::trouble::Trouble;
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

/// The costs of a strategy for this work: a program of the user's costs more than a function of ours.
fn costs_of(work: &Applied, costs: Costs) -> Costs {
    match (work, costs.start) {
        (Applied::Exec(_), Some(_)) => PROGRAMS,
        (Applied::Exec(_), None) => Costs { start: None, ..PROGRAMS },
        _ => costs,
    }
}

fn apply_all(input: &Input, lab: &Lab, costs: Costs, way: Way<Step>) -> Result<Output, Problem> {
    let costs = costs_of(&input.work, costs);
    let staging = Staging::beside(&input.out)?;
    let staged = staging.path(input.out.file_name().unwrap_or_default());
    let form = Form::of(&input.out);
    let results = RefCell::new(Results::new(staged.clone(), form, input.rows));
    let pace = Pace::new(costs, input.rows);
    let mut pieces = Pieces::new(&input.files);
    let (mut rejected, mut number, mut broken) = (Vec::new(), 0, None);
    let failures = RefCell::new(input.failures.clone());
    let trouble = RefCell::new(Trouble::default());

    let lost = |file: usize, failure: Failure| {
        trouble.borrow_mut().chunk(&failure.cause);
        let task = format!("{}: {}", input.files[file].display(), failure.task);
        failures.borrow_mut().push(Failure { task, ..failure });
    };

    // What each task was, until its outcome is there: outcomes come in the order of the tasks.
    let under_way = RefCell::new(VecDeque::new());
    let mut sink = |outcome: Tried<Reply>| -> Result<(), Problem> {
        let Some(given) = under_way.borrow_mut().pop_front() else { return Ok(()) };
        match (given, outcome) {
            (Given::Chunk { file, row, rows }, Ok(Reply::Made { made, rejected: others, took })) => {
                pace.done(rows, took);
                trouble.borrow_mut().passed();
                rejected.extend(others.into_iter().map(|one| RejectedRow {
                    file,
                    row: row + one.row + 1,
                    reason: one.reason,
                }));
                made.map_or(Ok(()), |Handed(rows)| results.borrow_mut().keep(rows))
            }
            // Nothing was made by a program that does not work: there is one error, and no output.
            (Given::Chunk { .. }, Ok(Reply::Unusable(problem))) if !trouble.borrow().has_passed => {
                Err(problem)
            }
            (Given::Chunk { file, row, .. }, Ok(Reply::Unusable(problem))) => {
                let task = format!("from row {} on", row + 1);
                lost(file, Failure { task, cause: Cause::Problem(problem) });
                Ok(())
            }
            (Given::Chunk { file, .. }, Err(failure)) => {
                lost(file, failure);
                Ok(())
            }
            (Given::Group(_), Ok(Reply::Encoded(bytes))) => results.borrow_mut().append(bytes.0),
            // Whoever encoded it has died, or was told to stop: its rows are still here.
            (Given::Group(rows), Err(_)) => results.borrow_mut().append(encode(form, &rows)?),
            (Given::Chunk { .. }, Ok(Reply::Encoded(_)))
            | (Given::Group(_), Ok(Reply::Made { .. } | Reply::Unusable(_))) => {
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
        if trouble.borrow().is_the_end() {
            return Ok(None);
        }
        let Some(piece) = next_piece(&mut pieces, pace.rows(), &failures) else { return Ok(None) };
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
    trouble.borrow().of_everything().map_or(Ok(()), Err)?;
    // The last results came when no task was left to ask for.
    let mut groups = Vec::new();
    while let Some(group) = results.borrow_mut().rest() {
        groups.push(to_encode(group?));
    }
    let way = if others && groups.len() > 1 { way } else { ways::sequential::<Step> };
    way(lab, &input.work, &mut groups.into_iter(), &mut sink)?;
    lab.stop.check()?;
    if input.explain {
        let who = if others { "others were worth their start" } else { "nobody else was started" };
        anstream::eprintln!("{}; {number} chunks, {who}", pace.explain());
    }
    let mut failures = failures.into_inner();
    failures.extend(trouble.into_inner().told());
    written(input, &staged, results.into_inner(), (rejected, failures))
}

/// Gives the file its name, and counts what was done.
fn written(
    input: &Input,
    staged: &Path,
    results: Results,
    (rejected, failures): (Vec<RejectedRow>, Vec<Failure>),
) -> Result<Output, Problem> {
    let rows = results.rows;
    let bytes_out = results.finish(&input.columns)?;
    out::publish(staged, &input.out)?;
    let sizes =
        input.files.iter().map(|file| file.metadata().map(|found| found.len())).sum::<Result<u64, _>>();
    let bytes_in = sizes.or_problem(|| "an input file is gone")?;
    let work = Work { items: input.files.len() as u64, rows, bytes_in, bytes_out };
    Ok(Output::new(input, rejected, failures, work))
}

/// The next rows. A file that cannot be read is a failure and costs itself only.
fn next_piece(pieces: &mut Pieces, rows: usize, failures: &RefCell<Vec<Failure>>) -> Option<Piece> {
    loop {
        match pieces.next(rows) {
            Ok(piece) => return piece,
            Err(Unread { file, problem }) => failures
                .borrow_mut()
                .push(Failure { task: file.display().to_string(), cause: Cause::Problem(problem) }),
        }
    }
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
    /// The user's program does not work at all.
    Unusable(Problem),
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
            Worker::User(user) => match user.apply(rows, chunk.number, stop) {
                Ok(made) => (made, user.was_fresh()),
                Err(problem) if user.is_unusable() => return Ok(Reply::Unusable(problem)),
                Err(problem) => return Err(problem),
            },
        };
        let took = (!fresh).then(|| started.elapsed());
        Ok(Reply::Made { made: rows.map(Handed), rejected, took })
    }
}
