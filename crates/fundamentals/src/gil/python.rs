//! The Python of this machine: finding it, asking what it is, and running the loops in it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crossbeam_channel::bounded;
use lab::{OrProblem, Problem, Stop};

use super::{Answers, Run, Way, Work};
use crate::observe::{self, Film};

/// Names a Python to use, or none where it names nothing that runs.
pub(super) const CHOSEN: &str = "PARALELO_PYTHON";

/// What is looked for: the usual Python, and the builds that can do without the lock.
const NAMES: [&str; 3] = ["python3", "python3.13t", "python3.14t"];

/// The loops of the lesson.
const SCRIPT: &str = include_str!("loops.py");

/// Asks an interpreter for its own path, its version and whether it has the lock.
const WHO: &str = "import sys; print(sys.executable); print(sys.version.split()[0]); \
                   print(int(getattr(sys, '_is_gil_enabled', lambda: True)()))";

/// A Python interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Python {
    pub(super) program: PathBuf,
    /// Such as `3.13.0`.
    pub(super) version: String,
    /// Whether only one of its threads runs Python code at a time.
    pub(super) gil: bool,
}

/// The interpreters of this machine, the usual one first.
pub(super) fn find() -> Vec<Python> {
    match std::env::var_os(CHOSEN) {
        Some(chosen) => ask(&chosen).into_iter().collect(),
        None => NAMES.iter().filter_map(|name| ask(OsStr::new(name))).collect(),
    }
}

fn ask(program: &OsStr) -> Option<Python> {
    let said = Command::new(program)
        .args(["-I", "-c", WHO])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let mut lines = said.lines();
    let (program, version, gil) = (lines.next()?, lines.next()?, lines.next()?);
    Some(Python { program: program.into(), version: version.into(), gil: gil == "1" })
}

/// A child that is killed and reaped when nobody wants it any longer.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Python {
    /// Runs the loops and films them.
    pub(super) fn run(&self, run: Run, stop: &Stop) -> Result<Answers, Problem> {
        let cannot = || format!("cannot run the loops in {}", self.program.display());
        let work = match run.work {
            Work::Compute { .. } => "compute",
            Work::Wait { .. } => "wait",
        };
        let way = match run.way {
            Way::OneByOne => "one",
            Way::Threads => "threads",
            Way::Processes => "processes",
        };
        let (workers, amount) = (run.workers.to_string(), run.work.amount().to_string());
        let mut command = Command::new(&self.program);
        command.args(["-I", "-c", SCRIPT, work, way, &workers, &amount, if run.locked { "1" } else { "0" }]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Held(command.spawn().or_problem(cannot)?);
        let number = child.0.id();
        let (Some(out), Some(mut err)) = (child.0.stdout.take(), child.0.stderr.take()) else {
            return Err(Problem::new(cannot()));
        };
        thread::scope(|scope| {
            // Two lines are ever said, so both fit and the reader never waits for us.
            let (said, lines) = bounded::<String>(2);
            scope.spawn(move || {
                BufReader::new(out).lines().map_while(Result::ok).take(2).try_for_each(|line| said.send(line))
            });
            // A traceback is short; a pipe that nobody reads could still stop whoever writes to it.
            let words = scope.spawn(move || {
                let mut words = String::new();
                let _ = err.by_ref().take(4_000).read_to_string(&mut words);
                words
            });
            let watched = stop.child();
            let (over, ended) = bounded::<()>(0);
            let guard = scope.spawn(move || {
                // Whoever is asked to stop, or waits for longer than any of this takes, ends the Python.
                for _ in 0..600 {
                    if ended
                        .recv_timeout(Duration::from_millis(50))
                        .is_err_and(|error| error.is_disconnected())
                    {
                        return;
                    }
                    if watched.asked() {
                        break;
                    }
                }
                drop(child);
            });
            let ready = lines.recv().is_ok_and(|line| line == "ready");
            let (film, answer) = Film::until(&lines, || observe::threads(&observe::tree(number)));
            drop(over);
            let _ = guard.join();
            let answer = answer.filter(|_| ready).as_deref().and_then(read);
            let words = words.join().unwrap_or_default();
            stop.check()?;
            let (seconds, values) = answer
                .ok_or_else(|| Problem::new(cannot()).expected("two lines of answers").hint(words.trim()))?;
            Ok(Answers { seconds, values, film })
        })
    }
}

/// The seconds and the answers of the second line.
fn read(line: &str) -> Option<(f64, Vec<u32>)> {
    let mut words = line.split_whitespace();
    let seconds = words.next()?.parse().ok()?;
    Some((seconds, words.map(str::parse).collect::<Result<_, _>>().ok()?))
}
