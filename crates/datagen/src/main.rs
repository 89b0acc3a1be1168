//! The program: see `datagen --help`.

use std::process::ExitCode;

use clap::CommandFactory as _;
use datagen::cli::{Cli, parse, stop_on_signals};

fn main() -> ExitCode {
    if let Some(end) = papers::asked(Cli::command) {
        return end;
    }
    let cli = match parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    match stop_on_signals().and_then(|stop| cli.run(stop)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
