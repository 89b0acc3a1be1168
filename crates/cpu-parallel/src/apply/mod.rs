//! Exercise 07: a function that computes, applied to every row of a table, chunk by chunk.
//!
//! How large a chunk is, nobody says: it is found while the work goes on ([`pace`]), and a small table is done before
//! anybody else is started. What a row becomes depends on the row alone, also where random numbers are drawn, so the answer
//! does not depend on the chunks, and they are put together in their order.
//!
//! The function is built in ([`function`], [`kernels`]) or the user's own program (`--exec`):
#![doc = include_str!("README.md")]

mod capitals;
pub mod exec;
pub mod function;
pub mod kernels;
pub mod pace;
mod strategies;
mod table;
mod trouble;

use std::path::PathBuf;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use lab::exercise::Kind;
use lab::formats::{Format as FileFormat, Out};
use lab::out::Files;
use lab::{Answer, Cause, Digest, Exercise, Failure, Lab, OrProblem, Problem, Role, Strategy, Work};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use serde::{Deserialize, Serialize};

use crate::table_file::{Form, TABLES};
use exec::{Exec, Format, OnDeath};
use function::{Function, Name};
use kernels::Simulation;
pub use strategies::{Applied, Chunk, Step};

/// How many rejected rows are shown at the end; the others are counted, and all are in `--rejects`.
const SHOWN: usize = 20;

/// The exercise.
pub struct Apply;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cpu-parallel apply people.csv --function jaro-winkler --param text=city --list cities.txt --out matched.csv\n  cpu-parallel apply trips/ --function nearest --param latitude=lat --param longitude=lon --list stations.csv --out near.parquet\n  cpu-parallel apply in.csv --exec 'python3 crates/cpu-parallel/examples/apply_user.py' --out out.csv --rejects rejects.csv\nHow a program of your own is spoken to: crates/cpu-parallel/src/apply/README.md"
)]
pub struct Args {
    /// Parquet or CSV files (the delimiter is found), folders of Parquet files, or quoted patterns [default: the first file of the lab's orders]
    pub inputs: Vec<String>,
    /// The built-in function
    #[arg(long, value_enum, default_value = "monte-carlo", conflicts_with = "exec")]
    pub function: Name,
    /// A parameter of the function as NAME=COLUMN or NAME=NUMBER [default: the column of its name]
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// What to look for: a file with a place or a text on each line
    #[arg(long, value_name = "FILE")]
    pub list: Option<String>,
    /// Paths of each row of monte-carlo
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    pub paths: u32,
    /// Steps of each path of monte-carlo
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: u32,
    /// A program of your own, started for each worker and spoken to over its standard input and output
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// How rows are written for the program
    #[arg(long, value_enum, default_value = "csv")]
    pub format: Format,
    /// What to do with a chunk that the program dies of
    #[arg(long, value_enum, default_value = "bisect")]
    pub on_death: OnDeath,
    /// Write the rows that could not be done to this CSV file: file, row, reason
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Say what a row takes and how large the chunks were
    #[arg(long)]
    pub explain: bool,
}

/// The files, and what is applied to them.
#[derive(Debug)]
pub struct Input {
    files: Vec<PathBuf>,
    columns: SchemaRef,
    /// Rows of all files, where no file must be read for it.
    rows: Option<u64>,
    work: Applied,
    out: PathBuf,
    explain: bool,
    /// Inputs that are missing, cannot be read, or have other columns.
    failures: Vec<Failure>,
}

/// What the function made of some rows.
#[derive(Debug)]
pub struct Made {
    /// The rows that were done, if any.
    pub rows: Option<RecordBatch>,
    /// Those that were not, in their order.
    pub rejected: Vec<Rejected>,
}

/// A row of a chunk that could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Its place in the chunk, from 0.
    pub row: u64,
    /// Why.
    pub reason: String,
}

/// A row of a file that could not be done.
#[derive(Debug)]
pub(crate) struct RejectedRow {
    file: usize,
    /// Its number in the file, from 1, without the header.
    row: u64,
    reason: String,
}

/// The file that was made.
#[derive(Debug)]
pub struct Output {
    file: PathBuf,
    files: Vec<PathBuf>,
    rejected: Vec<RejectedRow>,
    failures: Vec<Failure>,
    work: Work,
}

impl Exercise for Apply {
    const ID: u8 = 7;
    const NAME: &'static str = "apply";
    const ABOUT: &'static str =
        "Applies a function, or a program of your own, to every row of a table, chunk by chunk.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[Role::worker::<Step>()];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn files(args: &Args, lab: &Lab) -> Files {
        Files::new(Out::File(TABLES))
            .default_out("apply.parquet")
            .inputs(lab, &args.inputs, "orders-parquet", "parquet")
            .reads(args.list.as_ref())
            .writes("--rejects", args.rejects.as_ref(), &[FileFormat::Csv])
    }

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let mut files = lab.inputs(&args.inputs, "orders-parquet", "parquet")?;
        let mut failures = Vec::new();
        let own = args.inputs.is_empty();
        if own {
            files.truncate(1);
        }
        let (files, columns) = of_one_kind(files, &mut failures)?;
        let work = if let Some(command) = &args.exec {
            Applied::Exec(Exec {
                command: command.clone(),
                format: args.format,
                on_death: args.on_death,
                deadline: lab.patience.task_deadline,
                memory_bytes: lab.patience.memory_bytes,
            })
        } else {
            let mut params = args.params.clone();
            // The lab's orders: what the right is worth to buy the piece at its price of today, on the mean of a year.
            let of_orders =
                ["spot=unit_price_cents", "strike=unit_price_cents", "rate=0.1", "volatility=0.3", "years=1"];
            if own && params.is_empty() && matches!(args.function, Name::MonteCarlo | Name::BlackScholes) {
                params.extend(of_orders.map(str::to_owned));
            }
            let simulation = Simulation { seed: lab.seed, paths: args.paths, steps: args.steps };
            Applied::Function(
                Function::new(args.function, &params, args.list.as_deref(), simulation, &columns)?
                    .with_decimal_commas(files.iter().all(|file| table::has_decimal_commas(file))),
            )
        };
        let rows = files.iter().map(rows_of).sum::<Option<u64>>();
        Ok(Input {
            rows,
            files,
            columns,
            work,
            out: lab.out_or("apply.parquet"),
            explain: args.explain,
            failures,
        })
    }

    fn deliver(output: &Output, args: &Args, _: &Lab) -> Result<(), Problem> {
        let Some(path) = &args.rejects else { return Ok(()) };
        let columns = [
            (
                "file",
                output
                    .rejected
                    .iter()
                    .map(|one| Some(output.files[one.file].display().to_string()))
                    .collect::<Vec<_>>(),
            ),
            ("row", output.rejected.iter().map(|one| Some(one.row.to_string())).collect()),
            ("reason", output.rejected.iter().map(|one| Some(one.reason.clone())).collect()),
        ];
        let columns = columns.map(|(name, values)| -> (&str, arrow_array::ArrayRef) {
            (name, std::sync::Arc::new(arrow_array::StringArray::from(values)))
        });
        let cannot = || format!("cannot write {}", path.display());
        let batch = RecordBatch::try_from_iter(columns).or_problem(cannot)?;
        let mut text = Vec::new();
        tabular::csv_text::write_header(batch.schema_ref(), tabular::csv_text::Dialect::default(), &mut text);
        tabular::csv_text::write_batch(&batch, tabular::csv_text::Dialect::default(), &mut text)
            .or_problem(cannot)?;
        std::fs::write(path, text).or_problem(cannot)
    }
}

/// The files that have the columns of the first one that can be read, and these columns. Each other file is a failure.
fn of_one_kind(
    files: Vec<PathBuf>,
    failures: &mut Vec<Failure>,
) -> Result<(Vec<PathBuf>, SchemaRef), Problem> {
    let mut kept: Vec<PathBuf> = Vec::new();
    let mut columns: Option<SchemaRef> = None;
    let mut first = None;
    for file in files {
        let problem = match (table::columns(&file), &columns) {
            (Err(problem), _) => problem,
            (Ok(found), Some(columns)) if found.fields() != columns.fields() => {
                Problem::new(format!("it has other columns than {}", kept[0].display()))
                    .hint("apply to tables of one kind at a time")
            }
            (Ok(found), _) => {
                columns.get_or_insert(found);
                kept.push(file);
                continue;
            }
        };
        first.get_or_insert_with(|| problem.clone());
        failures.push(Failure { task: file.display().to_string(), cause: Cause::Problem(problem) });
    }
    let none = || first.unwrap_or_else(|| Problem::new("there is no file to apply to"));
    columns.map(|columns| (kept, columns)).ok_or_else(none)
}

/// Rows of a Parquet file, as it says itself.
fn rows_of(path: &PathBuf) -> Option<u64> {
    let file = std::fs::File::open(path).ok().filter(|_| Form::of(path) == Form::Parquet)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).ok()?;
    u64::try_from(metadata.metadata().file_metadata().num_rows()).ok()
}

impl Output {
    fn new(input: &Input, rejected: Vec<RejectedRow>, mut failures: Vec<Failure>, work: Work) -> Self {
        let of_row = |one: &RejectedRow| Failure {
            task: format!("{}: row {}", input.files[one.file].display(), one.row),
            cause: Cause::Problem(Problem::new(one.reason.clone())),
        };
        failures.extend(rejected.iter().take(SHOWN).map(of_row));
        if rejected.len() > SHOWN {
            let cause = Cause::Problem(
                Problem::new("could not be done either")
                    .hint("--rejects FILE lists every row with its reason"),
            );
            failures.push(Failure { task: format!("{} more rows", rejected.len() - SHOWN), cause });
        }
        Self { file: input.out.clone(), files: input.files.clone(), rejected, failures, work }
    }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        for one in &self.rejected {
            digest.add(format!("{} {} {}", one.file, one.row, one.reason).as_bytes());
        }
        digest.add_file(&self.file)
    }

    fn work(&self) -> Work {
        self.work
    }

    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}
