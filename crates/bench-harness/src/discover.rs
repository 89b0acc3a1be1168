//! Which exercises there are: every exercise program is asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::record::ExerciseRecord;
use lab::{Problem, Stop, measure};

/// The exercise programs that a run looks for beside itself.
pub const PROGRAMS: &[&str] = &["io-concurrency", "cpu-parallel", "pipelines", "states-api"];

/// A program lists its exercises from a static table; one that needs longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(10);

/// An exercise and the program that holds it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The program's file.
    pub program: PathBuf,
    /// The exercise, as the program lists it.
    pub exercise: ExerciseRecord,
}

/// What a folder of programs holds.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// The exercises, in the order of their numbers.
    pub exercises: Vec<Found>,
    /// The programs that are not there.
    pub absent: Vec<String>,
    /// The programs that cannot tell what they have, and why.
    pub problems: Vec<Problem>,
}

/// Asks every program of `folder` for its exercises. One that fails does not keep the others from being asked.
pub fn discover(folder: &Path, stop: &Stop) -> Discovery {
    let mut discovery = Discovery::default();
    for name in PROGRAMS {
        let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if !program.is_file() {
            discovery.absent.push((*name).to_owned());
            continue;
        }
        match measure::listing(&program, DEADLINE, stop) {
            Ok(listed) => {
                let found = |exercise| Found { program: program.clone(), exercise };
                discovery.exercises.extend(listed.into_iter().map(found));
            }
            Err(problem) => discovery.problems.push(problem),
        }
    }
    discovery.exercises.sort_by_key(|found| found.exercise.id);
    discovery
}

/// Keeps the exercises that `only` names, by number (`8`, `08`) or by name; an empty list keeps all.
///
/// # Errors
/// A name that no exercise has.
pub fn choose(found: Vec<Found>, only: &[String]) -> Result<Vec<Found>, Problem> {
    let means = |wanted: &str, exercise: &ExerciseRecord| {
        wanted == exercise.name || wanted.parse() == Ok(exercise.id)
    };
    if let Some(unknown) = only.iter().find(|only| !found.iter().any(|found| means(only, &found.exercise))) {
        let known: Vec<_> =
            found.iter().map(|found| format!("{:02} {}", found.exercise.id, found.exercise.name)).collect();
        return Err(Problem::new(format!("there is no exercise `{unknown}`"))
            .expected(format!("one of {}", known.join(", "))));
    }
    let wanted = |found: &Found| only.is_empty() || only.iter().any(|only| means(only, &found.exercise));
    Ok(found.into_iter().filter(wanted).collect())
}
