//! Exercise 03, monitor: the response times of many URLs at once, and which of them are up.
//!
//! A probe is one request over a connection of its own, with the time of each phase: name, connection, TLS, first byte,
//! last byte. What came is held against what was expected of its status, body and time; a target is down when so many of
//! its last probes missed that.
//!
//! One round is a list of tasks, done in any of the ways. Rounds at an interval are an **open loop**: each probe has a time
//! of its own that no answer can move, so a slow target delays nobody and hides nothing. Where a target has so many
//! answers outstanding that the next probe is left out, the percentiles are corrected for what it would have seen
//! (coordinated omission; Gil Tene, "How NOT to Measure Latency"). A probe that this program sends late or reads late is
//! this program's fault: the kernel's time of arrival counts, and what may be our own error is measured and reported.
//!
//! The answer is what was found of each target (its status, whether expectations were met, and whether it is up), and not
//! the times.

mod alarm;
mod args;
mod board;
mod expect;
mod look;
mod metrics;
mod row;
mod schedule;
mod state;
mod store;
mod strategies;
mod table;
mod targets;

pub use args::{Format, MonitorArgs};
pub use board::{Board, Standing};
pub use expect::{Expect, Verdict};
pub use look::{Setup, Sighting, Watched, Watcher, look};
pub use state::{Quorum, State};
pub use targets::Input;

use lab::formats::{Format as FileFormat, Out};
use lab::out::Files;
use lab::{Exercise, Kind, Lab, Problem, Role, Strategy};

/// The exercise.
#[derive(Debug)]
pub struct Monitor;

impl Exercise for Monitor {
    const ID: u8 = 3;
    const NAME: &'static str = "monitor";
    const ABOUT: &'static str =
        "Measures the response times of many URLs at once, once or at an interval, and tells which are up.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::tasks),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Async.name();
    const ROLES: &'static [Role] = &[Role::worker::<Watcher>()];
    type Args = MonitorArgs;
    type Input = Input;
    type Output = Board;

    fn waiting(args: &MonitorArgs) -> usize {
        args.concurrency.into()
    }

    fn files(args: &MonitorArgs, _: &Lab) -> Files {
        Files::new(Out::File(&[FileFormat::Csv, FileFormat::Parquet, FileFormat::Sqlite]))
            .reads(args.targets.as_ref())
    }

    fn prepare(args: &MonitorArgs, lab: &Lab) -> Result<Input, Problem> {
        Input::prepare(args, lab)
    }

    fn deliver(board: &Board, args: &MonitorArgs, _: &Lab) -> Result<(), Problem> {
        table::print(board, args.format)
    }
}
