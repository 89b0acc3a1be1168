//! Exercises 06 to 10 as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cli::main("cpu-parallel", "Work that computes: exercises 06 to 10", cpu_parallel::EXERCISES)
}
