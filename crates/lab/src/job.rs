//! What one worker does, whoever the worker is.
//!
//! A [`Job`] is started once for each worker (a client is opened, a table is loaded) and then runs one task after another.
//! The same job is handed to every way of [`crate::ways`]: a loop, a thread, a pool, rayon, an event loop or a worker
//! process. That is why its setup, tasks and replies can be serialised, and why it knows nothing of who calls it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;
use crate::stop::Stop;

/// The work of one worker.
pub trait Job: Sized + Send + 'static {
    /// The name by which a worker process finds the job.
    const NAME: &'static str;
    /// What all workers share and each one starts from.
    type Setup: Serialize + DeserializeOwned + Sync;
    /// One piece of work. Its `Display` is the label that reports and timelines show.
    type Task: Serialize + DeserializeOwned + fmt::Display + Send + Sync;
    /// The answer to one task.
    type Reply: Serialize + DeserializeOwned + Send + Sync;

    /// Makes a worker ready. Called once for each worker, and again after a panic.
    ///
    /// # Errors
    /// What keeps this worker from starting; the task it was started for fails with it.
    fn start(setup: &Self::Setup) -> Result<Self, Problem>;

    /// Does one task. A task may be run again after a worker died of it, so doing it twice must do no harm.
    /// Work that lasts longer than a moment looks at `stop` now and then.
    ///
    /// # Errors
    /// What keeps this task from being done; the other tasks go on.
    fn run(&mut self, task: &Self::Task, stop: &Stop) -> Result<Self::Reply, Problem>;
}

/// The reply to a task, or why there is none.
pub type Tried<R> = Result<R, Failure>;

/// A task that was not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The task's label.
    pub task: String,
    /// Why it was not done.
    pub cause: Cause,
}

/// Why a task was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The job said so.
    Problem(Problem),
    /// The job panicked; the worker was started anew.
    Panicked(String),
    /// The task killed its worker process so often that it was set aside.
    SetAside(Vec<Death>),
    /// It was cut off: the work was interrupted while it was being done.
    CutOff,
    /// Nobody started it: the work was interrupted, or `--fail-fast` stopped after another failure.
    NotStarted,
}

impl Cause {
    /// The cause in a word that programs can count by.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Problem(_) => "problem",
            Self::Panicked(_) => "panicked",
            Self::SetAside(_) => "set-aside",
            Self::CutOff => "interrupted",
            Self::NotStarted => "not-started",
        }
    }
}

/// How a worker process ended while it had a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// Signal, exit code, or the deadline that was missed.
    pub how: String,
    /// The worker's peak resident memory in bytes, as the kernel counted it; 0 where it could not be told.
    pub peak_rss_bytes: u64,
    /// The last lines of the worker's standard error.
    pub last_words: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.task, self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(out),
            Self::Panicked(message) => write!(out, "panicked: {message}"),
            Self::CutOff => out.write_str("interrupted"),
            Self::NotStarted => out.write_str("not started"),
            Self::SetAside(deaths) => {
                write!(out, "set aside after it ended {} workers", deaths.len())?;
                deaths.iter().try_for_each(|death| write!(out, "\n  worker: {death}"))
            }
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, peak memory {}", self.how, bytesize::ByteSize(self.peak_rss_bytes))?;
        if !self.last_words.is_empty() {
            write!(out, "; it last said: {}", self.last_words.trim_end())?;
        }
        Ok(())
    }
}

/// A worker that lives in this process: a job that is started when the first task needs it.
///
/// A panic costs one task: the job, whose state may be broken, is dropped, and the next task starts a fresh one.
pub(crate) struct Worker<'a, J: Job> {
    job: Option<J>,
    setup: &'a J::Setup,
}

impl<'a, J: Job> Worker<'a, J> {
    pub(crate) fn new(setup: &'a J::Setup) -> Self {
        Self { job: None, setup }
    }

    pub(crate) fn run(&mut self, task: &J::Task, stop: &Stop) -> Tried<J::Reply> {
        let _span = crate::span!(Running, "task", task).entered();
        let mut job = self.job.take();
        // The job is dropped on a panic and the setup is only read, so nothing broken is ever seen again.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let job = match &mut job {
                Some(job) => job,
                empty => empty.insert(J::start(self.setup)?),
            };
            job.run(task, stop)
        }));
        let cause = match outcome {
            Ok(Ok(reply)) => {
                self.job = job;
                return Ok(reply);
            }
            Ok(Err(problem)) => {
                self.job = job;
                if stop.asked() { Cause::CutOff } else { Cause::Problem(problem) }
            }
            Err(panic) => {
                drop(catch_unwind(AssertUnwindSafe(|| drop(job))));
                Cause::Panicked(panic_message(&*panic))
            }
        };
        Err(Failure { task: task.to_string(), cause })
    }
}

/// What a panic said, if it said it in words.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".into())
}

/// What is borne of tasks and of worker processes before something is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest one task may take in a worker process; a worker that takes longer is killed.
    pub task_deadline: Duration,
    /// How many workers one task may end before it is set aside.
    pub deaths: usize,
    /// The most resident memory, in bytes, that a worker process may have; one that has more is killed.
    pub memory_bytes: Option<u64>,
    /// After how many tasks a worker process is replaced by a fresh one, where what it leaks must not add up.
    pub tasks: Option<u32>,
}

impl Default for Patience {
    fn default() -> Self {
        Self { task_deadline: Duration::from_mins(10), deaths: 3, memory_bytes: None, tasks: None }
    }
}
