//! Exercise 15: alerts from the lines of many log files.
//!
//! Rules look for events (one line, or several as an error with its stack trace), count them in windows of time, or miss
//! them. Searching is work for the processor and is spread over pieces of the files; counting needs the events in the order
//! of time, over all files, and is done by one thread that gets only the events that fit a rule. So every strategy tells the
//! same alerts in the same order.
//!
//! The pieces are fixed by the files alone (`plan`), and sorted by the time of their first events: a piece that is done lets
//! everything go to the rules that is earlier than the next one (`round`). Memory does not grow with the files.
//!
//! The same rounds follow files that grow (`--follow`): what is new is the next round. Where a run is after each of them is
//! a checkpoint (`state`).

mod args;
mod deliver;
mod engine;
mod events;
mod files;
mod follow;
mod literals;
mod matcher;
mod notify;
mod plan;
#[cfg(any(test, fuzzing))]
pub mod promises;
mod round;
mod rules;
mod scan;
mod stamp;
mod state;
mod stretch;

use std::path::PathBuf;

use lab::exercise::Kind;
use lab::out::Files;
use lab::ways::{self, Way};
use lab::{Answer, Digest, Exercise, Failure, Lab, OrProblem, Problem, Role, Strategy, Work};

pub use args::AlertsArgs;
pub use engine::{Alert, Line};
pub use rules::Rules;
pub use scan::{Piece, ScanPiece, Scanned, Setup};

/// The rules that the lab uses, and that `--example` prints.
pub const EXAMPLE: &str = include_str!("example.toml");

/// The exercise.
pub struct Alerts;

/// What to read and what to look for.
#[derive(Debug)]
pub struct Input {
    /// What the user named: files, folders and patterns.
    pub(crate) places: files::Places,
    pub(crate) setup: Setup,
    pub(crate) rules: Rules,
    pub(crate) state: Option<PathBuf>,
    pub(crate) follow: Option<follow::Pace>,
    /// Nothing is read; the rules to start from are printed.
    pub(crate) example: bool,
    /// When the last event of a file counts as whole.
    pub(crate) settle: std::time::Duration,
    /// Where a run without a checkpoint gathers its alerts.
    pub(crate) gathered: PathBuf,
}

/// The alerts that were told.
#[derive(Debug, Default)]
pub struct Output {
    /// The file with the alerts; `None` where they were told as they came.
    pub(crate) file: Option<PathBuf>,
    /// What holds the file until it is printed.
    pub(crate) spool: Option<lab::out::Staging>,
    pub(crate) alerts: u64,
    pub(crate) work: Work,
    pub(crate) failures: Vec<Failure>,
}

impl Exercise for Alerts {
    const ID: u8 = 15;
    const NAME: &'static str = "alerts";
    const ABOUT: &'static str = "Looks for events in many log files and tells alerts, in the order of time.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, |input, lab| run(input, lab, ways::sequential::<ScanPiece>)),
        Strategy::new(Kind::Threads, |input, lab| run(input, lab, ways::threads::<ScanPiece>)),
        Strategy::new(Kind::Pool, |input, lab| run(input, lab, ways::pool::<ScanPiece>)),
        Strategy::new(Kind::Rayon, |input, lab| run(input, lab, ways::rayon::<ScanPiece>)),
        Strategy::new(Kind::Async, |input, lab| run(input, lab, ways::event_loop::<ScanPiece>)),
        Strategy::new(Kind::Processes, |input, lab| run(input, lab, ways::processes::<ScanPiece>)),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[Role::worker::<ScanPiece>()];
    type Args = AlertsArgs;
    type Input = Input;
    type Output = Output;

    fn files(args: &AlertsArgs, lab: &Lab) -> Files {
        args.files(lab)
    }

    fn prepare(args: &AlertsArgs, lab: &Lab) -> Result<Input, Problem> {
        args.prepare(lab)
    }

    fn deliver(output: &Output, args: &AlertsArgs, lab: &Lab) -> Result<(), Problem> {
        if args.example {
            return deliver::print_example();
        }
        deliver::deliver(output, args, lab)
    }
}

fn run(input: &Input, lab: &Lab, way: Way<ScanPiece>) -> Result<Output, Problem> {
    if input.example {
        return Ok(Output::default());
    }
    match (&input.follow, &input.state) {
        (Some(pace), _) => follow::follow(input, lab, way, *pace),
        (None, Some(_)) => follow::once_more(input, lab, way),
        (None, None) => deliver::gather(input, lab, way),
    }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = std::fs::read(file).or_problem(|| format!("cannot read {} back", file.display()))?;
        digest.add(&text);
        Ok(())
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
