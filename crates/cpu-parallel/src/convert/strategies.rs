//! The ways to convert many files.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::slice;

use lab::out::Staging;
use lab::ways::Way;
use lab::{Failure, Job, Lab, OrProblem, Problem, Stop, Tried, ways};
use serde::{Deserialize, Serialize};
use tabular::parquet_batches::Piece;

use super::piece::{Source, convert_file};
use super::plan::{Target, Task};
use super::rules::Rules;
use super::{Converted, Input, Output};

/// One after another.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::sequential::<Convert>)
}

/// A thread for each file.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::threads::<Convert>)
}

/// A fixed number of threads that take the next file when they are done with one.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::pool::<Convert>)
}

/// The files split in halves until each thread has some; idle threads steal.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::rayon::<Convert>)
}

/// Tasks on one event loop: none of them waits, so they run one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::event_loop::<Convert>)
}

/// A fixed number of processes. Of small files only paths and counts go through the pipes; of a large one
/// the text of each part does.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    convert_all(input, lab, ways::processes::<Convert>)
}

fn convert_all(input: &Input, lab: &Lab, way: Way<Convert>) -> Result<Output, Problem> {
    let staging = Staging::within(&input.out)?;
    let setup = Setup { staging: staging.path(""), rules: input.rules.clone() };
    let mut gathering = Gathering::new(&input.targets, &staging, &input.rules);
    let mut tasks = input.targets.iter().flat_map(|target| target.tasks.iter().cloned());
    way(lab, &setup, &mut tasks, &mut |outcome| gathering.add(outcome))?;
    gathering.finish(lab)
}

/// Puts the texts of parts together, file by file, as they come in the order of the tasks.
struct Gathering<'a> {
    staging: &'a Staging,
    rules: &'a Rules,
    /// The files that are not complete, the current one first, and how many of its tasks are done.
    targets: slice::Iter<'a, Target>,
    done: usize,
    /// The current file, where its text comes in parts.
    open: Option<Open>,
    failed: bool,
    output: Output,
}

struct Open {
    staged: PathBuf,
    file: File,
    converted: Converted,
}

impl<'a> Gathering<'a> {
    fn new(targets: &'a [Target], staging: &'a Staging, rules: &'a Rules) -> Self {
        let output = Output { converted: Vec::new(), failures: Vec::new() };
        Self { staging, rules, targets: targets.iter(), done: 0, open: None, failed: false, output }
    }

    fn add(&mut self, outcome: Tried<Reply>) -> Result<(), Problem> {
        self.publish_empty()?;
        let Some(target) = self.targets.as_slice().first() else { return Ok(()) };
        match outcome {
            Ok(Reply { converted, text: None }) => self.output.converted.push((target.to.clone(), converted)),
            Ok(Reply { converted, text: Some(text) }) if !self.failed => {
                let mut open = self.take_or_open(target)?;
                open.append(&text, target)?;
                open.converted.rows += converted.rows;
                self.open = Some(open);
            }
            // The file is lost already.
            Ok(_) => {}
            Err(failure) => {
                self.failed = true;
                self.output.failures.push(failure);
            }
        }
        self.done += 1;
        if self.done == target.tasks.len() { self.next(target) } else { Ok(()) }
    }

    /// Files of which there is no row have no task.
    fn publish_empty(&mut self) -> Result<(), Problem> {
        while let Some(target) = self.targets.as_slice().first().filter(|target| target.tasks.is_empty()) {
            self.open = Some(self.take_or_open(target)?);
            self.next(target)?;
        }
        Ok(())
    }

    fn take_or_open(&mut self, target: &Target) -> Result<Open, Problem> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let staged = self.staging.path(target.to.file_name().unwrap_or_default());
        let file = File::create(&staged).or_problem(|| format!("cannot write {}", target.to.display()))?;
        let converted = Converted { bytes_in: target.bytes_in, ..Converted::default() };
        let mut open = Open { staged, file, converted };
        open.append(&target.head, target)?;
        Ok(open)
    }

    /// The current file is over: it is published if it is whole.
    fn next(&mut self, target: &Target) -> Result<(), Problem> {
        self.targets.next();
        self.done = 0;
        let (open, failed) = (self.open.take(), std::mem::take(&mut self.failed));
        if let Some(open) = open.filter(|_| !failed) {
            drop(open.file);
            self.rules.publish(&open.staged, &target.to)?;
            self.output.converted.push((target.to.clone(), open.converted));
        }
        Ok(())
    }

    fn finish(mut self, lab: &Lab) -> Result<Output, Problem> {
        if !lab.stop.asked() {
            self.publish_empty()?;
        }
        // What a stop kept from being taken.
        let rest = self.targets.clone().flat_map(|target| &target.tasks).skip(self.done);
        let cause = lab::Cause::NotStarted;
        let failures = rest.map(|task| Failure { task: task.to_string(), cause: cause.clone() });
        self.output.failures.extend(failures);
        Ok(self.output)
    }
}

impl Open {
    fn append(&mut self, text: &[u8], target: &Target) -> Result<(), Problem> {
        self.converted.bytes_out += text.len() as u64;
        self.file.write_all(text).or_problem(|| format!("cannot write {}", target.to.display()))
    }
}

/// What every worker starts from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    staging: PathBuf,
    rules: Rules,
}

/// What a task gives.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    converted: Converted,
    /// The text of a part; a whole file is written already.
    text: Option<Vec<u8>>,
}

/// The job: converts one file or part after another.
pub(super) struct Convert {
    staging: PathBuf,
    rules: Rules,
    /// The file that the last part was of.
    open: Option<Source>,
}

impl Convert {
    fn part(&mut self, from: &PathBuf, pieces: &[Piece], stop: &Stop) -> Result<Reply, Problem> {
        let source = match self.open.take() {
            Some(open) if open.file.path() == from => open,
            _ => Source::open(from, &self.rules)?,
        };
        let mut text = Vec::new();
        let rows = source.write(pieces, &self.rules, stop, &mut text)?;
        self.open = Some(source);
        Ok(Reply { converted: Converted { rows, ..Converted::default() }, text: Some(text) })
    }
}

impl Job for Convert {
    const NAME: &'static str = "convert";
    type Setup = Setup;
    type Task = Task;
    type Reply = Reply;

    fn start(setup: &Setup) -> Result<Self, Problem> {
        Ok(Self { staging: setup.staging.clone(), rules: setup.rules.clone(), open: None })
    }

    fn run(&mut self, task: &Task, stop: &Stop) -> Result<Reply, Problem> {
        match task {
            Task::Whole { from, to } => {
                // Whoever tries again after a death writes over what the dead worker left.
                let staged = self.staging.join(to.file_name().unwrap_or_default());
                let converted = convert_file(from, &staged, to, &self.rules, stop)?;
                Ok(Reply { converted, text: None })
            }
            Task::Part { from, pieces } => self.part(from, pieces, stop),
        }
    }
}
