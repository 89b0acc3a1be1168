//! Running commands as a user does: in a shell, in the folder of the pages' world.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::world::World;
use crate::children::{Leash, Running};
use crate::stop::Stop;

/// How long a command that stays may take until it says that it listens.
const LISTENS: Duration = Duration::from_secs(20);
/// One that says no such thing has to be alive after this time.
const ALIVE: Duration = Duration::from_secs(2);
/// How long one that stays may take to end after Ctrl-C.
const ENDS: Duration = Duration::from_secs(10);
/// How many lines of a command that failed are shown.
const SHOWN: usize = 12;

/// What became of a command; `Err` says what went wrong.
pub(super) type Outcome = Result<(), String>;

/// Runs the commands of one block.
pub(super) struct Player<'a> {
    world: &'a World,
    stop: &'a Stop,
    staying: Vec<Staying>,
}

struct Staying {
    line: String,
    running: Running,
    said: PathBuf,
}

impl<'a> Player<'a> {
    pub(super) fn new(world: &'a World, stop: &'a Stop) -> Self {
        Self { world, stop, staying: Vec::new() }
    }

    /// Runs a command to its end, which has to be this exit code.
    pub(super) fn run(&mut self, line: &str, code: i32, deadline: Duration) -> Result<Outcome> {
        let (mut running, said) = self.shell(line)?;
        let outcome = match running.wait_until(Instant::now() + deadline)? {
            Some(status) if status.code() == Some(code) => return Ok(Ok(())),
            Some(status) => format!("it ends with {status}"),
            None => format!("it has not ended after {} seconds", deadline.as_secs()),
        };
        Ok(Err(with_last_lines(&outcome, &said)))
    }

    /// Starts a command that runs until the end of its block, and waits until it does what it is for.
    pub(super) fn start(&mut self, line: &str) -> Result<Outcome> {
        let (mut running, said) = self.shell(&format!("exec {line}"))?;
        let started = Instant::now();
        loop {
            if let Some(status) = running.wait_until(Instant::now() + Duration::from_millis(20))? {
                return Ok(Err(with_last_lines(&format!("it does not stay: {status}"), &said)));
            }
            // What it has said so far.
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            let listens = text.contains("listening on") || text.contains("http://127.0.0.1");
            let is_server =
                ["mock-api", "states-api", "live", "serve"].iter().any(|name| line.contains(name));
            if listens || (!is_server && started.elapsed() > ALIVE) {
                break;
            }
            if started.elapsed() > LISTENS {
                return Ok(Err(with_last_lines("it does not say that it listens", &said)));
            }
        }
        self.staying.push(Staying { line: line.to_owned(), running, said });
        Ok(Ok(()))
    }

    /// Ends what stays, the last first, and tells how each has ended.
    pub(super) fn end(mut self) -> Result<Vec<(String, Outcome)>> {
        let mut ended = Vec::new();
        while let Some(mut staying) = self.staying.pop() {
            staying.running.interrupt()?;
            let outcome = match staying.running.wait_until(Instant::now() + ENDS)? {
                Some(status) if ends_well(status) => Ok(()),
                Some(status) => Err(format!("after Ctrl-C it ends with {status}")),
                None => Err(format!("{} seconds after Ctrl-C it has not ended", ENDS.as_secs())),
            };
            ended.push((staying.line, outcome.map_err(|why| with_last_lines(&why, &staying.said))));
        }
        Ok(ended)
    }

    fn shell(&self, line: &str) -> Result<(Running, PathBuf)> {
        let said = self.world.said();
        let out = File::create(&said).context("cannot write what a command says")?;
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.world.folder()).envs(self.world.environment());
        // What cargo has told this program is nothing for programs that a user starts.
        command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO");
        command.stdout(out.try_clone().context("cannot share a file")?).stderr(out);
        Ok((Running::quietly(&mut command, Leash::Signal, self.stop)?, said))
    }
}

fn ends_well(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    matches!(status.code(), Some(0 | 130)) || status.signal() == Some(nix::sys::signal::Signal::SIGINT as i32)
}

fn with_last_lines(outcome: &str, said: &PathBuf) -> String {
    let bytes = std::fs::read(said).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(SHOWN)..].iter().map(|line| format!("        {line}\n"));
    format!("        {outcome}\n{}", last.collect::<String>())
}
