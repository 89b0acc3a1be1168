//! Exercise 14: CSV is ingested, transformed and stored as Parquet.
//!
//! The three stages pass batches of rows to each other. One after another, each batch goes through all three before the
//! next one is read. Overlapped, each stage works on a batch of its own, and bounded queues between them keep a fast stage
//! from running away from a slow one: when a queue is full, the stage before it is blocked, and the picture shows which one
//! holds up the others. A pipeline is never faster than its slowest stage, so `pool` and `rayon` also share the transforming
//! stage among several workers, and pass its batches on in their first order. Which stage it was, and what its law says that
//! the run should have taken, is told after the run (`law`).
//!
//! The Parquet file's bytes depend on the CSV files alone.

mod ingest;
mod law;
mod overlapped;
mod processes;
mod queue;
mod shared;
mod store;
mod transform;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lab::exercise::Kind;
use lab::formats::{Format, Out};
use lab::logged::{Paths, logged};
use lab::out::{self, Files, Staging};
use lab::{Answer, Digest, Exercise, Failure, Lab, OrProblem, Problem, Role, Strategy, Work};
use serde::{Deserialize, Serialize};

pub use ingest::Ingest;
pub use law::{Hours, Measured, Shared, StageHours};
pub use store::Store;
pub use transform::transform;

/// The exercise.
pub struct Stages;

/// What the user may choose.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
What each stage did, which one was the bottleneck and what its law says of the whole is told on standard error.

Examples:
  pipelines stages 'in/*.csv' --out orders.parquet
  pipelines stages in/ --strategy threads --timeline stages.json
  pipelines stages --wait transform=20 --workers 4      a stage that asks somebody far away, shared by four")]
pub struct Args {
    /// CSV files of orders, folders or quoted patterns [default: the lab's orders]
    pub inputs: Vec<String>,
    /// Let a stage (ingest, transform or store) wait so many milliseconds with each batch, as one does that asks somebody far
    /// away
    #[arg(long = "wait", value_name = "STAGE=MS")]
    pub waits: Vec<String>,
}

/// The stages, in the order of the pipeline.
const STAGES: [&str; 3] = ["ingest", "transform", "store"];

/// The files to read, in order, and the file to write.
#[derive(Clone, Debug)]
pub struct Input {
    files: Vec<PathBuf>,
    out: PathBuf,
    /// How long each stage waits with a batch.
    waits: [Duration; 3],
    /// Inputs that are missing, or that cannot be read as orders.
    failures: Vec<Failure>,
}

/// The file that was written, and from how much.
#[derive(Debug)]
pub struct Output {
    file: PathBuf,
    work: Work,
    failures: Vec<Failure>,
    /// What the stages did.
    pub measured: Measured,
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

    fn files(args: &Args, lab: &Lab) -> Files {
        Files::new(Out::File(&[Format::Parquet])).default_out("stages.parquet").inputs(
            lab,
            &args.inputs,
            "orders-csv",
            "csv",
        )
    }

    fn prepare(args: &Args, lab: &Lab) -> Result<Input, Problem> {
        let mut waits = [Duration::ZERO; 3];
        for wait in &args.waits {
            let (place, time) = wait_of(wait)?;
            waits[place] = time;
        }
        let files = lab.inputs(&args.inputs, "orders-csv", "csv")?;
        let mut failures = Vec::new();
        let files = ingest::readable(files, &mut failures)?;
        Ok(Input { files, out: lab.out_or("stages.parquet"), waits, failures })
    }

    fn deliver(output: &Output, _: &Args, _: &Lab) -> Result<(), Problem> {
        eprintln!("{}", output.measured);
        Ok(())
    }
}

/// Which stage waits, and how long with each batch.
fn wait_of(text: &str) -> Result<(usize, Duration), Problem> {
    let parsed = text.split_once('=').and_then(|(stage, ms)| {
        let place = STAGES.iter().position(|name| *name == stage)?;
        Some((place, ms.parse().ok().filter(|ms: &u64| *ms <= 60_000)?))
    });
    let (place, ms) = parsed.ok_or_else(|| {
        Problem::new(format!("`--wait {text}` is no wait of a stage"))
            .expected("ingest, transform or store, an equals sign, and 0 to 60000 milliseconds")
    })?;
    Ok((place, Duration::from_millis(ms)))
}

impl Answer for Output {
    fn digest(&self, digest: &mut Digest) -> Result<(), Problem> {
        digest.add_file(&self.file)
    }

    fn work(&self) -> Work {
        self.work
    }

    /// Inputs that are missing, or that are no tables of orders. The stages make one file of all others, so a row that cannot be
    /// read ends the run.
    fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

/// The stages with their workers and their hours, in the order of the pipeline, and the queues before the last two.
fn stage_hours(workers: [usize; 3], hours: [Hours; 3], queues: [Option<(f64, usize)>; 2]) -> Vec<StageHours> {
    let queues = [None, queues[0], queues[1]];
    let all = STAGES.into_iter().zip(workers).zip(hours.into_iter().zip(queues));
    all.map(|((name, workers), (hours, queue))| StageHours { name, workers, hours, queue }).collect()
}

/// What a pipeline did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Rows in the Parquet file.
    pub rows: u64,
    /// Bytes of the Parquet file.
    pub bytes: u64,
}

/// What came of a pipeline: the file, what the stages did, what they share, and how long the end took.
type Piped = (Stored, Vec<StageHours>, Shared, Duration);

/// Lets `pipeline` write to a staged file, and gives that file its final name when it is whole.
fn stage_output(
    input: &Input,
    pipeline: impl FnOnce(&std::path::Path) -> Result<Piped, Problem>,
) -> Result<Output, Problem> {
    let staging = Staging::beside(&input.out)?;
    let staged = staging.path("stages.parquet");
    let started = Instant::now();
    let (stored, hours, shared, end) = logged("stages pipeline", Paths(&input.files), || pipeline(&staged))?;
    for StageHours { name, workers, hours, .. } in &hours {
        tracing::info!(target: "lab::logged", step = name, workers, ?hours, outcome = "done", "stage");
    }
    let measured = Measured { stages: hours, shared, end, took: started.elapsed() };
    out::publish(&staged, &input.out)?;
    let sizes =
        input.files.iter().map(|file| file.metadata().map(|found| found.len())).sum::<Result<u64, _>>();
    let bytes_in = sizes.or_problem(|| "an input file is gone")?;
    let work = Work { items: input.files.len() as u64, rows: stored.rows, bytes_in, bytes_out: stored.bytes };
    Ok(Output { file: input.out.clone(), work, failures: input.failures.clone(), measured })
}

/// Completes the file, and tells how long that took.
fn finish(store: Store) -> Result<(Stored, Duration), Problem> {
    let started = Instant::now();
    Ok((store.finish()?, started.elapsed()))
}

/// One batch after another through all three stages.
fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let [ingest_wait, transform_wait, store_wait] = input.waits;
    stage_output(input, |staged| {
        let [mut ingesting, mut transforming, mut storing] = [Hours::default(); 3];
        let (mut ingest, mut store) = (Ingest::new(&input.files), Store::create(staged)?);
        while let Some(batch) = ingesting.make(ingest_wait, || ingest.next()) {
            lab.stop.check()?;
            let batch = batch?;
            let transformed = transforming.work(transform_wait, || transform(&batch))?;
            storing.work(store_wait, || store.write(&transformed))?;
        }
        let (stored, end) = finish(store)?;
        let stages = stage_hours([1; 3], [ingesting, transforming, storing], [None; 2]);
        Ok((stored, stages, Shared::Everything, end))
    })
}
