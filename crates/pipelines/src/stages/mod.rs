//! Exercise 14: CSV is ingested, transformed and stored as Parquet.
//!
//! The three stages pass batches of rows to each other. One after another, each batch goes through all three before the
//! next one is read. Overlapped, each stage works on a batch of its own, and bounded queues between them keep a fast stage
//! from running away from a slow one: when a queue is full, the stage before it is blocked, and the picture shows which one
//! holds up the others. A pipeline is never faster than its slowest stage, so `pool` and `rayon` also share the transforming
//! stage among several workers, and pass its batches on in their first order.
//!
//! The Parquet file's bytes depend on the CSV files alone.

mod ingest;
mod overlapped;
mod processes;
mod queue;
mod shared;
mod store;
mod transform;

use std::path::PathBuf;

use lab::exercise::Kind;
use lab::out::{self, Staging};
use lab::{Answer, Digest, Exercise, Failure, Lab, OrProblem, Problem, Role, Strategy, Work};
use serde::{Deserialize, Serialize};

pub use ingest::Ingest;
pub use store::Store;
pub use transform::transform;

/// The exercise.
pub struct Stages;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pipelines stages 'in/*.csv' --out orders.parquet\n  pipelines stages in/ --strategy threads --timeline stages.json"
)]
pub struct Args {
    /// CSV files of orders, folders or quoted patterns [default: the lab's orders]
    pub inputs: Vec<String>,
}

/// The files to read, in order, and the file to write.
#[derive(Clone, Debug)]
pub struct Input {
    files: Vec<PathBuf>,
    out: PathBuf,
}

/// The file that was written, and from how much.
#[derive(Debug)]
pub struct Output {
    file: PathBuf,
    work: Work,
}

impl Exercise for Stages {
    const ID: u8 = 14;
    const NAME: &'static str = "stages";
    const ABOUT: &'static str =
        "Ingests CSV, transforms it and stores it as Parquet: three stages, serial or overlapped.";
    const STRATEGIES: &'static [Strategy<Self>] = &[
        Strategy::new(Kind::Sequential, sequential),
        Strategy::new(Kind::Threads, overlapped::threads).with_workers(3),
        Strategy::new(Kind::Pool, shared::pool),
        Strategy::new(Kind::Rayon, shared::rayon),
        Strategy::new(Kind::Async, overlapped::event_loop),
        Strategy::new(Kind::Processes, processes::processes).with_workers(3),
    ];
    const BEST: &'static str = Kind::Pool.name();
    const ROLES: &'static [Role] = &[
        Role::stage::<processes::IngestStage>(),
        Role::stage::<processes::TransformStage>(),
        Role::stage::<processes::StoreStage>(),
    ];
    type Args = Args;
    type Input = Input;
    type Output = Output;

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let files = lab.inputs(&args.inputs, "orders-csv", "csv")?;
        Ok(Input { files, out: lab.out_or("stages.parquet") })
    }
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add_file(&self.file)
    }

    fn work(&self) -> Work {
        self.work
    }

    /// Always none: the stages make one file of all inputs, so a row that cannot be read ends the run.
    fn failures(&self) -> &[Failure] {
        &[]
    }
}

/// What a pipeline did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Rows in the Parquet file.
    pub rows: u64,
    /// Bytes of the Parquet file.
    pub bytes: u64,
}

/// Lets `pipeline` write to a staged file, and gives that file its final name when it is whole.
fn stage_output(
    input: &Input,
    pipeline: impl FnOnce(&std::path::Path) -> Result<Stored, Problem>,
) -> Result<Output, Problem> {
    let staging = Staging::beside(&input.out)?;
    let staged = staging.path("stages.parquet");
    let stored = pipeline(&staged)?;
    out::publish(&staged, &input.out)?;
    let sizes =
        input.files.iter().map(|file| file.metadata().map(|found| found.len())).sum::<Result<u64, _>>();
    let bytes_in = sizes.or_problem(|| "an input file is gone")?;
    let work = Work { items: input.files.len() as u64, rows: stored.rows, bytes_in, bytes_out: stored.bytes };
    Ok(Output { file: input.out.clone(), work })
}

/// One batch after another through all three stages.
fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    stage_output(input, |staged| {
        let mut store = Store::create(staged)?;
        for batch in Ingest::new(&input.files) {
            lab.stop.check()?;
            store.write(&transform(&batch?)?)?;
        }
        store.finish()
    })
}
