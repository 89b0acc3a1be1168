//! What a strategy may know about the run it is part of.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Work};
use crate::home::Home;
use crate::job::{Cause, Death, Failure, Patience};
use crate::launch::Launch;
use crate::ledger::Ledger;
use crate::problem::Problem;
use crate::stop::Stop;

/// How much data the lab makes for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Seconds for everything; for tests.
    Tiny,
    /// About a minute for everything on two cores.
    #[default]
    Small,
    /// Ten times small.
    Medium,
    /// A hundred times small.
    Large,
}

impl Scale {
    /// The name, as in the folder `data/raw/<name>`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }
}

/// The run that a strategy is part of: how many workers it may use, where things are, and when to stop.
#[derive(Debug)]
pub struct Lab {
    /// How many workers the strategy may use; at least 1.
    pub workers: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// How much data the lab's own inputs hold.
    pub scale: Scale,
    /// The base address of the simulated API.
    pub api: String,
    /// Asked for when the work should end early.
    pub stop: Stop,
    /// Whether the first failed task ends the rest.
    pub fail_fast: bool,
    /// Whether files that this project did not make may be replaced in a folder of `--out`.
    pub force: bool,
    /// How long a worker process may take, and how often a task may kill one.
    pub patience: Patience,
    /// Where the project's data and logs are.
    pub home: Home,
    /// How this program is started again as a worker.
    pub launch: Launch,
    pub(crate) out: Option<PathBuf>,
    /// A measured cell's own folder, emptied before each sample.
    pub(crate) scratch: Option<PathBuf>,
    /// What is done already and need not be done again (`--resume`). The lock is held to look one reply up or to write one
    /// record, by the thread that hands tasks out and outcomes over.
    pub(crate) ledger: Option<Mutex<Ledger>>,
    pub(crate) children: Arc<Children>,
    pub(crate) noted: Noted,
    /// Bytes written after the clock stopped, by the exercise's `deliver`.
    pub(crate) delivered: AtomicU64,
}

impl Lab {
    /// A lab for one worker count with every other value at its default.
    pub fn new(workers: usize) -> Self {
        Self {
            workers: workers.max(1),
            seed: 42,
            scale: Scale::default(),
            api: "http://127.0.0.1:8000".into(),
            stop: Stop::new(),
            fail_fast: false,
            force: false,
            patience: Patience::default(),
            home: Home::find(),
            launch: Launch::myself(),
            out: None,
            scratch: None,
            ledger: None,
            children: Arc::default(),
            noted: Noted::default(),
            delivered: AtomicU64::new(0),
        }
    }

    /// The lab with its output at `out`, as if the user had said so.
    #[must_use]
    pub fn with_out(self, out: impl Into<PathBuf>) -> Self {
        Self { out: Some(out.into()), ..self }
    }

    /// The lab with a ledger: the tasks that it knows are not done again, and those that are done are kept in it.
    #[must_use]
    pub fn with_ledger(self, ledger: Ledger) -> Self {
        Self { ledger: Some(Mutex::new(ledger)), ..self }
    }

    /// The lab's own input of this name at this scale, such as `orders-csv`.
    pub fn raw(&self, name: &str) -> PathBuf {
        self.home.raw(self.scale.name()).join(name)
    }

    /// Where the user asked the output to go (`--out`), if anywhere. In a measured cell, which writes what it is asked to
    /// write and keeps nothing, always somewhere.
    pub fn out(&self) -> Option<PathBuf> {
        match &self.scratch {
            Some(scratch) => {
                Some(scratch.join(self.out.as_deref().and_then(Path::file_name).unwrap_or("out".as_ref())))
            }
            None => self.out.clone(),
        }
    }

    /// Where the output goes: `--out`, or `data/out/<name>`; a cell's own folder while it is measured.
    pub fn out_or(&self, name: &str) -> PathBuf {
        match &self.scratch {
            Some(scratch) => {
                scratch.join(self.out.as_deref().and_then(Path::file_name).unwrap_or(name.as_ref()))
            }
            None => self.out.clone().unwrap_or_else(|| self.home.out().join(name)),
        }
    }

    /// Whether an exercise may read the user's input from standard input. A cell may not: its commands come from there.
    pub fn may_read_stdin(&self) -> bool {
        self.scratch.is_none()
    }

    /// Notes an input that cannot be used while the others can. It counts as an item that failed.
    pub fn note_failure(&self, input: impl Into<String>, problem: Problem) {
        let failure = Failure { task: input.into(), cause: Cause::Problem(problem) };
        self.noted.0.lock().push(failure);
    }

    /// Counts bytes that the exercise writes when it delivers its answer; the strategies count theirs in the answer.
    pub fn count_delivered(&self, bytes: u64) {
        // Read by the thread that adds to it.
        self.delivered.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The work with the bytes that were delivered after the clock stopped.
    pub(crate) fn with_delivered(&self, work: Work) -> Work {
        Work { bytes_out: work.bytes_out + self.delivered.load(Ordering::Relaxed), ..work }
    }

    /// What the worker processes of this run have cost so far.
    pub fn children(&self) -> &Children {
        &self.children
    }
}

/// Inputs that cannot be used while the others can. Locked to add to it and to copy it, while the input is prepared and after
/// the work: no worker waits for it.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<Vec<Failure>>);

impl Noted {
    /// The inputs that cannot be used.
    pub(crate) fn failures(&self) -> Vec<Failure> {
        self.0.lock().clone()
    }

    /// The inputs that cannot be used, then the tasks of the answer that failed.
    pub(crate) fn failures_with(&self, output: &impl Answer) -> Vec<Failure> {
        let mut failures = self.failures();
        failures.extend_from_slice(output.failures());
        failures
    }

    /// The inputs that cannot be used, then the failures that make a sample worthless.
    pub(crate) fn undone_with(&self, output: &impl Answer) -> Vec<Failure> {
        let mut failures = self.failures();
        failures.extend_from_slice(output.undone());
        failures
    }

    /// The work of the answer; an input that cannot be used is an item too.
    pub(crate) fn work_with(&self, output: &impl Answer) -> Work {
        let mut work = output.work();
        work.items += self.0.lock().len() as u64;
        work
    }
}

/// What the worker processes of one run cost, told by whoever reaps them.
#[derive(Debug, Default)]
pub struct Children {
    peak_rss_bytes: AtomicU64,
    deaths: AtomicU64,
}

impl Children {
    /// Adds the peak memory of one place for a worker: the largest of the processes that followed each other in it.
    pub fn add_peak(&self, bytes: u64) {
        // A count that is only read after the threads that add to it were joined needs no ordering of its own.
        self.peak_rss_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts the end of a worker that had this task, and says it in the log.
    pub fn add_death(&self, task: &str, death: &Death) {
        self.deaths.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("a worker died during {task}: {death}");
    }

    /// The sum of the workers' peak resident memory in bytes: an upper bound of what they held at one time.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.peak_rss_bytes.load(Ordering::Relaxed)
    }

    /// How many workers ended while they had a task.
    pub fn deaths(&self) -> u64 {
        self.deaths.load(Ordering::Relaxed)
    }

    pub(crate) fn reset(&self) {
        self.peak_rss_bytes.store(0, Ordering::Relaxed);
        self.deaths.store(0, Ordering::Relaxed);
    }
}
