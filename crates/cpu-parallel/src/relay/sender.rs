//! The transforming process.

use std::io::{self, BufRead, BufWriter, Write};
use std::sync::Arc;

use lab::procs::{claim_stdin, claim_stdout, hold};
use lab::{OrProblem, Problem, Stop, span, timeline};
use tabular::ipc;

use super::plan::Source;
use super::protocol::{GATHERED, Setup};
use super::ring::{self, Ring};
use super::rows::Encoder;
use super::wire::{self, Kind};

/// Plays the transforming process.
pub(super) fn transform() -> Result<(), Problem> {
    let lost = || "the transforming process lost its parent";
    let mut from = claim_stdin().or_problem(lost)?;
    let to =
        claim_stdout().or_problem(lost)?.into_inner().map_err(|error| Problem::because(lost(), &error))?;
    let mut line = String::new();
    from.read_line(&mut line).or_problem(lost)?;
    if line.is_empty() {
        return Ok(());
    }
    let setup: Setup = serde_json::from_str(&line).or_problem(|| "the plan cannot be read")?;
    hold(from, Stop::new()).or_problem(lost)?;
    timeline::record(setup.persist.record);
    let lost = || "the storing process was lost";
    if setup.ring {
        let ring = Arc::new(Ring::open(to).or_problem(lost)?);
        transform_all(&setup, &mut BufWriter::with_capacity(GATHERED, ring::Writer::new(ring)))
    } else {
        transform_all(&setup, &mut BufWriter::with_capacity(GATHERED, to))
    }
    .or_problem(lost)
}

fn transform_all(setup: &Setup, to: &mut impl Write) -> io::Result<()> {
    wire::send(to, Kind::Setup, &[&serde_json::to_vec(&setup.persist)?])?;
    let mut source = Source::new(Arc::new(setup.plan.clone()));
    for number in setup.from..setup.plan.batches() {
        let batch = {
            let _span = span!(Running, "transform", number).entered();
            source.batch(number)
        };
        let sent = batch.and_then(|batch| {
            let _span = span!(Sending, "send", number).entered();
            if setup.single { send_rows(&batch, number, to) } else { send_batch(&batch, number, to) }
        });
        match sent {
            Ok(sent) => sent?,
            Err(problem) => {
                wire::send(to, Kind::Failed, &[&serde_json::to_vec(&problem)?])?;
                return to.flush();
            }
        }
    }
    wire::send(to, Kind::End, &[&serde_json::to_vec(&timeline::drain())?])?;
    to.flush()
}

/// The batch as one message. The inner result is the other process's loss, the outer one a batch that cannot be sent.
fn send_batch(
    batch: &arrow_array::RecordBatch,
    number: u64,
    to: &mut impl Write,
) -> Result<io::Result<()>, Problem> {
    let bytes = ipc::to_bytes(batch).map_err(|error| Problem::because("the rows cannot be sent", &error))?;
    Ok(wire::send(to, Kind::Batch, &[&number.to_le_bytes(), &bytes]))
}

/// Each row as a message of its own.
fn send_rows(
    batch: &arrow_array::RecordBatch,
    number: u64,
    to: &mut impl Write,
) -> Result<io::Result<()>, Problem> {
    let encoder = Encoder::new(batch)?;
    let mut message = Vec::with_capacity(256);
    let mut send = || -> io::Result<()> {
        for row in 0..batch.num_rows() {
            wire::begin(Kind::Row, &mut message);
            encoder.row(row, &mut message);
            wire::finish(&mut message);
            to.write_all(&message)?;
        }
        wire::send(to, Kind::EndOfBatch, &[&number.to_le_bytes()])
    };
    Ok(send())
}
