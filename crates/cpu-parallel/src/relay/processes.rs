//! Two processes of ours, and the one that watches over them.
//!
//! The transforming process has its lifeline and its setup on standard input and writes messages (`wire`) to standard
//! output, which is the writing end of a pipe or a socket, or the memory of a ring. The storing process has the other end as
//! its standard input, and reports its commits on its standard output. Whoever watches knows how far the output is before it
//! starts either, and when one of them dies it ends the other one and starts both again from what is committed.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ChildStdout, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use lab::logged;
use lab::procs::{Limits, Program, Reaped};
use lab::{Death, Lab, OrProblem, Problem, timeline};
use tabular::ipc;

use super::persist::Persister;
use super::protocol::{PersistSetup, Report, Setup, Timelines};
use super::ring::Ring;
use super::{Input, Output};

pub(super) const TRANSFORM: &str = "relay-transform";
pub(super) const PERSIST: &str = "relay-persist";
pub(super) const PERSIST_RING: &str = "relay-persist-ring";

/// Bytes of a ring: some batches, and small enough to stay in a cache.
const RING_BYTES: usize = 4 << 20;
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
        let ends = ends().or_problem(|| "the two processes cannot be connected")?;
        let arguments = format!("from={from} batches={batches}");
        let ended = logged("relay attempt", arguments, || attempt(input, lab, ring, from, ends))?;
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
