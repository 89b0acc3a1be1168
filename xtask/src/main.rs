//! `cargo xtask`: starts the programs of Paralelo in order, and links none of them.
//!
//! Each external command is echoed to standard error before it runs, so that a reader can run it without this program.
//! Whatever is started is stopped again: at the end, on a failure and on Ctrl-C.

mod arguments;
mod children;
mod ci;
mod cluster;
mod coverage;
mod deny;
mod dist;
mod docs;
mod fuzz;
mod harness;
mod house;
mod memcheck;
mod run_all;
mod serve;
mod soak;
mod stop;
mod tidy;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser as _;

use crate::arguments::{Cli, Task};
use crate::house::House;
use crate::stop::{Interrupted, Stop};

/// Wrong usage that only a task can find. It becomes exit code 2.
#[derive(Debug)]
pub(crate) struct Usage {
    text: String,
    hint: String,
}

impl Usage {
    /// Wrong usage, and the right one.
    pub(crate) fn new(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { text: text.into(), hint: hint.into() }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(&self.text)
    }
}

impl std::error::Error for Usage {}

fn main() -> ExitCode {
    let cli = Cli::parse();

    ExitCode::from(match run(&cli.task) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("interrupted");
            130
        }
        Err(error) => match error.downcast_ref::<clap::Error>() {
            Some(wrong) => wrong.exit(),
            None => report(&error),
        },
    })
}

/// Prints an error and returns its exit code.
fn report(error: &anyhow::Error) -> u8 {
    eprintln!("error: {error:#}");

    match error.downcast_ref::<Usage>() {
        Some(usage) => {
            eprintln!("hint: {}", usage.hint);
            2
        }
        None => 1,
    }
}

fn run(task: &Task) -> Result<u8> {
    let house = &House::find(Stop::on_signals()?)?;

    match task {
        Task::RunAll(options) => run_all::run_all(house, options),
        Task::Data(options) => run_all::data(house, options),
        Task::Serve(words) if words.ask_for_help() => serve::help(house),
        Task::Serve(words) => serve::serve(house, words),
        Task::Report(words) => harness::read("report", house, words),
        Task::Compare(words) => harness::read("compare", house, words),
        Task::Gate(words) => harness::read("gate", house, words),
        Task::Sweep(words) => harness::sweep(house, words),
        Task::Peers(words) => harness::peers(house, words),
        Task::Overhead(words) => harness::overhead(house, words),
        Task::Live(words) => harness::live(house, words),
        Task::Learn(words) => harness::learn(house, words),
        Task::Cluster(options) => cluster::task(house, options),
        Task::Fmt => ci::fmt(house),
        Task::Test(words) => ci::test(house, words),
        Task::Docs { texts } => docs::task(house, texts),
        Task::Dist { out } => dist::dist(house, out.as_deref()),
        Task::Fuzz { target, seconds } => fuzz::fuzz(house, target.as_deref(), *seconds),
        Task::Soak { minutes, seconds } => {
            let seconds = seconds.map_or(60 * u64::from(minutes.get()), |seconds| seconds.get().into());
            soak::soak(house, Duration::from_secs(seconds))
        }
        Task::Memcheck => memcheck::memcheck(house),
        Task::Coverage => coverage::coverage(house),
        Task::Tidy => tidy::task(house),
        Task::Ci => ci::ci(house),
    }
}
