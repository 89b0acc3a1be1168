//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use lab::{Home, Scale};

/// Measures every exercise under every strategy, checks that all answers are equal, and draws the report.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  bench-harness run                        everything, on the lab's own data
  bench-harness run --only 01,convert      two exercises
  bench-harness report data/runs/latest    draw the report of a run again
  bench-harness verify data/runs/latest    exit code 1 unless every answer is right"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the harness can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure, verify and report
    Run(RunOptions),
    /// Draw the report of a run again, from its files
    Report {
        /// The run's folder [default: data/runs/latest]
        run: Option<PathBuf>,
    },
    /// Check that a run is complete and that every answer in it is right
    Verify {
        /// The run's folder [default: data/runs/latest]
        run: Option<PathBuf>,
    },
}

/// Options of a run.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// The folder of the exercise programs [default: the folder of this program]
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// How much of the lab's own data
    #[arg(long, value_enum, default_value_t)]
    pub scale: Scale,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// How many workers a strategy may use [default: the processors of this machine]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub workers: Option<usize>,
    /// Timed samples of each cell, at the most [default: 3 at tiny, else 7]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub samples: Option<usize>,
    /// Only these exercises, by number or by name
    #[arg(long, value_name = "01,08,…", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The base address of the simulated API
    #[arg(long, value_name = "URL", env = "PARALELO_API", default_value = "http://127.0.0.1:8000")]
    pub api: String,
    /// Where the folder of the run is made [default: data/runs]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The longest that one sample, or a cell's preparation, may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = RangedU64ValueParser::<u64>::new().range(1..=86_400))]
    pub deadline: u64,
    /// Stop when standard input ends: whoever started this program is gone
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
}

impl RunOptions {
    /// How many workers a strategy may use.
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Timed samples of each cell, at the most.
    pub fn samples(&self) -> usize {
        self.samples.unwrap_or(if self.scale == Scale::Tiny { 3 } else { 7 })
    }

    /// The longest that a sample may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }
}

/// The run that was named, or the newest one.
pub fn run_folder(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| Home::find().runs().join("latest"))
}
