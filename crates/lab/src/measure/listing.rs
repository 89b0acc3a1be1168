//! What an exercise program says it has.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use crate::problem::{OrProblem, Problem};
use crate::procs::supervise::{Place, watchdog};
use crate::record::ExerciseRecord;
use crate::stop::Stop;

/// A list of fifteen exercises is a few kilobytes.
const LONGEST_LIST: u64 = 1 << 20;

/// Asks a program for its exercises: `list --json`, to be answered before the deadline.
///
/// # Errors
/// A program that cannot be started, ends badly, hangs, or says something that is no list.
pub fn listing(program: &Path, deadline: Duration, stop: &Stop) -> Result<Vec<ExerciseRecord>, Problem> {
    let places = [Place::default()];
    let (done, over) = bounded::<()>(0);
    let said = thread::scope(|scope| {
        scope.spawn(|| watchdog(&places, stop, &over));
        let said = ask(&places[0], program, deadline);
        drop(done);
        said
    });
    stop.check()?;
    serde_json::from_slice(&said?)
        .or_problem(|| format!("{} says something that is no list of exercises", program.display()))
}

fn ask(place: &Place, program: &Path, deadline: Duration) -> Result<Vec<u8>, Problem> {
    let mut command = Command::new(program);
    command.args(["list", "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let cannot = || format!("{} does not list its exercises", program.display());
    let mut running = place.start(command).or_problem(cannot)?;
    let due = Instant::now() + deadline;
    place.due(Some(due));
    let mut said = Vec::new();
    let read = running.stdout.take().map(|stdout| stdout.take(LONGEST_LIST).read_to_end(&mut said));
    let patience = due.saturating_duration_since(Instant::now());
    let reaped = running.leave(patience).or_problem(cannot)?;
    if !matches!(read, Some(Ok(length)) if (length as u64) < LONGEST_LIST) {
        return Err(Problem::new(format!("{} says more than a list of exercises", program.display())));
    }
    if !reaped.is_success() {
        return Err(Problem::new(format!("{}: {}", cannot(), reaped.death(deadline))));
    }
    Ok(said)
}
