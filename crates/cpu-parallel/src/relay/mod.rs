//! Exercise 10: a process that transforms hands its rows to a process that stores them.
//!
//! The hand-over is by pipe, by Unix socket or by a ring in shared memory, into SQLite or into Parquet. A slow side holds up
//! the fast one, because all three are bounded. The rows and the position that they bring the output to are committed in
//! one step (`persist`), and only committed rows count: so either process, or the one that watches over both, can be killed
//! at any moment and started again, and nothing is lost and nothing comes twice.
//!
//! The same two halves also run in one process, by every strategy that the job allows, and the output is the same byte for
//! byte: a batch is a fixed piece of a row group (`plan`), and commits lie at fixed batches.

pub mod persist;
pub mod plan;
mod processes;
mod protocol;
pub mod ring;
mod rows;
mod sender;
mod storer;
mod strategies;
mod transform;
mod wire;

use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;
use lab::exercise::Kind;
use lab::formats::{Format, Out};
use lab::out::Files;
use lab::{Answer, Content, Digest, Exercise, Failure, Lab, Problem, Role, Strategy, Work};

use persist::Target;
use plan::{BATCH_ROWS, Plan};
pub use strategies::TransformBatch;

/// The exercise.
pub struct Relay;

/// The formats of an output that is one file.
const DATABASES: &[Format] = &[Format::Sqlite];

/// Whether an output is a database, by its ending; otherwise it is a folder of Parquet files.
fn is_database(path: &Path) -> bool {
    Format::from_path(path).is_some_and(|format| DATABASES.contains(&format))
}

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cpu-parallel relay 'in/*.parquet' --as-is --into lake.sqlite\n  cpu-parallel relay --into orders/ --strategy ring --single\nA relay that was ended, however it was ended, goes on where it was when it is started again."
)]
pub struct Args {
    /// Parquet files, folders or quoted patterns [default: the lab's orders]
    pub inputs: Vec<String>,
    /// Where the rows go: a file that ends in .sqlite, .sqlite3 or .db, or a folder for Parquet files [default: --out]
    #[arg(long, value_name = "PATH")]
    pub into: Option<PathBuf>,
    /// The table of a database
    #[arg(long, value_name = "NAME", default_value = "rows")]
    pub table: String,
    /// Hand over any table as it is, and not the orders with their value and their month
    #[arg(long)]
    pub as_is: bool,
    /// Hand over each row as a message of its own; in one process this changes nothing
    #[arg(long)]
    pub single: bool,
    /// About how many rows are committed together; what is not committed is done again after a death
    #[arg(long, value_name = "ROWS", default_value_t = 262_144, value_parser = clap::value_parser!(u64).range(1..))]
    pub commit_rows: u64,
    /// Let each commit wait for the disk, so that it also survives the loss of power
    #[arg(long)]
    pub durable: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            inputs: Vec::new(),
            into: None,
            table: "rows".into(),
            as_is: false,
            single: false,
            commit_rows: 262_144,
            durable: false,
        }
    }
}

/// What is handed over, and where to.
#[derive(Debug)]
pub struct Input {
    plan: Plan,
    columns: SchemaRef,
    target: Target,
    single: bool,
}

/// The output that is whole.
#[derive(Debug)]
pub struct Output {
    target: Target,
    work: Work,
}

impl Exercise for Relay {
    const ID: u8 = 10;
    const NAME: &'static str = "relay";
    const ABOUT: &'static str =
        "One process transforms rows and another one stores them; either may be killed at any moment.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, strategies::sequential),
        Strategy::new(Kind::Threads, strategies::threads).with_workers(2),
        Strategy::new(Kind::Pool, strategies::pool),
        Strategy::new(Kind::Rayon, strategies::rayon),
        Strategy::new(Kind::Async, strategies::event_loop),
        Strategy::new(Kind::Processes, strategies::processes),
        Strategy::new(Kind::Processes, processes::pipe).named("pipe").with_workers(2),
        Strategy::new(Kind::Processes, processes::socket).named("socket").with_workers(2),
        Strategy::new(Kind::Processes, processes::ring).named("ring").with_workers(2),
    ];
    const BEST: &'static str = "ring";
    const ROLES: &'static [Role] = &[
        Role::worker::<TransformBatch>(),
        Role::program(processes::TRANSFORM, sender::transform),
        Role::program(processes::PERSIST, storer::persist),
        Role::program(processes::PERSIST_RING, storer::persist_ring),
    ];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn files(args: &Args, lab: &Lab) -> Files {
        let files =
            Files::new(Out::FileOrFolder(DATABASES)).inputs(lab, &args.inputs, "orders-parquet", "parquet");
        match (&args.into, lab.out()) {
            (Some(into), _) if is_database(into) => files.writes("--into", Some(into), &[]),
            (Some(into), _) => files.writes_folder("--into", Some(into)),
            (None, Some(out)) if is_database(&out) => files,
            (None, out) => files.writes_folder("--out", out).default_out(Self::NAME),
        }
    }

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let files = lab.inputs_of(&args.inputs, "orders-parquet", "parquet", &[Content::Parquet])?;
        let (plan, columns) = Plan::new(files, args.as_is, args.commit_rows.div_ceil(BATCH_ROWS))?;
        // In a measured cell the output goes to the cell's own folder, under the name that was asked for.
        let path = match (&args.into, lab.may_read_stdin()) {
            (Some(into), true) => into.clone(),
            (Some(into), false) => {
                lab.out_or(Self::NAME).with_file_name(into.file_name().unwrap_or(Self::NAME.as_ref()))
            }
            (None, _) => lab.out_or(Self::NAME),
        };
        let target = Target { path, table: args.table.clone(), durable: args.durable, mark: plan.mark() };
        // Said now, and not after the work has begun.
        target.position()?;
        Ok(Input { plan, columns, target, single: args.single })
    }
}

impl Input {
    /// The answer, once everything is committed.
    fn done(&self) -> Result<Output, Problem> {
        let (position, batches) = (self.target.position()?, self.plan.batches());
        if position != batches {
            return Err(Problem::new(format!("{position} of {batches} batches were committed")));
        }
        let work = Work {
            items: batches,
            rows: self.plan.rows,
            bytes_in: self.plan.bytes,
            bytes_out: self.target.bytes(),
        };
        Ok(Output { target: self.target.clone(), work })
    }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        self.target.digest(digest)
    }

    fn work(&self) -> Work {
        self.work
    }

    /// Always none: the rows become one table, so a batch that cannot be read ends the relay, and what is committed stays.
    fn failures(&self) -> &[Failure] {
        &[]
    }
}
