//! Helpers of tests: real processes with their children, their ends and what they leave behind; a Python with packages.
//!
//! Only tests depend on it. It waits for things with a deadline and never sleeps for luck. Linux only, as it reads `/proc`.

pub mod logs;
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use python::python;

/// How long anything may take that a test waits for. Generous, because it is only used up when the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two looks: short beside everything that is waited for.
const PAUSE: Duration = Duration::from_millis(1);

/// A program that has ended, in words.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// A command without input whose output is kept. Its data and logs are under `home`.
pub fn program(path: impl AsRef<Path>, home: &Path) -> Command {
    let mut command = Command::new(path.as_ref());
    command.env("PARALELO_HOME", home).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
///
/// # Panics
/// When the command cannot be started.
pub fn run(command: &mut Command) -> Ended {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")).into()
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// When there was nothing for half a minute.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, what, look)
}

/// The same for what takes longer.
///
/// # Panics
/// When there was nothing for so long.
pub fn wait_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        // A pause between two looks, so that looking does not take the processor from what is being waited for.
        std::thread::sleep(PAUSE);
    }
}

/// Waits until a program has at least `count` children, and returns their numbers.
///
/// # Panics
/// When the program ends before.
pub fn children(parent: &Child, count: usize) -> Vec<i32> {
    wait_for("the program's children", || {
        assert!(alive(number(parent)), "the program ended before it had {count} children");
        let threads = fs::read_dir(format!("/proc/{}/task", parent.id())).ok()?.flatten();
        let lists =
            threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
        let all = lists.fold(String::new(), |all, list| all + " " + &list);
        let mut numbers: Vec<i32> = all.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        (numbers.len() >= count).then_some(numbers)
    })
}

/// Whether a process is there and not a zombie, whose number answers until its parent has reaped it.
pub fn alive(number: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// The number of a started program.
///
/// # Panics
/// Never on a system whose process numbers have 31 bits.
pub fn number(child: &Child) -> i32 {
    child.id().try_into().expect("a process number fits 31 bits")
}

/// Sends a signal to a process that this test started, or that its program did.
///
/// # Panics
/// When there is no such process.
pub fn signal(number: i32, signal: Signal) {
    kill(Pid::from_raw(number), signal).unwrap_or_else(|error| panic!("process {number}: {error}"));
}

/// Sends `with` to a program, waits for it and for `workers`, and returns its end and how long all of that took.
///
/// # Panics
/// When one of them is still there after half a minute.
pub fn end(program: Child, workers: &[i32], with: Signal) -> (Ended, Duration) {
    let asked = Instant::now();
    signal(number(&program), with);
    let ended = program.wait_with_output().expect("the program can be waited for").into();
    wait_for("the workers' end", || (!workers.iter().any(|worker| alive(*worker))).then_some(()));
    (ended, asked.elapsed())
}

/// The names of everything in a folder, hidden things too, sorted.
///
/// # Panics
/// When there is no such folder.
pub fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// An example program of the package under test, which cargo builds beside the tests.
///
/// # Panics
/// When the running test does not lie where cargo puts tests.
pub fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").join("examples").join(name)
}
