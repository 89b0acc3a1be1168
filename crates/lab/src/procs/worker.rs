//! The worker's end of the pipe.

use std::io;

use crossbeam_channel::bounded;

use super::chain::{self, Stage};
use super::frame::{Frame, Kind, decode, encode};
use crate::job::{Cause, Job, Worker};
use crate::lifeline;
use crate::pipes::{claim_stdin, claim_stdout};
use crate::problem::{OrProblem, Problem};
use crate::stop::Stop;
use crate::timeline;

/// What a process may be started as: a worker of a pool or a stage of a chain, with the name that finds it.
#[derive(Clone, Copy, Debug)]
pub struct Role {
    pub(crate) name: &'static str,
    pub(crate) play: fn() -> Result<(), Problem>,
}

impl Role {
    /// A worker that runs the tasks of job `J`.
    pub const fn worker<J: Job>() -> Self {
        Self { name: J::NAME, play: serve::<J> }
    }

    /// A process that is started by [`crate::Launch::role`] and speaks a protocol of its own. A process whose parent is gone must
    /// end: see [`super::hold`].
    pub const fn program(name: &'static str, play: fn() -> Result<(), Problem>) -> Self {
        Self { name, play }
    }

    /// A stage of a chain.
    pub const fn stage<S: Stage>() -> Self {
        Self { name: S::NAME, play: chain::play::<S> }
    }
}

fn serve<J: Job>() -> Result<(), Problem> {
    serve_frames::<J>().or_problem(|| format!("the worker `{}` lost its parent", J::NAME))
}

fn serve_frames<J: Job>() -> io::Result<()> {
    let mut out = claim_stdout()?;
    let mut from = claim_stdin()?;
    let Some(frame) = Frame::read(&mut from)? else { return Ok(()) };
    let (record, setup): (bool, J::Setup) = decode(&frame.payload)?;
    timeline::record(record);
    Frame::new(Kind::Ready, 0, Vec::new()).write(&mut out)?;

    // Reading happens on a thread of its own, because only a read notices that the parent is gone, and a worker deep in a
    // task does not read. One frame of room is enough: the parent sends a task only when the last one was answered.
    let (arrived, tasks) = bounded::<Frame>(1);
    let stop = Stop::new();
    let reading = stop.clone();
    std::thread::Builder::new().name("lifeline".into()).spawn(move || {
        while let Ok(Some(frame)) = Frame::read(&mut from) {
            if arrived.send(frame).is_err() {
                break;
            }
        }
        drop(arrived);
        lifeline::cut(&reading)
    })?;

    let mut worker = Worker::<J>::new(&setup);
    for frame in tasks {
        let task: J::Task = decode(&frame.payload)?;
        let outcome = worker.run(&task, &stop).map_err(|failure| failure.cause);
        let sent = encode(&(timeline::drain(), &outcome))
            .and_then(|payload| Frame::new(Kind::Done, frame.number, payload).write(&mut out));
        match sent {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                // The reply is to blame and not this worker: say so, instead of dying of it three times.
                let cause =
                    Cause::Problem(Problem::because("the reply cannot be sent to the parent", &error));
                let payload = encode(&(timeline::drain(), Err::<J::Reply, _>(cause)))?;
                Frame::new(Kind::Done, frame.number, payload).write(&mut out)?;
            }
            sent => sent?,
        }
    }
    Ok(())
}
