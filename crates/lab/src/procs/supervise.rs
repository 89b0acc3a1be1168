//! Starting, watching, ending and reaping processes.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use parking_lot::Mutex;
use wait4::Wait4;

use crate::cell::usage;
use crate::job::Death;
use crate::stop::Stop;

/// How often the watchdog looks. Short beside the second within which an interrupted run must be gone.
const TICK: Duration = Duration::from_millis(10);
/// How long a process that has nothing left to do may take to end.
pub(crate) const GOODBYE: Duration = Duration::from_secs(2);
/// How many bytes of a worker's standard error are kept.
const LAST_WORDS: usize = 2_000;

/// One place for a process, watched from outside. The processes in it follow each other.
///
/// The lock is held for a few instructions by the place's own thread, when it sets or clears the deadline, and by the
/// watchdog, which looks at it a hundred times a second. It guards the one thing that must not race: a process is only
/// signalled while it is in `child`, and only reaped after it was taken out, so a signal can never reach a stranger that
/// was given the same number.
#[derive(Default)]
pub(crate) struct Place(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    child: Option<Child>,
    due: Option<Instant>,
    missed: bool,
}

impl Place {
    /// Starts `command` in this place, at the head of a process group of its own.
    pub(crate) fn start(&self, mut command: Command) -> io::Result<Running<'_>> {
        let mut child = command.process_group(0).spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id();
        *self.0.lock() = Watched { child: Some(child), due: None, missed: false };
        let mut running = Running { place: self, pid, stdin, stdout, words: None };
        if let Some(stderr) = stderr {
            let listening =
                thread::Builder::new().name("last words".into()).spawn(move || last_words(stderr));
            running.words = Some(listening?);
        }
        Ok(running)
    }

    /// From now on the process has until `due`; with `None`, for ever. Returns whether it missed its last deadline.
    pub(crate) fn due(&self, due: Option<Instant>) -> bool {
        let mut watched = self.0.lock();
        watched.due = due;
        watched.missed
    }

    /// Kills the process here, if one is overdue, or if nobody wants it any longer.
    fn watch(&self, unwanted: bool, now: Instant) {
        let mut watched = self.0.lock();
        let overdue = watched.due.is_some_and(|due| due <= now);
        if (overdue || unwanted)
            && let Some(child) = &watched.child
        {
            kill_group(child);
            watched.missed |= overdue;
            watched.due = None;
        }
    }
}

/// Looks at every place until `done` is closed: kills what is overdue, and everything once a stop is asked for.
pub(crate) fn watchdog(places: &[Place], stop: &Stop, done: &Receiver<()>) {
    while done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let (unwanted, now) = (stop.asked(), Instant::now());
        for place in places {
            place.watch(unwanted, now);
        }
    }
}

/// A started process and the parent's ends of its pipes. Dropping it kills and reaps the process.
pub(crate) struct Running<'a> {
    pub(crate) place: &'a Place,
    pid: u32,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    words: Option<JoinHandle<String>>,
}

impl Running<'_> {
    /// Waits until the process has ended by itself, for `patience` at the longest, and tells how it ended.
    pub(crate) fn leave(mut self, patience: Duration) -> io::Result<Reaped> {
        drop(self.stdin.take());
        self.place.due(Some(Instant::now() + patience));
        // Waiting without reaping keeps the number taken, so that the watchdog can still kill it without harm.
        let number = i32::try_from(self.pid).map_err(io::Error::other)?;
        while waitid(Id::Pid(Pid::from_raw(number)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
            == Err(Errno::EINTR)
        {}
        self.end()
    }

    /// Kills what is left of the process, waits for it, and tells how it ended.
    pub(crate) fn reap(mut self) -> io::Result<Reaped> {
        self.end()
    }

    fn end(&mut self) -> io::Result<Reaped> {
        drop((self.stdin.take(), self.stdout.take()));
        let (child, missed) = {
            let mut watched = self.place.0.lock();
            watched.due = None;
            (watched.child.take(), watched.missed)
        };
        let Some(child) = child else { return Err(io::Error::other("the process was already reaped")) };
        // The group first: a process that ended by itself may have left children that still hold its pipes.
        kill_group(&child);
        let used = child.wait4()?;
        let last_words = self.words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        Ok(Reaped { status: used.status, missed, peak_rss_bytes: used.rusage.maxrss, last_words })
    }

    /// The process's peak resident memory so far, in bytes.
    pub(crate) fn peak_rss_bytes(&self) -> u64 {
        usage::peak_rss_bytes(self.pid)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// A process that is gone.
pub(crate) struct Reaped {
    status: ExitStatus,
    missed: bool,
    peak_rss_bytes: u64,
    last_words: String,
}

impl Reaped {
    /// Whether it ended by itself and was content.
    pub(crate) fn is_success(&self) -> bool {
        self.status.success()
    }

    /// Whether something else ended it.
    pub(crate) fn was_killed(&self) -> bool {
        self.status.signal().is_some()
    }

    /// The end of a worker that still had something to do.
    pub(crate) fn death(self, deadline: Duration) -> Death {
        let how = match (self.missed, self.status.signal()) {
            (true, _) => format!("killed because it missed the deadline of {deadline:?}"),
            (false, Some(number)) => {
                let name =
                    Signal::try_from(number).map_or_else(|_| number.to_string(), |signal| signal.to_string());
                format!("ended by signal {name}")
            }
            (false, None) => format!("ended with exit code {}", self.status.code().unwrap_or_default()),
        };
        Death { how, peak_rss_bytes: self.peak_rss_bytes, last_words: self.last_words }
    }
}

fn kill_group(child: &Child) {
    if let Ok(number) = i32::try_from(child.id()) {
        // The only error is that nobody is left in the group, which is what we want.
        let _ = killpg(Pid::from_raw(number), Signal::SIGKILL);
    }
}

/// Reads standard error to its end, so that the process never blocks on it, and keeps the last lines.
fn last_words(stderr: ChildStderr) -> String {
    let mut from = BufReader::new(stderr);
    let mut kept = VecDeque::new();
    let mut bytes = 0;
    let mut line = Vec::new();
    // A line that never ends must not fill our memory, so it counts as several.
    while matches!(from.by_ref().take(LAST_WORDS as u64).read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line).into_owned();
        tracing::debug!(target: "worker", "{}", text.trim_end());
        bytes += text.len();
        kept.push_back(text);
        while bytes > LAST_WORDS && kept.len() > 1 {
            bytes -= kept.pop_front().map_or(0, |gone| gone.len());
        }
        line.clear();
    }
    kept.into_iter().collect()
}
