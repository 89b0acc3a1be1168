//! Measures every cell, checks the answers, draws the report.
//!
//! The harness *starts* the exercise programs and links none of them: [`discover`] asks each one what it has, `lab`'s
//! runner measures the cells, a [`folder::RunFolder`] keeps what was found as soon as it is known, and [`report`] draws it
//! from those files alone, so that a report can be drawn again at any time. [`verify`] reads the same files with a
//! suspicious eye.

mod claims;
pub mod cli;
pub mod compare;
pub mod discover;
mod export;
pub mod folder;
pub mod learn;
mod live;
mod overhead;
mod peers;
mod progress;
pub mod report;
pub mod run;
pub mod sweep;
pub mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};
use cli::{Command, Refused};
use lab::cli::{End, say};

/// The whole program: parses the arguments, does what they ask for, and returns the exit code.
pub fn main() -> ExitCode {
    if let Some(end) = papers::asked(cli::Cli::command) {
        return end;
    }
    let command = cli::Cli::parse().command;
    let home = lab::Home::find();
    let _guard = lab::logs::init("bench-harness", tracing::level_filters::LevelFilter::WARN, &home);
    let step = lab::logged::Step::begin("bench-harness", command.name());
    let outcome = match command {
        Command::Run(options) => run::run(&options),
        Command::Report { run, form, lang } => {
            report::redraw(&cli::run_folder(run), form, lang).map_err(Refused::from)
        }
        Command::Verify { run } => verify::report(&cli::run_folder(run)).map_err(Refused::from),
        Command::Sweep(options) => sweep::sweep(&options),
        Command::Compare { old, new, judge } => compare::compare(&old, &new, judge),
        Command::Gate { baseline, run, judge } => compare::gate(&baseline, &cli::run_folder(run), judge),
        Command::Peers(options) => peers::peers(&options),
        Command::Overhead(options) => overhead::overhead(&options),
        Command::Serve(options) => live::serve(&options),
        Command::Learn(options) => learn::learn(&options),
    };
    step.end(outcome.as_ref().err());
    let end = outcome.unwrap_or_else(|refused| match refused {
        Refused::Interrupted => End::Interrupted,
        Refused::Usage(problem) => {
            say(&problem);
            End::Usage
        }
        Refused::Failed(problem) => {
            say(&problem);
            End::Failed
        }
    });
    end.into()
}
