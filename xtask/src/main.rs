//! `cargo xtask`: starts the programs of Paralelo in order, and links none of them.
//!
//! Each external command is echoed to standard error before it runs, so that a reader can run it without this program.
//! Whatever is started is stopped again: at the end, on a failure and on Ctrl-C.

mod children;
mod ci;
mod cluster;
mod coverage;
mod dist;
mod docs;
mod flags;
mod fuzz;
mod harness;
mod house;
mod memcheck;
mod run_all;
mod serve;
mod soak;
mod stop;
mod tidy;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::flags::Usage;
use crate::house::House;
use crate::stop::{Interrupted, Stop};

/// A name, what it does, and the function that does it with the arguments after the name.
type Task = (&'static str, fn(&House, &[OsString]) -> Result<u8>);

/// Everything that `cargo xtask` can be asked for.
const TASKS: &[Task] = &[
    ("run-all", run_all::run_all),
    ("data", run_all::data),
    ("serve", serve::serve),
    ("report", harness::report),
    ("sweep", harness::sweep),
    ("compare", harness::compare),
    ("gate", harness::gate),
    ("peers", harness::peers),
    ("overhead", harness::overhead),
    ("live", harness::live),
    ("learn", harness::learn),
    ("cluster", cluster::task),
    ("fmt", ci::fmt),
    ("test", ci::test),
    ("docs", docs::task),
    ("dist", dist::dist),
    ("fuzz", fuzz::fuzz),
    ("soak", soak::soak),
    ("memcheck", memcheck::memcheck),
    ("coverage", coverage::coverage),
    ("tidy", tidy::task),
    ("ci", ci::ci),
];

const HELP: &str = "\
Starts the programs of Paralelo in order.

Usage: cargo xtask <TASK> [OPTIONS]

Tasks:
  run-all   build, make the data, serve the API, run every exercise, draw the report
              --scale tiny|small|medium|large   how much data [default: small]
              --seed N                          the seed of everything random [default: 42]
              --workers N                       workers of a strategy [default: the processors]
              --samples N                       timed samples of a cell, at the most
              --only 01,08,…                    only these exercises, by number or by name
              --out DIR                         where the folder of the run is made [default: data/runs]
  data      make the data only: --scale, --seed, --workers
  serve     the simulated API until Ctrl-C; what follows `--` goes to mock-api
  report    draw the report of the newest run again, or print its figures: --json, --csv, --markdown
  sweep     one exercise with growing numbers of workers: EXERCISE --workers 1..8 [--strategy pool,…]
  compare   two runs cell by cell: OLD NEW
  gate      exit code 1 if the newest run is slower than --baseline RUN
  peers     our programs beside plain Python, Polars, DuckDB, …: [--only 01,08] [--scale tiny]
  overhead  what recording timelines costs: [--only 14] [--strategy NAME]
  live      the newest report as it grows, and a form to start an exercise: [--port 8002] [--scale tiny]
  learn     the guided path: a question before each run, the measured answer after it
              --lang pt-BR                      in Portuguese [default: the locale's language]
              --list, --from STEP, --reset      what there is, where to begin, begin anew
              --variant SEED                    other questions and parameters; --key prints what to expect
  cluster   the lake of `etl` on a scheduler and two executors, one of which is killed half-way: [--scale tiny]
  fmt       format the code
  test      run every test; what follows goes to cargo test
  docs      run every command of the README files, on the smallest data: [TEXT …] only those with a text
  dist      release programs with completions and manual pages, packed, into data/out/dist: [--out DIR]
  fuzz      inputs that libFuzzer invents, for what reads the bytes of others: [TARGET] [--seconds 600]
  soak      everything at once under faults and kills, with an eye on answers and memory: [--minutes 30]
  memcheck  the tests of every `unsafe` block under valgrind
  coverage  which lines of the library crates their own tests reach
  tidy      check the house rules: who depends on whom, no machine paths, file sizes, …
  ci        everything that must hold before a change is taken
  help      this text

Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.

Examples:
  cargo xtask run-all                                 from nothing to the report
  cargo xtask run-all --scale tiny --only 08          one exercise, in seconds
  cargo xtask sweep convert --workers 1..4            how it grows, and what that is worth
  cargo xtask serve -- --profile flaky --access-log   an API that misbehaves
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(match run(&arguments) {
        Ok(code) => code,
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("interrupted");
            130
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            match error.downcast_ref::<Usage>() {
                Some(usage) => {
                    eprintln!("hint: {}", usage.hint);
                    2
                }
                None => 1,
            }
        }
    })
}

fn run(arguments: &[OsString]) -> Result<u8> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Usage::new("no task named", "`cargo xtask help` lists them").into());
    };
    let before_dashes = rest.iter().take_while(|argument| *argument != "--");
    let asks_for_help = |argument: &OsString| argument == "--help" || argument == "-h";
    // The harness knows its own options best.
    let has_help =
        ["report", "sweep", "compare", "gate", "peers", "overhead", "learn"].iter().any(|task| name == task);
    if has_help && before_dashes.clone().any(asks_for_help) {
        return harness::help(&House::find(Stop::on_signals()?)?, name);
    }
    if name == "help" || asks_for_help(name) || before_dashes.into_iter().any(asks_for_help) {
        print!("{HELP}");
        return Ok(0);
    }
    let Some((_, task)) = TASKS.iter().find(|(task, _)| name == task) else {
        let text = format!("there is no task `{}`", name.display());
        return Err(Usage::new(text, "`cargo xtask help` lists them").into());
    };
    task(&House::find(Stop::on_signals()?)?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_task() {
        for (name, _) in TASKS {
            assert!(HELP.contains(&format!("\n  {name:<10}")), "{name} is missing in the help");
        }
    }
}
