//! Two processes of ours, and the one that watches over them.
//!
//! The transforming process has its lifeline and its setup on standard input and writes messages (`wire`) to standard
//! output, which is the writing end of a pipe or a socket, or the memory of a ring. The storing process has the other end as
//! its standard input, and reports its commits on its standard output. Whoever watches knows how far the output is before it
//! starts either, and when one of them dies it ends the other one and starts both again from what is committed.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use lab::procs::{Limits, Program, Reaped, claim_stdin, claim_stdout, hold};
use lab::timeline::{self, Slice};
use lab::{Death, Lab, OrProblem, Problem, Stop, span};
use serde::{Deserialize, Serialize};
use tabular::ipc;

use super::persist::{Persister, Target};
use super::plan::{Plan, Source};
use super::ring::{self, Ring};
use super::rows::{Decoder, Encoder};
use super::wire::{self, Kind};
use super::{Input, Output};

pub(super) const TRANSFORM: &str = "relay-transform";
pub(super) const PERSIST: &str = "relay-persist";
pub(super) const PERSIST_RING: &str = "relay-persist-ring";

/// Bytes of a ring: some batches, and small enough to stay in a cache.
const RING_BYTES: usize = 4 << 20;
/// Bytes that are gathered before they are handed over: of single rows, each would be a call of the system or a fence.
const GATHERED: usize = 1 << 16;
/// How often to look whether the transforming process still lives.
const LOOK: Duration = Duration::from_millis(20);
/// How long a process that has done its work may take to end.
const GOODBYE: Duration = Duration::from_secs(2);

/// By an anonymous pipe.
pub(super) fn pipe(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay(input, lab, false, || io::pipe().map(|(from, to)| (to.into(), from.into())))
}

/// By a pair of connected Unix sockets.
pub(super) fn socket(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay(input, lab, false, || UnixStream::pair().map(|(to, from)| (to.into(), from.into())))
}

/// By a ring in shared memory.
pub(super) fn ring(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay(input, lab, true, || {
        let ring = Ring::new(RING_BYTES)?;
        Ok((ring.file()?, ring.file()?))
    })
}

/// What the transforming process starts from.
#[derive(Serialize, Deserialize)]
struct Setup {
    plan: Plan,
    from: u64,
    single: bool,
    ring: bool,
    persist: PersistSetup,
}

/// What the storing process starts from.
#[derive(Clone, Serialize, Deserialize)]
struct PersistSetup {
    target: Target,
    /// An empty batch with the columns, as an Arrow IPC stream.
    columns: Vec<u8>,
    from: u64,
    batches: u64,
    commit_batches: u64,
    record: bool,
}

/// What the storing process reports, a line of JSON each.
#[derive(Serialize, Deserialize)]
enum Report {
    Committed(u64),
    /// The output is not where the relay was told that it is: somebody else has moved it, or is just ending.
    Moved,
    /// Everything is committed.
    Done(Timelines),
    Refused(Problem),
}

/// What both processes recorded.
#[derive(Serialize, Deserialize)]
struct Timelines {
    transform: Vec<Slice>,
    persist: Vec<Slice>,
}

/// How one attempt ended.
enum End {
    Done,
    Died(String, Death),
}

fn relay(
    input: &Input,
    lab: &Lab,
    ring: bool,
    ends: impl Fn() -> io::Result<(OwnedFd, OwnedFd)>,
) -> Result<Output, Problem> {
    let (batches, mut from, mut deaths) = (input.plan.batches(), input.target.position()?, 0);
    while from < batches {
        lab.stop.check()?;
        let ended =
            attempt(input, lab, ring, from, ends().or_problem(|| "the two processes cannot be connected")?)?;
        if let End::Died(who, death) = ended {
            lab.stop.check()?;
            lab.children().add_death(&format!("{who} from batch {from} on"), &death);
            let now = input.target.position()?;
            deaths = if now > from { 1 } else { deaths + 1 };
            from = now;
            if deaths >= lab.patience.deaths {
                return Err(Problem::new(format!("{who} died: {death}"))
                    .at(format!("batch {from} of {batches}"))
                    .hint(format!("{deaths} deaths in a row without a commit; what is committed stays, and the relay goes on from there when it is started again")));
            }
            continue;
        }
        break;
    }
    if batches == 0 {
        Persister::open(&input.target, &input.columns)?;
    }
    input.done()
}

/// Starts both processes from batch `from` on and waits for their end.
fn attempt(
    input: &Input,
    lab: &Lab,
    ring: bool,
    from: u64,
    (to, other): (OwnedFd, OwnedFd),
) -> Result<End, Problem> {
    let cannot = || "a process cannot be started";
    let limits = || Limits { memory_bytes: lab.patience.memory_bytes, label: None };
    let mut command = lab.launch.role(TRANSFORM).or_problem(cannot)?;
    command.stdout(Stdio::from(to));
    let mut transformer = Program::start(command, limits(), &lab.stop).or_problem(cannot)?;
    let mut command = lab.launch.role(if ring { PERSIST_RING } else { PERSIST }).or_problem(cannot)?;
    command.stdin(Stdio::from(other));
    let mut persister = Program::start(command, limits(), &lab.stop).or_problem(cannot)?;

    let empty = arrow_array::RecordBatch::new_empty(input.columns.clone());
    let columns = ipc::to_bytes(&empty).or_problem(|| "the columns cannot be sent")?;
    let (target, record) = (input.target.clone(), timeline::recording());
    let (batches, commit_batches) = (input.plan.batches(), input.plan.commit_batches);
    let persist = PersistSetup { target, columns, from, batches, commit_batches, record };
    let setup = Setup { plan: input.plan.clone(), from, single: input.single, ring, persist };
    let mut setup = serde_json::to_vec(&setup).or_problem(|| "the plan cannot be sent")?;
    setup.push(b'\n');
    // The lifeline stays open until the end. A process that is already dead is noticed below.
    let mut lifeline = transformer.stdin();
    let _ = lifeline.as_mut().map(|pipe| pipe.write_all(&setup));

    let Some(stdout) = persister.stdout() else { return Err(Problem::new(cannot())) };
    let (put, reports) = bounded(16);
    let (ended, transformer, persister) = thread::scope(|scope| {
        scope.spawn(move || read_reports(stdout, |report| put.send(report).is_ok()));
        let ended = watch(&reports, &transformer, &persister, lab);
        // Whoever still lives is of no use any longer, and the reading thread waits for its end.
        lab.children().add_peak(transformer.peak_rss_bytes() + persister.peak_rss_bytes());
        drop((reports, lifeline));
        let leave = |program: Program, well: bool| if well { program.leave(GOODBYE) } else { program.end() };
        let well = matches!(ended, Ok(Some(_)));
        let first = leave(transformer, well);
        (ended, first, leave(persister, well))
    });
    if let Some(timelines) = ended? {
        timeline::absorb(TRANSFORM, None, timelines.transform);
        timeline::absorb(PERSIST, None, timelines.persist);
        return Ok(End::Done);
    }
    let (transformer, persister) = (transformer.or_problem(cannot)?, persister.or_problem(cannot)?);
    Ok(culprit(transformer, persister, lab.patience.task_deadline))
}

/// Who died first? The one that something else killed, and otherwise the one that was not content: we killed the other.
fn culprit(transformer: Reaped, persister: Reaped, deadline: Duration) -> End {
    let (who, reaped) =
        if transformer.is_success() || persister.ended_by_itself() && !transformer.ended_by_itself() {
            ("the storing process", persister)
        } else {
            ("the transforming process", transformer)
        };
    End::Died(who.into(), reaped.death(deadline))
}

fn read_reports(stdout: ChildStdout, mut put: impl FnMut(Report) -> bool) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // A line that was cut off by a death is none.
        let Ok(report) = serde_json::from_str(&line) else { break };
        if !put(report) {
            break;
        }
    }
}

/// Follows the reports to the end; `None` when a process died.
fn watch(
    reports: &Receiver<Report>,
    transformer: &Program,
    persister: &Program,
    lab: &Lab,
) -> Result<Option<Timelines>, Problem> {
    let again = || {
        let due = Some(Instant::now() + lab.patience.task_deadline);
        transformer.due(due);
        persister.due(due);
    };
    again();
    loop {
        match reports.recv_timeout(LOOK) {
            Ok(Report::Committed(_)) => again(),
            Ok(Report::Done(timelines)) => return Ok(Some(timelines)),
            Ok(Report::Refused(problem)) => return Err(problem),
            Ok(Report::Moved) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
            // A pipe tells of the writer's death, a ring does not.
            Err(RecvTimeoutError::Timeout) if transformer.has_failed() => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The transforming process.
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
