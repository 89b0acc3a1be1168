//! The program `mock-api`: parses, calls, maps the exit code.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use mock_api::cli;

fn main() -> ExitCode {
    if let Some(end) = papers::asked(cli::Args::command) {
        return end;
    }
    let Err(error) = cli::main(&cli::Args::parse()) else { return ExitCode::SUCCESS };
    serving::program::failed(&error, error.hint())
}
