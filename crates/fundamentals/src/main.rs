//! The ideas behind the exercises, as a program.

use std::process::ExitCode;

/// Counts only in the children of the lesson on memory; everywhere else it is the system's allocator and one branch.
#[global_allocator]
static ALLOCATOR: fundamentals::memory::Counting = fundamentals::memory::Counting;

fn main() -> ExitCode {
    fundamentals::cli::main()
}
