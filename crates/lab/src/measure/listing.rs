//! What other programs say: they are started, heard to their end, and never left behind.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::problem::{OrProblem, Problem};
use crate::procs::supervise::{Place, watchdog};
use crate::record::ExerciseRecord;
use crate::stop::Stop;

/// A list of fifteen exercises is a few kilobytes, and what a program says at its end not many more.
const LONGEST: u64 = 1 << 20;

/// Asks a program for its exercises: `list --json`, to be answered before the deadline.
///
/// # Errors
/// A program that cannot be started, ends badly, hangs, or says something that is no list.
pub fn listing(program: &Path, deadline: Duration, stop: &Stop) -> Result<Vec<ExerciseRecord>, Problem> {
    let mut command = Command::new(program);
    command.args(["list", "--json"]);
    let said = hear(command, deadline, stop)?;
    serde_json::from_slice(&said)
        .or_problem(|| format!("{} says something that is no list of exercises", program.display()))
}

/// What a program has said on its standard output, and what it has cost.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What it has said.
    pub said: Vec<u8>,
    /// Wall-clock time from its start to its end.
    pub took: Duration,
    /// Its peak resident memory in bytes, as the kernel counts it when it is reaped; 0 if that is no larger than ours.
    pub peak_rss_bytes: u64,
}

/// Starts a program, holds its standard input open, and returns what it has said on its standard output when it has ended
/// well before the deadline.
///
/// # Errors
/// A program that cannot be started, ends badly, hangs, or says more than a megabyte; an interruption.
pub fn hear(command: Command, deadline: Duration, stop: &Stop) -> Result<Vec<u8>, Problem> {
    listen_to(command, deadline, stop).map(|heard| heard.said)
}

/// The same as [`hear`], with what the program has cost.
///
/// # Errors
/// Those of [`hear`].
pub fn listen_to(command: Command, deadline: Duration, stop: &Stop) -> Result<Heard, Problem> {
    let places = [Arc::<Place>::default()];
    let (done, over) = bounded::<()>(0);
    let said = thread::scope(|scope| {
        scope.spawn(|| watchdog(&places, stop, &over));
        let said = ask(&places[0], command, deadline);
        drop(done);
        said
    });
    stop.check()?;
    said
}

fn ask(place: &Arc<Place>, mut command: Command, deadline: Duration) -> Result<Heard, Problem> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let call = words.map(std::ffi::OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let cannot = || format!("`{call}` gives no answer");
    let started = Instant::now();
    let mut running = place.start(command).or_problem(cannot)?;
    let due = started + deadline;
    place.due(Some(due));
    let mut said = Vec::new();
    let read = running.stdout.take().map(|stdout| stdout.take(LONGEST).read_to_end(&mut said));
    let patience = due.saturating_duration_since(Instant::now());
    let reaped = running.leave(patience).or_problem(cannot)?;
    let took = started.elapsed();
    if !matches!(read, Some(Ok(length)) if (length as u64) < LONGEST) {
        return Err(Problem::new(format!("`{call}` says more than anybody wants to hear")));
    }
    if !reaped.is_success() {
        return Err(Problem::new(format!("{}: {}", cannot(), reaped.death(deadline))));
    }
    Ok(Heard { said, took, peak_rss_bytes: reaped.peak_rss_bytes() })
}
