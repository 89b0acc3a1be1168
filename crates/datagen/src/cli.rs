//! The command line: from arguments to a [`Request`], and from an [`Outcome`] to words on stderr.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::{Error, Result};
use crate::generate::{Progress, Written};
use crate::home::home;
use crate::manifest::Arguments;
use crate::plan::{self, Format, Scale, Size, TableName};
use crate::run::{Outcome, Request, run};

const EXAMPLES: &str = "\
Examples:
  datagen all --scale small                          everything the laboratory reads, into data/raw/small
  datagen orders --rows 1000000 --format parquet     one table, into data/raw/orders-parquet
  datagen logs --files 4 --out /tmp/logs             application logs, into a folder of your own

The same arguments give the same bytes, with any number of workers. A second run writes nothing.";

/// Seeded data sets, the same bytes for any number of workers.
#[derive(Debug, Parser)]
#[command(name = "datagen", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Everything the laboratory reads: orders as CSV and as Parquet, and logs.
    All(AllArgs),
    /// A shop's orders.
    Orders(OrdersArgs),
    /// Application logs of several services.
    Logs(LogsArgs),
}

#[derive(Debug, Args)]
struct Common {
    /// How much data.
    #[arg(long, value_enum, default_value = "small")]
    scale: Scale,
    /// The seed: another seed, other data.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Threads; all cores by default. They change the time and no byte.
    #[arg(long)]
    workers: Option<NonZero<usize>>,
    /// The folder to write into.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Say nothing but errors.
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct AllArgs {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Amount {
    /// Rows in all files together, instead of the scale's.
    #[arg(long)]
    rows: Option<u64>,
    /// Files, instead of the scale's.
    #[arg(long)]
    files: Option<NonZero<u64>>,
}

#[derive(Debug, Args)]
struct OrdersArgs {
    /// How rows are written.
    #[arg(long, value_enum, default_value = "csv")]
    format: RowFormat,
    #[command(flatten)]
    amount: Amount,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct LogsArgs {
    #[command(flatten)]
    amount: Amount,
    #[command(flatten)]
    common: Common,
}

/// The formats of a table of rows.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RowFormat {
    Csv,
    Parquet,
}

impl From<RowFormat> for Format {
    fn from(format: RowFormat) -> Self {
        match format {
            RowFormat::Csv => Self::Csv,
            RowFormat::Parquet => Self::Parquet,
        }
    }
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// Whatever [`run`] meets; the caller maps it to an exit code with [`Error::exit_code`].
    pub fn run(self, stop: &AtomicBool) -> Result<()> {
        let (request, quiet) = match self.what {
            What::All(args) => (everything(&args.common), args.common.quiet),
            What::Orders(args) => {
                let format = args.format.into();
                (table(TableName::Orders, format, &args.amount, &args.common)?, args.common.quiet)
            }
            What::Logs(args) => {
                let request = table(TableName::Logs, Format::Log, &args.amount, &args.common)?;
                (request, args.common.quiet)
            }
        };
        let started = Instant::now();
        let outcome = run(&request, stop, &Silent)?;
        if !quiet {
            tell(&request, &outcome, started);
        }
        Ok(())
    }
}

fn everything(common: &Common) -> Request {
    let root = common.out.clone().unwrap_or_else(|| home().join("data/raw"));
    Request {
        arguments: Arguments { what: "all".into(), options: vec![format!("scale={}", common.scale.name())] },
        seed: common.seed,
        plan: plan::everything(common.scale),
        root: root.join(common.scale.name()),
        workers: workers(common),
    }
}

fn table(name: TableName, format: Format, amount: &Amount, common: &Common) -> Result<Request> {
    let scale = name.size(common.scale);
    let size = Size {
        files: amount.files.map_or(scale.files, NonZero::get),
        rows: amount.rows.unwrap_or(scale.rows),
    };
    if size.files > 99_999 {
        return Err(Error::Usage {
            message: format!("{} files are too many", size.files),
            hint: "--files takes at most 99999, so that names of five digits sort".into(),
        });
    }
    let default = || home().join(format!("data/raw/{}-{}", name.name(), format.extension()));
    Ok(Request {
        arguments: Arguments {
            what: name.name().into(),
            options: vec![
                format!("format={}", format.extension()),
                format!("rows={}", size.rows),
                format!("files={}", size.files),
            ],
        },
        seed: common.seed,
        plan: if name == TableName::Logs {
            plan::logs("", size)
        } else {
            plan::files("", name, format, size)
        },
        root: common.out.clone().unwrap_or_else(default),
        workers: workers(common),
    })
}

fn workers(common: &Common) -> usize {
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    common.workers.map_or_else(cores, NonZero::get)
}

/// Says on stderr what was done.
fn tell(request: &Request, outcome: &Outcome, started: Instant) {
    let root = request.root.display();
    if outcome.written == 0 {
        eprintln!("{root}: nothing to write, all {} files are there", outcome.manifest.files.len());
        return;
    }
    let bytes: u64 = outcome.manifest.files.iter().map(|file| file.bytes).sum();
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = bytes as f64 / 1e6;
    eprintln!(
        "{root}: {} of {} files written, {megabytes:.1} MB in {seconds:.2} s",
        outcome.written,
        outcome.manifest.files.len(),
    );
}

/// Nobody is told.
struct Silent;

impl Progress for Silent {
    fn rows(&self, _rows: u64) {}
    fn file(&self, _written: &Written) -> Result<()> {
        Ok(())
    }
}

/// Lets Ctrl-C and a polite kill set `stop` instead of ending the process, so that files half-written are removed.
///
/// # Errors
/// When the system refuses the handler.
pub fn stop_on_signals() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| STOP.store(true, Ordering::Release)).map_err(|error| Error::Usage {
        message: format!("cannot listen to Ctrl-C: {error}"),
        hint: "start one run in a process".into(),
    })?;
    Ok(&STOP)
}
