//! The program `mock-api`: parses, calls, maps the exit code.

use std::error::Error;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use mock_api::cli;

fn main() -> ExitCode {
    if let Some(end) = papers::asked(cli::Args::command) {
        return end;
    }
    let Err(error) = cli::main(&cli::Args::parse()) else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}
