//! The program `states-api`: a service, and an exercise program where its first argument says so.

use std::process::ExitCode;

use clap::{Command, CommandFactory as _, Parser as _};
use states_api::cli;

/// A fan-out allocates some dozen things for each of thousands of requests and frees them on another thread: the system's
/// allocator took a quarter of the processor time of a cold aggregate.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The first arguments that make it one: what `lab` knows, and the exercise's name.
const EXERCISE: [&str; 4] = ["list", "cell", "worker", "states"];

fn main() -> ExitCode {
    if let Some(end) = papers::asked(both) {
        return end;
    }
    if std::env::args().nth(1).is_some_and(|first| EXERCISE.contains(&first.as_str())) {
        let about = "Brazil's states with their cities and districts: the aggregation, measured";
        return lab::cli::main("states-api", about, states_api::exercise::EXERCISES);
    }
    take_room();
    let Err(error) = cli::main(&cli::Args::parse()) else { return ExitCode::SUCCESS };
    serving::program::failed(&error, error.hint().as_deref())
}

/// Takes the memory of a cold aggregate from the system, and gives it to the allocator.
///
/// The system clears each page that a process has never had, and on a virtual machine the host may have to find it first: that
/// was 40 % of the time of the first answer. So it is done before anybody waits for one.
fn take_room() {
    const BLOCK: usize = 1 << 20;
    const BLOCKS: usize = 48;
    let room: Vec<Vec<u8>> = (0..BLOCKS).map(|_| vec![1; BLOCK]).collect();
    // What nobody reads need not be written.
    std::hint::black_box(&room);
}

/// The command line of the service, with the exercise as a command of it.
fn both() -> Command {
    cli::Args::command().subcommands(states_api::exercise::EXERCISES.iter().map(lab::cli::Entry::command))
}
