//! A cell: one exercise under one strategy, in a process of its own. The only clock.
//!
//! The process prepares the input once and then takes samples when it is told to, so that the samples of several cells can
//! be interleaved. It reads commands from standard input, a line each (`sample`, or `timeline` and a path), and answers
//! each with a line of JSON on standard output. When its input ends, it ends.
//!
//! The clock runs around the strategy's call and nothing else: the old output is removed before, the answer's digest is
//! made after, and between two samples the process sleeps in a read.

pub mod usage;

use std::fs::File;
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Digest, Work};
use crate::context::Lab;
use crate::exercise::{Exercise, Run};
use crate::problem::{OrProblem, Problem};
use crate::{lifeline, out, timeline};

/// What a cell answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answered {
    /// The input is prepared.
    Ready,
    /// A sample was taken.
    Sample(Sample),
    /// The input cannot be prepared, or the strategy gave no answer.
    Failed(Problem),
}

/// One run of a strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Wall-clock time of the strategy's call, in nanoseconds.
    pub wall_ns: u64,
    /// CPU time of the process and its children during that call, in nanoseconds.
    pub cpu_ns: u64,
    /// Peak resident memory of the process so far and of its children, in bytes.
    pub peak_rss_bytes: u64,
    /// Worker processes that died during the call.
    pub worker_deaths: u64,
    /// BLAKE3 of the answer.
    pub digest: String,
    /// How much was done.
    pub work: Work,
    /// The tasks that were not done, and why.
    pub failures: Vec<String>,
}

/// Runs a strategy once, under the clock.
///
/// # Errors
/// The strategy's problem, or an answer that cannot be read back.
pub fn sample<E: Exercise>(run: Run<E>, input: &E::Input, lab: &Lab) -> Result<(Sample, E::Output), Problem> {
    lab.children.reset();
    let cpu = usage::cpu_time();
    let started = Instant::now();
    let output = std::hint::black_box(run(std::hint::black_box(input), lab));
    let wall = started.elapsed();
    let cpu = usage::cpu_time().saturating_sub(cpu);
    let output = output?;

    let mut digest = Digest::new();
    output.digest(&mut digest)?;
    let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let sample = Sample {
        wall_ns: nanoseconds(wall),
        cpu_ns: nanoseconds(cpu),
        peak_rss_bytes: usage::peak_rss_bytes(std::process::id()) + lab.children.peak_rss_bytes(),
        worker_deaths: lab.children.deaths(),
        digest: digest.finish(),
        work: output.work(),
        failures: output.failures().iter().map(ToString::to_string).collect(),
    };
    Ok((sample, output))
}

/// Runs a strategy once with recording on and writes its timeline to `path`.
///
/// # Errors
/// Those of [`sample`], and a timeline that cannot be written.
pub fn traced<E: Exercise>(
    run: Run<E>,
    input: &E::Input,
    lab: &Lab,
    path: &Path,
) -> Result<(Sample, E::Output), Problem> {
    timeline::record(true);
    let outcome = sample::<E>(run, input, lab);
    let slices = timeline::drain();
    timeline::record(false);
    let written = File::create(path).and_then(|file| {
        let mut file = BufWriter::new(file);
        timeline::write_chrome(&slices, &mut file)?;
        file.flush()
    });
    written.or_problem(|| format!("cannot write the timeline {}", path.display()))?;
    outcome
}

/// Takes samples on command until standard input ends.
pub(crate) fn serve<E: Exercise>(args: &E::Args, lab: &Lab, run: Run<E>) -> Result<(), Problem> {
    let (arrived, commands) = bounded::<String>(1);
    let stop = lab.stop.clone();
    let reading = thread::Builder::new().name("lifeline".into()).spawn(move || {
        let lines = std::io::stdin().lock().lines();
        lines.map_while(Result::ok).take_while(|line| arrived.send(line.clone()).is_ok()).for_each(drop);
        drop(arrived);
        lifeline::cut(&stop)
    });
    reading.or_problem(|| "cannot start the thread that reads commands")?;

    let input = match E::prepare(args, lab) {
        Ok(input) => input,
        Err(problem) => return answer(&Answered::Failed(problem)),
    };
    answer(&Answered::Ready)?;
    for command in commands {
        if let Some(old) = lab.out() {
            out::remove(old)
                .or_problem(|| format!("cannot remove the last sample's output {}", old.display()))?;
        }
        let outcome = match command.split_once(' ') {
            Some(("timeline", path)) => traced::<E>(run, &input, lab, Path::new(path)),
            _ => sample::<E>(run, &input, lab),
        };
        answer(&outcome.map_or_else(Answered::Failed, |(sample, _)| Answered::Sample(sample)))?;
    }
    Ok(())
}

fn answer(answered: &Answered) -> Result<(), Problem> {
    let mut line = serde_json::to_string(answered).or_problem(|| "cannot write a sample")?;
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).or_problem(|| "the measuring program is gone")
}
