//! The program: see `datagen --help`.

use std::process::ExitCode;

use clap::Parser as _;
use datagen::cli::{Cli, stop_on_signals};

fn main() -> ExitCode {
    let cli = Cli::parse();
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
