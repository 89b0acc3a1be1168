//! The small things that worker processes of this chapter are asked to do.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lab::{Job, OrProblem, Problem, Stop};
use serde::{Deserialize, Serialize};

/// A number of this process. Each process has its own, although all are made from the same program.
pub static OURS: AtomicU64 = AtomicU64::new(0);

/// What a process is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// Say who you are, and count up your own number.
    Introduce,
    /// Take this many milliseconds, and say who you are.
    Take(u64),
    /// Write this many records of this many bytes to a pipe that another process owns, all with one letter.
    Print {
        /// The pipe, as a path under `/proc`.
        pipe: String,
        /// The letter that the record is made of.
        letter: u8,
        /// How many records.
        records: usize,
        /// How long a record is, in bytes.
        bytes: usize,
    },
    /// Add up what was sent along.
    Sum(Vec<u64>),
    /// Die.
    Crash,
    /// Do the errands on threads of this one process, as if the others were not there.
    Together(Vec<Errand>),
}

impl fmt::Display for Errand {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Introduce => "introduce",
            Self::Take(_) => "take",
            Self::Print { .. } => "print",
            Self::Sum(_) => "sum",
            Self::Crash => "crash",
            Self::Together(_) => "together",
        })
    }
}

/// What came of an errand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The number of the process.
    pub process: u32,
    /// What the errand's number was, if it has one.
    pub number: u64,
}

/// The worker process's job.
#[derive(Debug)]
pub struct Runner;

impl Job for Runner {
    const NAME: &'static str = "errand";
    type Setup = ();
    type Task = Errand;
    type Reply = Reply;

    fn start((): &()) -> Result<Self, Problem> {
        Ok(Self)
    }

    fn run(&mut self, errand: &Errand, _: &Stop) -> Result<Reply, Problem> {
        Ok(Reply { process: std::process::id(), number: run(errand)? })
    }
}

/// Runs an errand in this process.
///
/// # Errors
/// A pipe that cannot be written to.
pub fn run(errand: &Errand) -> Result<u64, Problem> {
    match errand {
        Errand::Introduce => Ok(OURS.fetch_add(1, Ordering::Relaxed) + 1),
        Errand::Take(milliseconds) => {
            std::thread::sleep(Duration::from_millis(*milliseconds));
            Ok(*milliseconds)
        }
        Errand::Print { pipe, letter, records, bytes } => {
            let cannot = || format!("cannot write to {pipe}");
            let mut pipe = OpenOptions::new().write(true).open(pipe).or_problem(cannot)?;
            let record = vec![*letter; *bytes];
            for _ in 0..*records {
                pipe.write_all(&record).or_problem(cannot)?;
            }
            Ok(0)
        }
        Errand::Sum(numbers) => Ok(numbers.iter().sum()),
        Errand::Crash => std::process::abort(),
        Errand::Together(errands) => std::thread::scope(|scope| {
            let threads: Vec<_> = errands.iter().map(|errand| scope.spawn(|| run(errand))).collect();
            let outcomes = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            let sum = outcomes.map(|outcome| outcome.unwrap_or(Ok(0)));
            sum.sum()
        }),
    }
}
