//! Processes in a row, each one's output being the next one's input.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read};
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame::{Frame, Kind, decode, encode};
use super::supervise::{GOODBYE, Place, Reaped, watchdog};
use crate::context::Lab;
use crate::lifeline;
use crate::pipes::{claim_stdin, claim_stdout};
use crate::problem::{OrProblem, Problem};
use crate::stop::Stop;
use crate::timeline::{self, Slice};

/// One process of a row.
pub trait Stage: 'static {
    /// The name by which the process finds its stage.
    const NAME: &'static str;
    /// What the stage starts from.
    type Setup: Serialize + DeserializeOwned;
    /// What the stage tells when it is done.
    type Summary: Serialize + DeserializeOwned;

    /// Takes what comes through `link`, passes on what it makes of it, and returns when the input has ended.
    ///
    /// # Errors
    /// What keeps the stage from going on; it ends the whole row.
    fn run(setup: Self::Setup, link: &mut Link) -> Result<Self::Summary, Problem>;
}

/// A stage's two neighbours.
pub struct Link {
    from: Option<BufReader<File>>,
    to: BufWriter<File>,
    /// What the stages before this one told, once the input has ended; the first stage has no input.
    told: Option<Vec<Told>>,
}

impl Link {
    /// The next message of the stage before; `None` once that stage is done.
    ///
    /// # Errors
    /// The problem that ended a stage before, or the loss of the neighbour.
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        let (None, Some(from)) = (&self.told, &mut self.from) else { return Ok(None) };
        let _span = crate::span!(Waiting, "receive", "").entered();
        match Frame::read(from).or_problem(|| "the stage before was lost")? {
            Some(Frame { kind: Kind::Data, payload, .. }) => Ok(Some(payload)),
            Some(Frame { kind: Kind::End, payload, .. }) => {
                self.told = Some(ended(&payload)?);
                Ok(None)
            }
            _ => Err(Problem::new("the stage before was lost")),
        }
    }

    /// Passes a message on. Blocks while the pipe is full: that is the row's back-pressure.
    ///
    /// # Errors
    /// The loss of the stage behind.
    pub fn send(&mut self, message: Vec<u8>) -> Result<(), Problem> {
        let _span = crate::span!(Sending, "send", "").entered();
        Frame::new(Kind::Data, 0, message).write(&mut self.to).or_problem(|| "the stage behind was lost")
    }
}

/// A stage that is to be started.
pub struct Planned {
    role: &'static str,
    setup: Vec<u8>,
}

impl Planned {
    /// Plans stage `S`.
    ///
    /// # Errors
    /// When the setup cannot be serialised.
    pub fn new<S: Stage>(setup: &S::Setup) -> Result<Self, Problem> {
        let setup =
            encode(setup).or_problem(|| format!("the setup of stage `{}` cannot be sent", S::NAME))?;
        Ok(Self { role: S::NAME, setup })
    }
}

/// What a stage told when it was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    summary: Vec<u8>,
    slices: Vec<Slice>,
    peak_rss_bytes: u64,
}

impl Told {
    /// The summary of stage `S`.
    ///
    /// # Errors
    /// When another stage told it.
    pub fn summary<S: Stage>(&self) -> Result<S::Summary, Problem> {
        decode(&self.summary)
            .or_problem(|| format!("stage `{}` told something else than its summary", S::NAME))
    }
}

fn ended(payload: &[u8]) -> Result<Vec<Told>, Problem> {
    decode::<Result<Vec<Told>, Problem>>(payload).or_problem(|| "a stage's end cannot be read")?
}

/// Starts the stages as processes in a row and waits for all of them. What they told comes back in their order.
///
/// # Errors
/// The first problem of a stage, or how a stage died.
pub fn chain(lab: &Lab, stages: &[Planned]) -> Result<Vec<Told>, Problem> {
    let places: Vec<Arc<Place>> = stages.iter().map(|_| Arc::default()).collect();
    let (done, over) = bounded::<()>(0);
    thread::scope(|scope| {
        scope.spawn(|| watchdog(&places, &lab.stop, &over));
        let outcome = run(lab, stages, &places);
        drop(done);
        outcome
    })
}

fn run(lab: &Lab, stages: &[Planned], places: &[Arc<Place>]) -> Result<Vec<Told>, Problem> {
    let mut running = Vec::new();
    let mut before: Option<std::process::ChildStdout> = None;
    for (stage, place) in stages.iter().zip(places) {
        let mut command = lab.launch.role(stage.role).or_problem(|| "a stage cannot be started")?;
        if let Some(output) = before.take() {
            command.stdin(Stdio::from(output));
        }
        let mut process =
            place.start(command).or_problem(|| format!("stage `{}` cannot be started", stage.role))?;
        place.due(Some(Instant::now() + lab.patience.task_deadline));
        before = process.stdout.take();
        running.push(process);
    }
    let (Some(first), Some(mut from_last)) = (running.first_mut(), before) else { return Ok(Vec::new()) };
    // The first stage's input stays open until the row is done: it is the row's lifeline.
    let mut lifeline = first.stdin.take();
    for (number, stage) in stages.iter().enumerate() {
        let envelope = encode(&(timeline::recording(), number == 0, &stage.setup));
        let setup = Frame::new(
            Kind::Setup,
            (stages.len() - 1 - number) as u64,
            envelope.or_problem(|| "a setup cannot be sent")?,
        );
        // A first stage that is already dead is noticed below, with the reason for its end.
        let _ = lifeline.as_mut().map(|pipe| setup.write(pipe));
    }
    let end = Frame::read(&mut from_last);
    drop(lifeline);
    let outcome = match end {
        Ok(Some(Frame { kind: Kind::End, payload, .. })) => ended(&payload),
        _ => Err(Problem::new("the row of processes ended without an answer")),
    };
    let reaped: Vec<_> = running.into_iter().filter_map(|process| process.leave(GOODBYE).ok()).collect();
    if let Ok(told) = &outcome {
        lab.children.add_peak(told.iter().map(|told| told.peak_rss_bytes).sum());
        for (stage, told) in stages.iter().zip(told) {
            timeline::absorb(stage.role, None, told.slices.clone());
        }
        return outcome;
    }
    lab.stop.check()?;
    // When a stage dies, those before it fail too, because nobody reads what they write: the culprit is the one that was
    // killed, or else the last that was not content.
    let culprit = reaped
        .iter()
        .rposition(Reaped::was_killed)
        .or_else(|| reaped.iter().rposition(|stage| !stage.is_success()));
    let Some((role, reaped)) = culprit.and_then(|at| Some((stages[at].role, reaped.into_iter().nth(at)?)))
    else {
        return outcome;
    };
    let death = reaped.death(GOODBYE);
    lab.children.add_death(role, &death);
    Err(Problem::new(format!("stage `{role}` died: {death}")))
}

/// The stage's end of the pipes.
pub(super) fn play<S: Stage>() -> Result<(), Problem> {
    let lost = || format!("stage `{}` lost its neighbours", S::NAME);
    let (mut from, mut to) = (claim_stdin().or_problem(lost)?, claim_stdout().or_problem(lost)?);
    let setup = take_own_setup(&mut from, &mut to).or_problem(lost)?;
    let Some((record, first, setup)) = setup else { return Ok(()) };
    let setup: S::Setup = decode(&setup).or_problem(lost)?;
    timeline::record(record);
    let mut link = if first {
        // Only a read notices that the parent is gone, and the first stage has nothing else to read.
        lifeline::hold(from, Stop::new()).or_problem(lost)?;
        Link { from: None, to, told: Some(Vec::new()) }
    } else {
        Link { from: Some(from), to, told: None }
    };
    let outcome = S::run(setup, &mut link).and_then(|summary| {
        // A stage that returned early has not seen what the stages before it told.
        while link.receive()?.is_some() {}
        let mut told = link.told.take().unwrap_or_default();
        let summary = encode(&summary).or_problem(lost)?;
        told.push(Told {
            summary,
            slices: timeline::drain(),
            peak_rss_bytes: crate::cell::usage::peak_rss_bytes(std::process::id()),
        });
        Ok(told)
    });
    let end = encode::<Result<Vec<Told>, Problem>>(&outcome).or_problem(lost)?;
    Frame::new(Kind::End, 0, end).write(&mut link.to).or_problem(lost)
}

/// Reads the setups, keeps the first and passes on the rest. `None` where the parent had none to give.
fn take_own_setup(
    from: &mut impl Read,
    to: &mut impl io::Write,
) -> io::Result<Option<(bool, bool, Vec<u8>)>> {
    let Some(own) = Frame::read(from)? else { return Ok(None) };
    for _ in 0..own.number {
        match Frame::read(from)? {
            Some(other) => other.write(to)?,
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    decode(&own.payload).map(Some)
}
