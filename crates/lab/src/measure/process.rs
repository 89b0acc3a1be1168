//! A cell's process, seen from outside.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cell::{Answered, Sample};
use crate::launch::CELL;
use crate::problem::{OrProblem, Problem};
use crate::procs::supervise::{GOODBYE, Place, Running};

use super::plan::CellPlan;
use super::runner::Executor;

/// An answer is a line of a few kilobytes; a cell that says more than this is babbling.
const LONGEST_ANSWER: u64 = 64 << 20;

/// A running cell. Every answer has a deadline, which the watchdog of the cell's place enforces.
pub(super) struct CellProcess<'a> {
    place: &'a Arc<Place>,
    running: Option<Running>,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    deadline: Duration,
}

impl<'a> CellProcess<'a> {
    /// Starts the cell and waits until its input is prepared.
    pub(super) fn start(
        place: &'a Arc<Place>,
        plan: &CellPlan,
        scratch: &Path,
        deadline: Duration,
    ) -> Result<Self, Problem> {
        let mut command = Command::new(&plan.program);
        command.arg(CELL).arg(scratch).args([&plan.strategy, &plan.workers.to_string()]).args(&plan.args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running =
            place.start(command).or_problem(|| format!("cannot start {}", plan.program.display()))?;
        let (commands, answers) = match (running.stdin.take(), running.stdout.take()) {
            (Some(stdin), Some(stdout)) => (stdin, BufReader::new(stdout)),
            _ => return Err(Problem::new("a started cell has no pipes")),
        };
        let mut cell = Self { place, running: Some(running), commands, answers, deadline };
        match cell.answer()? {
            Answered::Ready => Ok(cell),
            Answered::Failed(problem) => Err(problem),
            Answered::Sample(_) => Err(Problem::new("the cell answered a question that nobody asked")),
        }
    }

    fn answer(&mut self) -> Result<Answered, Problem> {
        self.place.due(Some(Instant::now() + self.deadline));
        let mut line = Vec::new();
        let read = self.answers.by_ref().take(LONGEST_ANSWER).read_until(b'\n', &mut line);
        self.place.due(None);
        match read {
            Ok(1..) if line.ends_with(b"\n") => serde_json::from_slice(&line).map_err(|error| {
                let said = String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned();
                Problem::because("the cell said something that is no answer", &error).at(format!("{said:?}"))
            }),
            _ => Err(self.died()),
        }
    }

    fn died(&mut self) -> Problem {
        let reaped = self.running.take().and_then(|running| running.leave(Duration::from_millis(100)).ok());
        let death = reaped.map(|reaped| reaped.death(self.deadline).to_string());
        Problem::new(format!("the cell died: {}", death.unwrap_or_else(|| "it was gone before".into())))
    }
}

impl Executor for CellProcess<'_> {
    fn sample(&mut self, timeline: Option<&Path>) -> Result<Sample, Problem> {
        let command = timeline.map_or("sample\n".into(), |path| format!("timeline {}\n", path.display()));
        // A cell that is gone is noticed by the missing answer, which also knows why.
        let _ = self.commands.write_all(command.as_bytes());
        match self.answer()? {
            Answered::Sample(sample) => Ok(sample),
            Answered::Failed(problem) => Err(problem),
            Answered::Ready => Err(Problem::new("the cell answered a question that nobody asked")),
        }
    }

    fn end(mut self) {
        drop(self.commands);
        if let Some(running) = self.running.take() {
            let _ = running.leave(GOODBYE);
        }
    }
}
