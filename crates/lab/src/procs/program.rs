//! One process of any program, started, watched, ended and reaped.

use std::io;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use super::supervise::{Place, Reaped, Running, watchdog};
use crate::stop::Stop;

/// What is borne of a program.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The most resident memory that it may have, in bytes; with more, it is killed.
    pub memory_bytes: Option<u64>,
    /// What to call it when the lines of its standard error are passed on to ours; `None` keeps its last words only.
    pub label: Option<String>,
}

/// A process of any program: a user's command, or ours in a role of [`crate::Launch::role`].
///
/// It leads a process group, so that its end takes its children along. Its standard error is drained, it has a deadline
/// that can be set anew at any time ([`Program::due`]), a stop asks it to end and then kills it, and dropping it kills and
/// reaps it: it never outlives its owner by more than a moment.
///
/// ```
/// # use std::{io::{Read, Write}, process::{Command, Stdio}, time::Duration};
/// # use lab::{Stop, procs::{Limits, Program}};
/// let mut command = Command::new("cat");
/// command.stdin(Stdio::piped()).stdout(Stdio::piped());
/// let mut cat = Program::start(command, Limits::default(), &Stop::new())?;
/// let (mut to, mut from) = (cat.stdin().unwrap(), cat.stdout().unwrap());
/// to.write_all(b"milk")?;
/// drop(to);
/// let mut said = String::new();
/// from.read_to_string(&mut said)?;
/// assert_eq!(said, "milk");
/// assert!(cat.leave(Duration::from_secs(2))?.is_success());
/// # std::io::Result::Ok(())
/// ```
pub struct Program {
    place: Arc<Place>,
    running: Option<Running>,
    /// The watchdog, which goes home when its sender is dropped.
    watchdog: Option<(JoinHandle<()>, Sender<()>)>,
}

impl Program {
    /// Starts a command. Its standard input and output are what the command says, its standard error is heard by us.
    ///
    /// # Errors
    /// The system's, when the program cannot be started.
    pub fn start(mut command: Command, limits: Limits, stop: &Stop) -> io::Result<Self> {
        command.stderr(Stdio::piped());
        let place = Arc::new(Place::new(limits.memory_bytes).aloud(limits.label));
        let running = place.start(command)?;
        let (done, over) = bounded(0);
        let (watched, stop) = ([Arc::clone(&place)], stop.clone());
        let thread = thread::Builder::new().name("watchdog".into());
        let watching = thread.spawn(move || watchdog(&watched, &stop, &over))?;
        Ok(Self { place, running: Some(running), watchdog: Some((watching, done)) })
    }

    /// Our end of its standard input, if that is a pipe; given once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.running.as_mut()?.stdin.take()
    }

    /// Our end of its standard output, if that is a pipe; given once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.running.as_mut()?.stdout.take()
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.running.as_ref().map_or(0, Running::id)
    }

    /// Whether it has ended, and not well: killed, or with an exit code that is not 0.
    pub fn has_failed(&self) -> bool {
        self.running.as_ref().is_none_or(Running::has_failed)
    }

    /// Its peak resident memory so far, in bytes.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.running.as_ref().map_or(0, Running::peak_rss_bytes)
    }

    /// From now on it has until `due`, and is killed then; with `None`, for ever.
    pub fn due(&self, due: Option<Instant>) {
        self.place.due(due);
    }

    /// Waits until it has ended by itself, for `patience` at the longest, and tells how it ended. Its standard input must
    /// have been closed, if that is what it waits for.
    ///
    /// # Errors
    /// The system's, when it cannot be waited for.
    pub fn leave(mut self, patience: Duration) -> io::Result<Reaped> {
        self.running.take().ok_or(io::ErrorKind::NotFound)?.leave(patience)
    }

    /// Kills it, if it has not ended yet, and tells how it ended.
    ///
    /// # Errors
    /// The system's, when it cannot be waited for.
    pub fn end(mut self) -> io::Result<Reaped> {
        self.running.take().ok_or(io::ErrorKind::NotFound)?.reap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process first: the watchdog must see it out.
        drop(self.running.take());
        if let Some((watchdog, done)) = self.watchdog.take() {
            drop(done);
            let _ = watchdog.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    #[test]
    fn a_program_that_misses_its_deadline_is_killed_with_its_children() {
        let program = Program::start(shell("sleep 60; true"), Limits::default(), &Stop::new()).unwrap();
        let started = Instant::now();
        program.due(Some(started + Duration::from_millis(50)));
        let reaped = program.leave(Duration::from_millis(50)).unwrap();
        assert!(started.elapsed() < Duration::from_secs(10) && !reaped.is_success());
        assert!(reaped.death(Duration::from_millis(50)).how.contains("deadline of 50ms"));
    }

    #[test]
    fn a_stop_ends_a_program_that_does_not_listen_and_its_last_words_are_kept() {
        let stop = Stop::new();
        let deaf = shell("trap '' TERM; echo deaf >&2; echo; while :; do sleep 60; done");
        let mut program = Program::start(deaf, Limits::default(), &stop).unwrap();
        let ready = io::Read::read(&mut program.stdout().unwrap(), &mut [0]).unwrap();
        stop.now();
        let reaped = program.leave(Duration::from_mins(1)).unwrap();
        assert!(ready == 1 && reaped.was_killed());
        assert_eq!(reaped.death(Duration::ZERO).last_words, "deaf\n");
    }
}
