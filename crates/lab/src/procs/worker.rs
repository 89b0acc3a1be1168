//! The worker's end of the pipe.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::os::fd::AsFd;

use crossbeam_channel::bounded;

use super::chain::{self, Stage};
use super::frame::{Frame, Kind, decode, encode};
use crate::job::{Cause, Job, Worker};
use crate::lifeline;
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

    /// A stage of a chain.
    pub const fn stage<S: Stage>() -> Self {
        Self { name: S::NAME, play: chain::play::<S> }
    }
}

/// Takes standard output away from everyone but the protocol: what is printed from now on goes to standard error.
pub(super) fn claim_stdout() -> io::Result<BufWriter<File>> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(BufWriter::new(File::from(pipe)))
}

/// A private copy of standard input, so that nobody's buffer sits between the pipe and the frames.
pub(super) fn claim_stdin() -> io::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(1 << 16, File::from(io::stdin().as_fd().try_clone_to_owned()?)))
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
        let reply = match worker.run(&task, &stop) {
            Ok(reply) => Frame::new(Kind::Done, frame.number, encode(&(reply, timeline::drain()))?),
            Err(failure) => Frame::new(Kind::Failed, frame.number, encode::<Cause>(&failure.cause)?),
        };
        reply.write(&mut out)?;
    }
    Ok(())
}
