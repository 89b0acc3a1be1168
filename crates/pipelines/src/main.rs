//! Exercises 11 to 15 as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cli::main("pipelines", "Work in stages: exercises 11 to 15", pipelines::EXERCISES)
}
