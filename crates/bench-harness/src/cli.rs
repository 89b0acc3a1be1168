//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, Subcommand};
use lab::{Home, Problem, Scale};

use crate::learn::LearnOptions;
use crate::report::Language;

/// Measures every exercise under every strategy, checks that all answers are equal, and draws the report.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  bench-harness run                        everything, on the lab's own data
  bench-harness run --only 01,convert      two exercises
  bench-harness report data/runs/latest    draw the report of a run again
  bench-harness verify data/runs/latest    exit code 1 unless every answer is right
  bench-harness sweep convert --workers 1..8      how it grows with workers, and what that is worth
  bench-harness compare data/runs/A data/runs/B   what became faster, and what slower
  bench-harness gate --baseline data/runs/A       exit code 1 if the newest run is slower than that one
  bench-harness overhead --only stages            what recording its timeline costs
  bench-harness learn --lang pt-BR                the guided path, from where you stopped"
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
    /// Draw the report of a run again, from its files, or print its figures
    Report {
        /// The run's folder [default: data/runs/latest]
        run: Option<PathBuf>,
        /// How to print the figures, instead of drawing the report
        #[command(flatten)]
        form: Form,
        /// The language that is shown first; both are in the page
        #[arg(long, value_enum, default_value_t)]
        lang: Language,
    },
    /// Check that a run is complete and that every answer in it is right
    Verify {
        /// The run's folder [default: data/runs/latest]
        run: Option<PathBuf>,
    },
    /// Measure one exercise with growing numbers of workers, fit Amdahl's law and the USL, and tell what it is worth
    Sweep(SweepOptions),
    /// Compare two runs cell by cell, and tell what became faster and what slower
    Compare {
        /// The older run's folder
        old: PathBuf,
        /// The newer run's folder
        new: PathBuf,
        /// How to judge
        #[command(flatten)]
        judge: Judge,
    },
    /// Exit with 1 if a run is slower than an older one, has another answer, or has lost a cell
    Gate {
        /// The run to compare with
        #[arg(long, value_name = "RUN")]
        baseline: PathBuf,
        /// The run to judge [default: data/runs/latest]
        run: Option<PathBuf>,
        /// How to judge
        #[command(flatten)]
        judge: Judge,
    },
    /// Compare our programs with what users would have picked instead: the plain Python of the course, and other tools
    Peers(PeersOptions),
    /// Measure what recording timelines costs, and what the clock does
    Overhead(OverheadOptions),
    /// The newest report while its run goes on, and a form to start an exercise and watch its lanes fill
    Serve(ServeOptions),
    /// Walk through lessons and exercises: a question before each run, the measured answer after it
    Learn(LearnOptions),
}

/// How figures are printed.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(multiple = false)]
pub struct Form {
    /// A line of JSON for each row
    #[arg(long)]
    pub json: bool,
    /// Comma-separated values, the first line their names
    #[arg(long)]
    pub csv: bool,
    /// A table in Markdown
    #[arg(long)]
    pub markdown: bool,
}

/// When a difference counts.
#[derive(Clone, Copy, Debug, Args)]
pub struct Judge {
    /// A cell is slower when the whole interval of the ratio lies beyond this many per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    pub tolerance: f64,
    /// How to print the figures
    #[command(flatten)]
    pub form: Form,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=1000.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 1000".into()),
    }
}

/// What everything that measures is told.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// The folder of the exercise programs [default: the folder of this program]
    #[arg(long, value_name = "DIR")]
    pub programs: Option<PathBuf>,
    /// How much of the lab's own data
    #[arg(long, value_enum, default_value_t)]
    pub scale: Scale,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Timed samples of each cell, at the most [default: 3 at tiny, else 7; 4 in a run at small]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub samples: Option<usize>,
    /// The base address of the simulated API
    #[arg(long, value_name = "URL", env = "PARALELO_API", default_value = "http://127.0.0.1:8000")]
    pub api: String,
    /// The longest that one sample, or a cell's preparation, may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = RangedU64ValueParser::<u64>::new().range(1..=86_400))]
    pub deadline: u64,
    /// Stop when standard input ends: whoever started this program is gone
    #[arg(long, hide = true)]
    pub stop_with_stdin: bool,
}

/// What of the exercises is measured.
#[derive(Clone, Debug, Args)]
pub struct Chosen {
    /// How many workers a strategy may use [default: the processors of this machine]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub workers: Option<usize>,
    /// Only these exercises, by number or by name
    #[arg(long, value_name = "01,08,…", value_delimiter = ',')]
    pub only: Vec<String>,
}

impl Chosen {
    /// How many workers a strategy may use.
    pub fn workers(&self) -> usize {
        self.workers.unwrap_or_else(cores)
    }
}

impl Bench {
    /// Timed samples of each cell of a run, at the most. At `small` a run is to take about a minute.
    pub fn samples(&self) -> usize {
        let fewer = (self.scale == Scale::Small).then_some(4);
        self.samples.or(fewer).unwrap_or_else(|| self.pairs())
    }

    /// The same where times are compared pair by pair: of fewer than six pairs nothing is certain.
    pub fn pairs(&self) -> usize {
        self.samples.unwrap_or(if self.scale == Scale::Tiny { 3 } else { 7 })
    }

    /// The longest that a sample may take.
    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline)
    }
}

/// Options of a run.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// How to measure.
    #[command(flatten)]
    pub bench: Bench,
    /// What is measured.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Where the folder of the run is made [default: data/runs]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How to print the figures
    #[command(flatten)]
    pub form: Form,
}

/// Options of a sweep.
#[derive(Clone, Debug, Args)]
pub struct SweepOptions {
    /// The exercise, by number or by name
    pub exercise: String,
    /// How to measure.
    #[command(flatten)]
    pub bench: Bench,
    /// The numbers of workers: a range, or single ones
    #[arg(long, value_name = "1..8|1,2,4", default_value = "1..8", value_parser = Workers::parse)]
    pub workers: Workers,
    /// Only these strategies [default: all whose number of workers can be chosen]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub strategy: Vec<String>,
    /// The run that keeps what was found, and whose report shows it [default: data/runs/latest, or a new one]
    #[arg(long, value_name = "RUN")]
    pub into: Option<PathBuf>,
    /// How to print the figures
    #[command(flatten)]
    pub form: Form,
}

/// Numbers of workers, each once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workers(pub Vec<u32>);

impl Workers {
    /// Reads `1..8` (with the 8), or `1,2,4`.
    ///
    /// # Errors
    /// Anything else, and more than 1024 workers.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "expected a range such as 1..8, or numbers such as 1,2,4, from 1 to 1024".to_owned();
        let number = |text: &str| {
            text.trim().parse::<u32>().ok().filter(|number| (1..=1024).contains(number)).ok_or_else(wrong)
        };
        let mut all: Vec<u32> = match text.split_once("..") {
            Some((from, to)) => (number(from)?..=number(to.trim_start_matches('='))?).collect(),
            None => text.split(',').map(number).collect::<Result<_, _>>()?,
        };
        all.sort_unstable();
        all.dedup();
        if all.is_empty() { Err(wrong()) } else { Ok(Self(all)) }
    }
}

/// Options of a comparison with peers.
#[derive(Clone, Debug, Args)]
pub struct PeersOptions {
    /// How to measure.
    #[command(flatten)]
    pub bench: Bench,
    /// The Python that has what the peers need
    #[arg(long, value_name = "FILE", default_value = "python3")]
    pub python: PathBuf,
    /// The folder of the peers' programs [default: crates/bench-harness/peers/course]
    #[arg(long, value_name = "DIR")]
    pub course: Option<PathBuf>,
    /// What is measured.
    #[command(flatten)]
    pub chosen: Chosen,
    /// The run that keeps what was found, and whose report shows it [default: data/runs/latest, or a new one]
    #[arg(long, value_name = "RUN")]
    pub into: Option<PathBuf>,
    /// How to print the figures
    #[command(flatten)]
    pub form: Form,
}

/// Options of the measurement of what measuring costs.
#[derive(Clone, Debug, Args)]
pub struct OverheadOptions {
    /// How to measure; --samples are pairs, 15 unless said otherwise.
    #[command(flatten)]
    pub bench: Bench,
    /// What is measured.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Only these strategies [default: the reference and the one that suits the exercise best]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub strategy: Vec<String>,
    /// How to print the figures
    #[command(flatten)]
    pub form: Form,
}

/// Options of the live page. It is for this machine alone: there is no option to listen elsewhere.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    /// How to measure.
    #[command(flatten)]
    pub bench: Bench,
    /// The port on the loopback device; 0 takes a free one and prints it
    #[arg(long, value_name = "N", default_value_t = 8002)]
    pub port: u16,
    /// The folder of the runs whose newest is shown [default: data/runs]
    #[arg(long, value_name = "DIR")]
    pub runs: Option<PathBuf>,
    /// The longest that a connection may wait for its client, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 10_000, hide = true)]
    pub client_timeout_ms: u64,
}

impl Command {
    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Report { .. } => "report",
            Self::Verify { .. } => "verify",
            Self::Sweep(_) => "sweep",
            Self::Compare { .. } => "compare",
            Self::Gate { .. } => "gate",
            Self::Peers(_) => "peers",
            Self::Overhead(_) => "overhead",
            Self::Serve(_) => "serve",
            Self::Learn(_) => "learn",
        }
    }
}

/// The processors that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The run that was named, or the newest one.
pub fn run_folder(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| Home::find().runs().join("latest"))
}

/// Wrong usage: it becomes exit code 2.
#[derive(Debug)]
pub enum Refused {
    /// The arguments ask for something that is not there.
    Usage(Problem),
    /// The user does not want it any longer.
    Interrupted,
    /// The programs are not there, or the system refuses.
    Failed(Problem),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(problem) | Self::Failed(problem) => problem.fmt(out),
            Self::Interrupted => out.write_str("interrupted"),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_workers_are_a_range_or_a_list() {
        let parsed = |text| Workers::parse(text).map(|workers| workers.0);
        assert_eq!(parsed("1..4"), Ok(vec![1, 2, 3, 4]));
        assert_eq!(parsed("1..=2"), Ok(vec![1, 2]));
        assert_eq!(parsed("8, 2,1,2"), Ok(vec![1, 2, 8]));
        for wrong in ["", "0", "4..1", "1..", "two", "1..9999"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
