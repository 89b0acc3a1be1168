//! Measures every cell, checks the answers, draws the report.
//!
//! The harness *starts* the exercise programs and links none of them: [`discover`] asks each one what it has, `lab`'s
//! runner measures the cells, a [`folder::RunFolder`] keeps what was found as soon as it is known, and [`report`] draws it
//! from those files alone, so that a report can be drawn again at any time. [`verify`] reads the same files with a
//! suspicious eye.

mod claims;
pub mod cli;
pub mod discover;
pub mod folder;
mod progress;
pub mod report;
pub mod run;
pub mod verify;

use std::process::ExitCode;

use clap::Parser;
use lab::cli::{End, say};

/// The whole program: parses the arguments, does what they ask for, and returns the exit code.
pub fn main() -> ExitCode {
    let outcome = match cli::Cli::parse().command {
        cli::Command::Run(options) => match run::plan(&options) {
            Ok(plan) => run::run(&plan),
            Err(run::Refused::Usage(problem)) => {
                say(&problem);
                Ok(End::Usage)
            }
            Err(run::Refused::Interrupted) => Ok(End::Interrupted),
            Err(run::Refused::Failed(problem)) => Err(problem),
        },
        cli::Command::Report { run } => report::redraw(&cli::run_folder(run)),
        cli::Command::Verify { run } => verify::report(&cli::run_folder(run)),
    };
    outcome
        .unwrap_or_else(|problem| {
            say(&problem);
            End::Failed
        })
        .into()
}
