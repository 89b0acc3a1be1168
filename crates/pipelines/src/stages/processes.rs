//! A process for each stage, connected by pipes, as a shell would.

use std::path::PathBuf;

use lab::procs::{Link, Planned, Stage, chain};
use lab::{Lab, OrProblem, Problem};
use tabular::ipc;

use super::{Ingest, Input, Output, Store, Stored, stage_output, transform};

/// Three processes. A batch is written to a pipe as Arrow IPC and read back on the other side, so each hand-over copies all
/// of it twice; in exchange, a stage that crashes takes nothing with it.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    stage_output(input, |staged| {
        let stages = [
            Planned::new::<IngestStage>(&input.files)?,
            Planned::new::<TransformStage>(&())?,
            Planned::new::<StoreStage>(&staged.to_path_buf())?,
        ];
        let told = chain(lab, &stages)?;
        told.last().ok_or_else(|| Problem::new("the storing stage told nothing"))?.summary::<StoreStage>()
    })
}

pub(super) struct IngestStage;

impl Stage for IngestStage {
    const NAME: &'static str = "ingest";
    type Setup = Vec<PathBuf>;
    type Summary = ();

    fn run(files: Vec<PathBuf>, link: &mut Link) -> Result<(), Problem> {
        Ingest::new(&files)
            .try_for_each(|batch| link.send(ipc::to_bytes(&batch?).or_problem(|| "cannot pass a batch on")?))
    }
}

pub(super) struct TransformStage;

impl Stage for TransformStage {
    const NAME: &'static str = "transform";
    type Setup = ();
    type Summary = ();

    fn run((): (), link: &mut Link) -> Result<(), Problem> {
        while let Some(message) = link.receive()? {
            if let Some(batch) = ipc::from_bytes(&message).or_problem(|| "cannot read a batch")? {
                link.send(ipc::to_bytes(&transform(&batch)?).or_problem(|| "cannot pass a batch on")?)?;
            }
        }
        Ok(())
    }
}

pub(super) struct StoreStage;

impl Stage for StoreStage {
    const NAME: &'static str = "store";
    type Setup = PathBuf;
    type Summary = Stored;

    fn run(path: PathBuf, link: &mut Link) -> Result<Stored, Problem> {
        let mut store = Store::create(&path)?;
        while let Some(message) = link.receive()? {
            if let Some(batch) = ipc::from_bytes(&message).or_problem(|| "cannot read a batch")? {
                store.write(&batch)?;
            }
        }
        store.finish()
    }
}
