//! Processes that end when we do.
//!
//! Each child but one that talks with the user leads a process group of its own, so that Ctrl-C in a terminal reaches this program only, which then stops
//! its children in an order that makes sense: the clients before the server. Our own programs hold on to their standard
//! input as to a lifeline: closing it asks them to end, and it closes by itself when this process is killed. Cargo has no
//! such thing; it and the compilers that it started get SIGTERM. Whoever does not end in time is killed with its group.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::stop::Stop;

/// How long a child may take to end after Ctrl-C; together with the rest it keeps the promise of one second.
const AFTER_CTRL_C: Duration = Duration::from_millis(700);
/// How long a child may take to end by itself when nobody is in a hurry.
const AFTER_WORK: Duration = Duration::from_secs(5);
/// The longest time that the end of a child goes unnoticed. Rare enough not to disturb what is being measured.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What makes a child end before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leash {
    /// The end of its standard input; our own programs, started with `--stop-with-stdin`.
    Stdin,
    /// SIGTERM to its process group; cargo and what cargo starts.
    Signal,
    /// SIGTERM to it alone: it shares our group and our standard input, because it talks with the user, and a terminal
    /// lets nobody read who is in the background. Ctrl-C reaches it as well as us.
    Terminal,
}

/// A process that is stopped when this value goes.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    name: String,
    leash: Leash,
    stop: Stop,
}

impl Running {
    /// Starts a command, after it was echoed to standard error.
    pub(crate) fn start(command: &mut Command, leash: Leash, stop: &Stop) -> Result<Self> {
        eprintln!("$ {}", line(command));
        Self::quietly(command, leash, stop)
    }

    /// Starts a command that somebody else has told of.
    pub(crate) fn quietly(command: &mut Command, leash: Leash, stop: &Stop) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        if leash != Leash::Terminal {
            command.process_group(0);
        }
        command.stdin(match leash {
            Leash::Stdin => Stdio::piped(),
            Leash::Signal => Stdio::null(),
            Leash::Terminal => Stdio::inherit(),
        });
        let name = command.get_program().display().to_string();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name, leash, stop: stop.clone() })
    }

    /// The read end of its standard output, if that was piped; once.
    pub(crate) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Its number among the processes; it is its own until its end was seen.
    pub(crate) fn number(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot wait for {}", self.name))
    }

    /// Asks it and what it started to end, as Ctrl-C in a terminal does.
    pub(crate) fn interrupt(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            // Not reaped yet, so the number is still its own.
            let group = Pid::from_raw(self.child.id().cast_signed());
            killpg(group, Signal::SIGINT).with_context(|| format!("cannot interrupt {}", self.name))?;
        }
        Ok(())
    }

    /// Kills it and what it started, as a machine that fails would, and waits until it is gone.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if self.ended()?.is_none() {
            // Not reaped yet, so the number is still its own.
            let group = Pid::from_raw(self.child.id().cast_signed());
            killpg(group, Signal::SIGKILL).with_context(|| format!("cannot kill {}", self.name))?;
            self.child.wait().with_context(|| format!("cannot wait for {}", self.name))?;
        }
        Ok(())
    }

    /// Waits until it ends by itself, or until the deadline; `None` if it has not ended by then.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> Result<Option<ExitStatus>> {
        loop {
            let ended = self.ended()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            self.stop.pause(Duration::from_millis(5))?;
        }
    }

    /// Waits until it ends by itself; an error when a stop is asked for before.
    pub(crate) fn wait(mut self) -> Result<ExitStatus> {
        // The first looks are close together, for commands that take a moment only.
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            self.stop.pause(pause)?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // Not reaped yet, so the number is still its own.
        let group = Pid::from_raw(self.child.id().cast_signed());
        match self.leash {
            Leash::Stdin => drop(self.child.stdin.take()),
            Leash::Signal => drop(killpg(group, Signal::SIGTERM)),
            Leash::Terminal => drop(kill(group, Signal::SIGTERM)),
        }
        if !self.gone_in_time() {
            eprintln!("{} does not end; it is killed", self.name);
            // What does not lead a group is killed alone: its group is ours.
            let _ = if self.leash == Leash::Terminal {
                kill(group, Signal::SIGKILL)
            } else {
                killpg(group, Signal::SIGKILL)
            };
            let _ = self.child.wait();
        }
    }

    /// Waits until the child ends or its time is over, which Ctrl-C shortens.
    fn gone_in_time(&mut self) -> bool {
        let started = Instant::now();
        loop {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            let until = self.stop.asked().map_or(started + AFTER_WORK, |asked| asked + AFTER_CTRL_C);
            // Whoever is asked last had to wait for the others, and gets a moment all the same.
            if Instant::now() >= until.max(started + LONGEST_PAUSE) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The exit code of a process; 1 for one that a signal ended, which is said.
pub(crate) fn exit_code(name: &str, status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    if let Some(signal) = status.signal() {
        eprintln!("{name} was ended by signal {signal}");
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// A command as one would type it in the project's folder.
fn line(command: &Command) -> String {
    let folder = command.get_current_dir().unwrap_or(Path::new(""));
    let program = Path::new(command.get_program());
    let program = match program.strip_prefix(folder) {
        Ok(inside) => inside.as_os_str(),
        // Cargo tells the full path of its own binary, which nobody types.
        Err(_) if program.file_stem() == Some(OsStr::new("cargo")) => OsStr::new("cargo"),
        Err(_) => program.as_os_str(),
    };
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let set = set.map(|(name, value)| format!("{}={}", name.display(), quoted(value)));
    let words = std::iter::once(program).chain(command.get_args()).map(quoted);
    set.chain(words).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command
    }

    /// Starts a script that says when it is ready, drops it, and says how long that took. The pipe closes when everyone
    /// who holds it is gone, grandchildren too.
    #[track_caller]
    fn check_gone(script: &str, leash: Leash, stop: &Stop) -> Duration {
        let mut running = Running::start(&mut shell(script), leash, stop).expect("started");
        let mut out = std::io::BufReader::new(running.stdout().expect("piped"));
        let mut ready = String::new();
        std::io::BufRead::read_line(&mut out, &mut ready).expect("read");
        assert_eq!(ready, "ready\n");
        let since = Instant::now();
        drop(running);
        std::io::copy(&mut out, &mut std::io::sink()).expect("read to the end");
        since.elapsed()
    }

    #[test]
    fn a_child_on_its_lifeline_ends_when_it_is_dropped() {
        assert!(check_gone("echo ready; cat", Leash::Stdin, &Stop::default()) < AFTER_WORK);
    }

    #[test]
    fn a_child_without_a_lifeline_is_ended_with_what_it_started() {
        assert!(check_gone("sleep 60 & echo ready; wait", Leash::Signal, &Stop::default()) < AFTER_WORK);
    }

    #[test]
    fn a_child_that_talks_with_the_user_is_ended_alone() {
        assert!(check_gone("echo ready; exec sleep 60", Leash::Terminal, &Stop::default()) < AFTER_WORK);
    }

    #[test]
    fn a_deaf_child_and_what_it_started_are_killed_within_a_second_of_ctrl_c() {
        let stop = Stop::default();
        stop.now();
        let took = check_gone("trap '' TERM; sleep 60 & echo ready; wait", Leash::Signal, &stop);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }

    #[test]
    fn waiting_ends_when_a_stop_is_asked_for() {
        let stop = Stop::default();
        let running = Running::start(&mut shell("sleep 10"), Leash::Signal, &stop).expect("started");
        stop.now();
        let error = running.wait().expect_err("interrupted");
        assert!(error.is::<crate::stop::Interrupted>(), "{error:#}");
    }

    #[test]
    fn the_exit_code_is_the_childs_and_a_signal_is_a_failure() {
        let code = |script: &str| {
            let running =
                Running::start(&mut shell(script), Leash::Signal, &Stop::default()).expect("started");
            exit_code("sh", running.wait().expect("ended"))
        };
        assert_eq!((code("exit 0"), code("exit 3"), code("kill -9 $$")), (0, 3, 1));
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/somewhere/target/debug/datagen");
        command.current_dir("/somewhere").env("RUSTDOCFLAGS", "-D warnings").env_remove("HOME");
        command.args(["all", "--out", "it's here", ""]);
        let expected = r"RUSTDOCFLAGS='-D warnings' target/debug/datagen all --out 'it'\''s here' ''";
        assert_eq!(line(&command), expected);
    }
}
