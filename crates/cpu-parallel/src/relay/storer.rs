//! The storing process.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use lab::procs::{claim_stdin, claim_stdout};
use lab::{OrProblem, Problem, timeline};
use tabular::ipc;

use super::persist::Persister;
use super::protocol::{GATHERED, PersistSetup, Report, Timelines};
use super::ring::{self, Ring};
use super::rows::Decoder;
use super::wire::{self, Kind};

/// The storing process at the end of a pipe or a socket.
pub(super) fn persist() -> Result<(), Problem> {
    let from = claim_stdin().or_problem(|| "the storing process has no input")?;
    persist_all(from)
}

/// The storing process at a ring.
pub(super) fn persist_ring() -> Result<(), Problem> {
    let lost = || "the storing process has no ring";
    let memory = claim_stdin().or_problem(lost)?.into_inner();
    let ring = Arc::new(Ring::open(memory).or_problem(lost)?);
    persist_all(BufReader::with_capacity(GATHERED, ring::Reader::new(ring)))
}

fn persist_all(mut from: impl Read) -> Result<(), Problem> {
    let mut out = claim_stdout().or_problem(|| "the storing process has no output")?;
    let mut report = |report: &Report| -> Result<(), Problem> {
        let mut line = serde_json::to_vec(report).or_problem(|| "a report cannot be written")?;
        line.push(b'\n');
        out.write_all(&line).and_then(|()| out.flush()).or_problem(|| "the watching process was lost")
    };
    match take_all(&mut from, &mut report) {
        Ok(()) => Ok(()),
        // The loss of a neighbour is for the one that watches to see, and may be mended; everything else would come again.
        Err(problem) if problem.class() == Some(LOST) => Err(problem),
        Err(problem) => report(&Report::Refused(problem)),
    }
}

/// The class of the problem that a restart may mend.
const LOST: &str = "lost-neighbour";

fn take_all(
    from: &mut impl Read,
    report: &mut impl FnMut(&Report) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let lost =
        |error: io::Error| Problem::because("the transforming process was lost", &error).of_class(LOST);
    let unreadable = |error: tabular::Error| Problem::because("a message cannot be read", &error);
    let mut payload = Vec::new();
    let kind = wire::receive(from, &mut payload).map_err(lost)?;
    if kind != Kind::Setup {
        return Err(Problem::new(format!("a message {kind:?} came where the setup was due")));
    }
    let setup: PersistSetup = serde_json::from_slice(&payload).or_problem(|| "the setup cannot be read")?;
    timeline::record(setup.record);
    let empty = ipc::from_bytes(&setup.columns).map_err(unreadable)?;
    let columns = empty.ok_or_else(|| Problem::new("the setup has no columns"))?.schema();
    let mut persister = Persister::open(&setup.target, &columns)?;
    if persister.position() != setup.from {
        return report(&Report::Moved);
    }
    let mut rows: Option<Decoder> = None;
    loop {
        let kind = wire::receive(from, &mut payload).map_err(lost)?;
        let (batch, number) = match kind {
            Kind::Row => {
                let rows = match &mut rows {
                    Some(rows) => rows,
                    none => none.insert(Decoder::new(columns.clone())?),
                };
                rows.add(&payload).or_problem(|| "a row cannot be read")?;
                continue;
            }
            Kind::EndOfBatch => {
                let (number, _) = wire::number(&payload).map_err(lost)?;
                (rows.as_mut().map(Decoder::finish).transpose()?, number)
            }
            Kind::Batch => {
                let (number, bytes) = wire::number(&payload).map_err(lost)?;
                (ipc::from_bytes(bytes).map_err(unreadable)?, number)
            }
            Kind::End if persister.position() == setup.batches => {
                let transform =
                    serde_json::from_slice(&payload).or_problem(|| "a timeline cannot be read")?;
                return report(&Report::Done(Timelines { transform, persist: timeline::drain() }));
            }
            Kind::Failed => {
                return Err(serde_json::from_slice(&payload).or_problem(|| "a problem cannot be read")?);
            }
            Kind::Setup | Kind::End => {
                return Err(Problem::new(format!("a message {kind:?} came too early")));
            }
        };
        if let Some(batch) = batch {
            persister.add(&batch)?;
        }
        let position = number + 1;
        let commit = position.is_multiple_of(setup.commit_batches) || position == setup.batches;
        persister.end_of_batch(number, commit)?;
        if commit {
            report(&Report::Committed(position))?;
        }
    }
}
