//! Starting, watching, ending and reaping processes.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
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
/// How long a process that was asked to end may take before it is killed.
const LAST_MOMENT: Duration = Duration::from_millis(400);
/// How long to wait for the last words of a process that is gone.
const EARSHOT: Duration = Duration::from_millis(200);
/// How many bytes of a worker's standard error are kept.
const LAST_WORDS: usize = 2_000;

/// One place for a process, watched from outside. The processes in it follow each other.
///
/// The lock is held for a few instructions by the place's own thread, when it sets or clears the deadline, and by the
/// watchdog, which looks at it a hundred times a second. It guards the one thing that must not race: a process is only
/// signalled while it is in `child`, and only reaped after it was taken out, so a signal can never reach a stranger that
/// was given the same number.
#[derive(Default)]
pub(crate) struct Place {
    watched: Mutex<Watched>,
    /// The most resident memory that a process here may have, in bytes.
    memory_bytes: Option<u64>,
    /// What to call a process here when its standard error is passed on; `None` where only its last words are kept.
    label: Option<String>,
}

#[derive(Default)]
struct Watched {
    child: Option<Child>,
    due: Option<Instant>,
    /// The number of the task that the process has, where it has one.
    task: Option<u64>,
    /// Why we killed the process, if we did.
    sentence: Option<Sentence>,
    /// When the process was asked to end because nobody wants its work any longer.
    asked: Option<Instant>,
}

/// Why the watchdog, or whoever cancelled a task, killed a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sentence {
    Late,
    /// It had more resident memory than so many bytes.
    Greedy(u64),
    Cancelled,
}

impl Place {
    /// A place whose processes may have so much resident memory, in bytes.
    pub(crate) fn new(memory_bytes: Option<u64>) -> Self {
        Self { memory_bytes, ..Self::default() }
    }

    /// The place with the standard error of its processes passed on to ours, each line after this label.
    pub(crate) fn aloud(self, label: Option<String>) -> Self {
        Self { label, ..self }
    }

    /// Starts `command` in this place, at the head of a process group of its own.
    pub(crate) fn start(self: &Arc<Self>, mut command: Command) -> io::Result<Running> {
        let parent_rss_bytes = usage::peak_rss_bytes(std::process::id());
        let mut child = command.process_group(0).spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id();
        *self.watched.lock() = Watched { child: Some(child), ..Watched::default() };
        let (listening, end) = bounded(0);
        let words = Words { kept: Arc::default(), end };
        let kept = Arc::clone(&words.kept);
        let running = Running { place: Arc::clone(self), pid, stdin, stdout, words, parent_rss_bytes };
        if let Some(stderr) = stderr {
            let label = self.label.clone();
            let thread = thread::Builder::new().name("last words".into());
            thread.spawn(move || {
                listen(stderr, &kept, label.as_deref());
                drop::<Sender<()>>(listening);
            })?;
        }
        Ok(running)
    }

    /// From now on the process has until `due`; with `None`, for ever. It has no task that could be taken back. Returns
    /// whether it was killed meanwhile.
    pub(crate) fn due(&self, due: Option<Instant>) -> bool {
        let mut watched = self.watched.lock();
        (watched.due, watched.task) = (due, None);
        watched.sentence.is_some()
    }

    /// From now on the process has this task, and until `due`.
    pub(crate) fn has(&self, task: u64, due: Instant) {
        let mut watched = self.watched.lock();
        (watched.due, watched.task) = (Some(due), Some(task));
    }

    /// Kills the process here, if it has this task.
    pub(crate) fn cancel(&self, task: u64) {
        let mut watched = self.watched.lock();
        if watched.task == Some(task) {
            watched.kill(Sentence::Cancelled);
        }
    }

    /// Kills the process here, if one is overdue or takes too much memory. If nobody wants it any longer, it is asked to end
    /// first.
    fn watch(&self, unwanted: bool, now: Instant) {
        let watched = &mut *self.watched.lock();
        let Some(child) = &watched.child else { return };
        let greedy = || self.memory_bytes.filter(|most| usage::rss_bytes(child.id()) > *most);
        if watched.due.is_some_and(|due| due <= now) {
            watched.kill(Sentence::Late);
        } else if watched.sentence.is_none()
            && let Some(most) = greedy()
        {
            watched.kill(Sentence::Greedy(most));
        } else if watched.asked.is_some_and(|asked| now - asked >= LAST_MOMENT) {
            signal_group(child, Signal::SIGKILL);
        } else if unwanted && watched.asked.is_none() {
            signal_group(child, Signal::SIGTERM);
            watched.asked = Some(now);
        }
    }
}

impl Watched {
    fn kill(&mut self, sentence: Sentence) {
        if let Some(child) = &self.child {
            signal_group(child, Signal::SIGKILL);
            self.sentence.get_or_insert(sentence);
            self.due = None;
        }
    }
}

/// Looks at every place until `done` is closed: kills what is overdue, and everything once a stop is asked for.
pub(crate) fn watchdog(places: &[Arc<Place>], stop: &Stop, done: &Receiver<()>) {
    while done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        let (unwanted, now) = (stop.asked(), Instant::now());
        for place in places {
            place.watch(unwanted, now);
        }
    }
}

/// A started process and the parent's ends of its pipes. Dropping it kills and reaps the process.
pub(crate) struct Running {
    place: Arc<Place>,
    pid: u32,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<ChildStdout>,
    words: Words,
    parent_rss_bytes: u64,
}

/// What a process says on standard error, heard by a thread of ours.
struct Words {
    kept: Arc<Mutex<VecDeque<String>>>,
    /// Closed when the process has closed its standard error.
    end: Receiver<()>,
}

impl Running {
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
        let (child, sentence) = {
            let mut watched = self.place.watched.lock();
            (watched.due, watched.task) = (None, None);
            (watched.child.take(), watched.sentence)
        };
        let Some(child) = child else { return Err(io::Error::other("the process was already reaped")) };
        // The group first: a process that ended by itself may have left children that still hold its pipes.
        signal_group(&child, Signal::SIGKILL);
        let used = child.wait4()?;
        // A grandchild that left the group may hold the pipe for ever, and with it the thread that reads: nobody waits for
        // those.
        let _ = self.words.end.recv_timeout(EARSHOT);
        let last_words = self.words.kept.lock().iter().map(String::as_str).collect();
        // The kernel counts the moment between fork and exec, when a child still has its parent's memory.
        let peak = used.rusage.maxrss;
        let peak_rss_bytes = if peak > self.parent_rss_bytes { peak } else { 0 };
        Ok(Reaped { status: used.status, sentence, peak_rss_bytes, last_words })
    }

    /// Whether it has ended, and not well. It is not reaped.
    pub(crate) fn has_failed(&self) -> bool {
        let Ok(number) = i32::try_from(self.pid) else { return false };
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        match waitid(Id::Pid(Pid::from_raw(number)), flags) {
            Ok(WaitStatus::Exited(_, code)) => code != 0,
            Ok(WaitStatus::Signaled(..)) => true,
            _ => false,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    /// The process's peak resident memory so far, in bytes.
    pub(crate) fn peak_rss_bytes(&self) -> u64 {
        usage::peak_rss_bytes(self.pid)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// A process that is gone.
pub struct Reaped {
    status: ExitStatus,
    sentence: Option<Sentence>,
    peak_rss_bytes: u64,
    last_words: String,
}

impl Reaped {
    /// Whether it ended by itself and was content.
    pub fn is_success(&self) -> bool {
        self.status.success()
    }

    /// Whether nobody killed it.
    pub fn ended_by_itself(&self) -> bool {
        self.status.signal().is_none() && self.sentence.is_none()
    }

    /// Whether something else ended it, and not our watchdog.
    pub fn was_killed(&self) -> bool {
        self.status.signal().is_some() && self.sentence.is_none()
    }

    /// Whether it was killed because its task was taken back.
    pub(crate) fn was_cancelled(&self) -> bool {
        self.sentence == Some(Sentence::Cancelled)
    }

    /// The end of a process that still had something to do; `deadline` is the one that it had.
    pub fn death(self, deadline: Duration) -> Death {
        let how = match (self.sentence, self.status.signal()) {
            (Some(Sentence::Late), _) => format!("killed because it missed the deadline of {deadline:?}"),
            (Some(Sentence::Greedy(most)), _) => {
                format!("killed because it took more memory than the limit of {}", bytesize::ByteSize(most))
            }
            (Some(Sentence::Cancelled), _) => "killed because its task was taken back".into(),
            (None, Some(number)) => {
                let name =
                    Signal::try_from(number).map_or_else(|_| number.to_string(), |signal| signal.to_string());
                format!("ended by signal {name}")
            }
            (None, None) => format!("ended with exit code {}", self.status.code().unwrap_or_default()),
        };
        Death { how, peak_rss_bytes: self.peak_rss_bytes, last_words: self.last_words }
    }
}

fn signal_group(child: &Child, signal: Signal) {
    if let Ok(number) = i32::try_from(child.id()) {
        // The only error is that nobody is left in the group, which is what we want.
        let _ = killpg(Pid::from_raw(number), signal);
    }
}

/// Reads standard error to its end, so that the process never blocks on it, and keeps the last lines.
fn listen(stderr: ChildStderr, kept: &Mutex<VecDeque<String>>, label: Option<&str>) {
    let mut from = BufReader::new(stderr);
    let mut bytes = 0;
    let mut line = Vec::new();
    // A line that never ends must not fill our memory, so it counts as several.
    while matches!(from.by_ref().take(LAST_WORDS as u64).read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line).into_owned();
        if let Some(label) = label {
            anstream::eprintln!("{label}: {}", text.trim_end());
        } else {
            tracing::debug!(target: "worker", "{}", text.trim_end());
        }
        bytes += text.len();
        let mut kept = kept.lock();
        kept.push_back(text);
        while bytes > LAST_WORDS && kept.len() > 1 {
            bytes -= kept.pop_front().map_or(0, |gone| gone.len());
        }
        line.clear();
    }
}
