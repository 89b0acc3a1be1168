//! The options that every exercise has.

use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::context::{Lab, Scale};
use crate::job::Patience;

/// Options of every exercise program, before or after the exercise's name.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every exercise")]
pub struct Options {
    /// How many workers a strategy may use [default: the processors of this machine; where workers wait for servers, as many
    /// as --concurrency says, at most 64 threads or 16 processes]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,
    /// The strategy to use [default: the one that suits the exercise best]
    #[arg(long, global = true, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Measure every strategy on this input and print a table; the output is compared and not kept
    #[arg(long, global = true)]
    pub compare: bool,
    /// Timed samples of each strategy, at the most [default: 3 at tiny, else 7]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub samples: Option<u16>,
    /// How much of the lab's own data
    #[arg(long, global = true, value_enum, default_value_t)]
    pub scale: Scale,
    /// The seed of everything random
    #[arg(long, global = true, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Where the output goes: a file or a folder, as the exercise says
    #[arg(long, global = true, value_name = "PATH")]
    pub out: Option<PathBuf>,
    /// The base address of the simulated API
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PARALELO_API",
        default_value = "http://127.0.0.1:8000"
    )]
    pub api: String,
    /// Print records as JSON lines instead of text; of one run, its summary, warnings and failures
    #[arg(long, global = true)]
    pub json: bool,
    /// Record who worked and who waited, as a trace that Perfetto opens: a file, or a folder with --compare
    #[arg(long, global = true, value_name = "PATH")]
    pub timeline: Option<PathBuf>,
    /// Replace files in a folder of --out that this program did not make
    #[arg(long, global = true)]
    pub force: bool,
    /// Stop after the first item that fails
    #[arg(long, global = true)]
    pub fail_fast: bool,
    /// The longest that one task may take in a worker process, and one sample in a measurement, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub deadline: u64,
    /// The most memory that one worker process may take, such as 512MiB; one that takes more is killed, and its task tried
    /// again
    #[arg(long, global = true, value_name = "SIZE")]
    pub worker_memory: Option<bytesize::ByteSize>,
    /// Set a task aside when it has ended this many worker processes
    #[arg(long, global = true, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub worker_deaths: u16,
    /// Replace a worker process by a fresh one after this many tasks
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub worker_tasks: Option<u32>,
    /// Keep what is done in this file and, if it is there already, go on from it; it is removed when all is done
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "compare")]
    pub resume: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(long, global = true)]
    pub quiet: bool,
    /// How much to say on the console: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub log_level: LevelFilter,
}

impl Options {
    /// The run that these options describe.
    pub(super) fn lab(&self) -> Lab {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut lab = Lab::new(self.workers.map_or(cores, usize::from));
        lab.seed = self.seed;
        lab.scale = self.scale;
        self.api.trim_end_matches('/').clone_into(&mut lab.api);
        lab.fail_fast = self.fail_fast;
        lab.force = self.force;
        lab.patience = Patience {
            task_deadline: Duration::from_secs(self.deadline),
            memory_bytes: self.worker_memory.map(|size| size.as_u64()),
            deaths: usize::from(self.worker_deaths),
            tasks: self.worker_tasks,
        };
        lab.out = self.out.as_deref().map(|out| match out.to_str() {
            Some("-") => "/dev/stdout".into(),
            _ => out.into(),
        });
        lab
    }

    pub(super) fn level(&self) -> LevelFilter {
        if self.quiet { LevelFilter::ERROR } else { self.log_level }
    }

    pub(super) fn samples(&self) -> usize {
        self.samples.map_or(if self.scale == Scale::Tiny { 3 } else { 7 }, usize::from)
    }
}
