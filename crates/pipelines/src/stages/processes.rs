//! A process for each stage, connected by pipes, as a shell would.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lab::procs::{Link, Planned, Stage, chain};
use lab::{Lab, OrProblem, Problem};
use tabular::ipc;

use super::{
    Hours, Ingest, Input, Output, Shared, Store, Stored, finish, stage_hours, stage_output, transform,
};

/// Three processes. A batch is written to a pipe as Arrow IPC and read back on the other side, so each hand-over copies all
/// of it twice; in exchange, a stage that crashes takes nothing with it. The queues are the system's pipes, and how full they
/// are is not seen from here; whom they hold up is.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let [ingest_wait, transform_wait, store_wait] = input.waits;
    stage_output(input, |staged| {
        let stages = [
            Planned::new::<IngestStage>(&(input.files.clone(), ingest_wait))?,
            Planned::new::<TransformStage>(&transform_wait)?,
            Planned::new::<StoreStage>(&(staged.to_path_buf(), store_wait))?,
        ];
        let told = chain(lab, &stages)?;
        let [ingest, transforming, store] = told.as_slice() else {
            return Err(Problem::new("a stage told nothing"));
        };
        let (stored, end, storing) = store.summary::<StoreStage>()?;
        let hours = [ingest.summary::<IngestStage>()?, transforming.summary::<TransformStage>()?, storing];
        Ok((stored, stage_hours([1; 3], hours, [None; 2]), Shared::Nothing, end))
    })
}

/// Passes a batch on, and counts the time that nobody took it.
fn pass_on(link: &mut Link, message: Vec<u8>, hours: &mut Hours) -> Result<(), Problem> {
    let since = Instant::now();
    link.send(message)?;
    hours.held_up += since.elapsed();
    Ok(())
}

/// Waits for the next batch.
fn receive(link: &mut Link, hours: &mut Hours) -> Result<Option<Vec<u8>>, Problem> {
    let since = Instant::now();
    let message = link.receive()?;
    hours.starved += since.elapsed();
    Ok(message)
}

pub(super) struct IngestStage;

impl Stage for IngestStage {
    const NAME: &'static str = "ingest";
    type Setup = (Vec<PathBuf>, Duration);
    type Summary = Hours;

    fn run((files, wait): Self::Setup, link: &mut Link) -> Result<Hours, Problem> {
        let (mut hours, mut ingest) = (Hours::default(), Ingest::new(&files));
        let mut next = || {
            let batch = ingest.next()?;
            Some(batch.and_then(|batch| ipc::to_bytes(&batch).or_problem(|| "cannot pass a batch on")))
        };
        while let Some(message) = hours.make(wait, &mut next) {
            pass_on(link, message?, &mut hours)?;
        }
        Ok(hours)
    }
}

pub(super) struct TransformStage;

impl Stage for TransformStage {
    const NAME: &'static str = "transform";
    type Setup = Duration;
    type Summary = Hours;

    fn run(wait: Duration, link: &mut Link) -> Result<Hours, Problem> {
        let mut hours = Hours::default();
        while let Some(message) = receive(link, &mut hours)? {
            let transformed = hours.work(wait, || -> Result<_, Problem> {
                let batch = ipc::from_bytes(&message).or_problem(|| "cannot read a batch")?;
                let batch = batch.map(|batch| transform(&batch)).transpose()?;
                batch.map(|batch| ipc::to_bytes(&batch).or_problem(|| "cannot pass a batch on")).transpose()
            })?;
            if let Some(message) = transformed {
                pass_on(link, message, &mut hours)?;
            }
        }
        Ok(hours)
    }
}

pub(super) struct StoreStage;

impl Stage for StoreStage {
    const NAME: &'static str = "store";
    type Setup = (PathBuf, Duration);
    type Summary = (Stored, Duration, Hours);

    fn run((path, wait): Self::Setup, link: &mut Link) -> Result<Self::Summary, Problem> {
        let (mut hours, mut store) = (Hours::default(), Store::create(&path)?);
        while let Some(message) = receive(link, &mut hours)? {
            hours.work(wait, || -> Result<(), Problem> {
                let batch = ipc::from_bytes(&message).or_problem(|| "cannot read a batch")?;
                batch.map_or(Ok(()), |batch| store.write(&batch))
            })?;
        }
        let (stored, end) = finish(store)?;
        Ok((stored, end, hours))
    }
}
