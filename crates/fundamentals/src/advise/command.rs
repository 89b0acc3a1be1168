//! The user's own command as work.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};
use lab::{OrProblem, Problem, Stop};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::sweep::Subject;

/// What stands for the number of workers, and for the model.
const WORKERS: &str = "{workers}";
const MODEL: &str = "{model}";

/// The models without a name of the user's: the command is told how many workers, or there are so many copies of it.
pub(super) const OWN_WORKERS: &str = "own workers";
pub(super) const COPIES: &str = "processes";

/// How often somebody looks whether the user wants it to end.
const LOOK: Duration = Duration::from_millis(20);

/// How long it then has to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// A command that is told how many workers to use, or that is started several times at once.
struct Told {
    model: String,
    command: Vec<OsString>,
    copies: bool,
}

/// The command under each model that applies: as it is told, or as copies of itself.
pub(super) fn subjects<'a>(command: &[OsString], models: &[String]) -> Vec<Box<dyn Subject + 'a>> {
    let names = |what: &str| command.iter().any(|word| word.to_string_lossy().contains(what));
    let copies = !names(WORKERS);
    let own = if copies { COPIES } else { OWN_WORKERS };
    let models: Vec<String> =
        if models.is_empty() || !names(MODEL) { vec![own.into()] } else { models.to_vec() };
    let told =
        |model: String| Box::new(Told { model, command: command.to_vec(), copies }) as Box<dyn Subject>;
    models.into_iter().map(told).collect()
}

impl Subject for Told {
    fn model(&self) -> &str {
        &self.model
    }

    /// Runs of the command in a second: one that is told its workers does one run, copies do one each.
    fn throughput(&self, workers: u32, stop: &Stop) -> Result<f64, Problem> {
        let copies = if self.copies { workers } else { 1 };
        let started = Instant::now();
        let children = (0..copies).map(|_| self.start(workers)).collect::<Result<Vec<_>, _>>()?;
        let took = thread::scope(|scope| {
            let (over, ended) = bounded::<()>(0);
            let groups: Vec<Pid> = children.iter().map(Group::number).collect();
            let watched = groups.clone();
            let watching = scope.spawn(move || {
                let mut asked: Option<Instant> = None;
                while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    if stop.asked() {
                        let since = asked.get_or_insert_with(Instant::now).elapsed();
                        let signal = if since < PATIENCE { Signal::SIGTERM } else { Signal::SIGKILL };
                        for group in &watched {
                            // The only error is that nobody is left in the group, which is what was wanted.
                            let _ = killpg(*group, signal);
                        }
                    }
                }
            });
            // Waiting without reaping keeps the numbers taken, so that the signals cannot meet a stranger.
            for group in groups {
                while waitid(Id::Pid(group), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR)
                {
                }
            }
            let took = started.elapsed();
            drop(over);
            let _ = watching.join();
            took
        });
        children.into_iter().try_for_each(|child| child.wait(stop))?;
        Ok(f64::from(copies) / took.as_secs_f64())
    }
}

impl Told {
    fn start(&self, workers: u32) -> Result<Group, Problem> {
        let fill = |word: &OsString| match word.to_str() {
            Some(word) => word.replace(WORKERS, &workers.to_string()).replace(MODEL, &self.model).into(),
            None => word.clone(),
        };
        let words: Vec<OsString> = self.command.iter().map(fill).collect();
        let Some((program, arguments)) = words.split_first() else {
            return Err(Problem::new("there is no command"));
        };
        let name = program.to_string_lossy().into_owned();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        // A group of its own, so that its end takes its children along.
        let child = command.process_group(0).spawn().or_problem(|| format!("cannot start {name}"))?;
        Ok(Group { child, name })
    }
}

/// A running command and all that it starts. Dropping it ends them.
struct Group {
    child: Child,
    name: String,
}

impl Group {
    fn number(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }

    fn wait(mut self, stop: &Stop) -> Result<(), Problem> {
        let ended = self.child.wait().or_problem(|| format!("cannot wait for {}", self.name))?;
        stop.check()?;
        if ended.success() {
            return Ok(());
        }
        Err(Problem::new(format!("{} failed: {ended}", self.name))
            .expected("a command that succeeds with any number of workers")
            .hint("run it by itself first; what it says stands above"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = killpg(self.number(), Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}
