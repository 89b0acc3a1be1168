//! The claims of `fundamentals`: measured once in a run, beside the exercises.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::{Problem, Scale, Stop, measure};

use crate::cli::RunOptions;
use crate::folder::RunFolder;

/// The program that measures them.
pub(crate) const PROGRAM: &str = "fundamentals";

/// All programs together are meant to end within two minutes on two cores.
const DEADLINE: Duration = Duration::from_mins(10);

/// Lets `fundamentals` measure its claims into the folder of the run; without the program there are none.
///
/// Up to the scale `small` it measures less, so that a run keeps its promise of about a minute.
///
/// # Errors
/// A program that ends badly or hangs. A claim that does not hold is no error.
pub(crate) fn measure(
    programs: &Path,
    options: &RunOptions,
    folder: &RunFolder,
    stop: &Stop,
) -> Result<(), Problem> {
    let program = programs.join(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        return Ok(());
    }
    anstream::eprintln!("the claims of `{PROGRAM}`");
    let mut command = Command::new(program);
    command.args(["run", "all", "--quiet", "--stop-with-stdin", "--seed", &options.bench.seed.to_string()]);
    command.arg("--out").arg(folder.path());
    if matches!(options.bench.scale, Scale::Tiny | Scale::Small) {
        command.arg("--brief");
    }
    measure::hear(command, DEADLINE, stop).map(drop)
}
