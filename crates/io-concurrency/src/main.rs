//! The program `io-concurrency`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cli::main(
        "io-concurrency",
        "Work that waits: fetching, reading and querying many things at once",
        io_concurrency::EXERCISES,
    )
}
