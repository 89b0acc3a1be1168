//! A cell: one exercise under one strategy, in a process of its own. The only clock.
//!
//! The process prepares the input once and then takes samples when it is told to, so that the samples of several cells can
//! be interleaved. It reads commands from standard input, a line each (`sample`, or `timeline` and a path), and answers
//! each with a line of JSON on standard output. When its input ends, it ends.
//!
//! The clock runs around the strategy's call and nothing else: the old output is removed before, the answer's digest is
//! made after, and between two samples the process sleeps in a read.

pub mod usage;

use std::fs::{self, File};
use std::io::{BufRead, BufWriter, Write};
use std::path::Path;
use std::thread;
use std::time::Instant;

use crossbeam_channel::bounded;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Digest, Work};
use crate::context::Lab;
use crate::exercise::{Exercise, Run};
use crate::logged::logged;
use crate::pipes::{claim_stdin, claim_stdout};
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
    /// What the kernel had to do for it.
    #[serde(default)]
    pub events: usage::Events,
    /// BLAKE3 of the answer.
    pub digest: String,
    /// How much was done.
    pub work: Work,
    /// The tasks that were not done, and why.
    pub failures: Vec<String>,
    /// Suspicious results that do not fail the run.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Runs a strategy once, under the clock. The digest of the sample is empty: making it is not part of the work.
///
/// # Errors
/// The strategy's problem.
pub fn timed<E: Exercise>(run: Run<E>, input: &E::Input, lab: &Lab) -> Result<(Sample, E::Output), Problem> {
    lab.children.reset();
    usage::forget_peak();
    let (events, cpu) = (usage::Events::so_far(), usage::cpu_time());
    let started = Instant::now();
    let output = std::hint::black_box(run(std::hint::black_box(input), lab));
    let wall = started.elapsed();
    let cpu = usage::cpu_time().saturating_sub(cpu);
    let events = usage::Events::so_far().since(events);
    let output = output?;
    let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let sample = Sample {
        wall_ns: nanoseconds(wall),
        cpu_ns: nanoseconds(cpu),
        peak_rss_bytes: usage::peak_rss_bytes(std::process::id()) + lab.children.peak_rss_bytes(),
        worker_deaths: lab.children.deaths(),
        events,
        digest: String::new(),
        work: lab.noted.work_with(&output),
        failures: lab.noted.undone_with(&output).iter().map(ToString::to_string).collect(),
        warnings: output.warnings().iter().map(Problem::line).collect(),
    };
    Ok((sample, output))
}

/// Adds the digest of the answer to its sample.
fn digested<O: Answer>((sample, output): (Sample, O)) -> Result<Sample, Problem> {
    let mut digest = Digest::new();
    output.digest(&mut digest)?;
    Ok(Sample { digest: digest.finish(), ..sample })
}

/// Runs a strategy once with recording on and writes its timeline to `path`.
///
/// # Errors
/// A timeline that cannot be written, and those of [`timed`].
pub fn traced<E: Exercise>(
    run: Run<E>,
    input: &E::Input,
    lab: &Lab,
    path: &Path,
) -> Result<(Sample, E::Output), Problem> {
    let cannot = || format!("cannot write the timeline {}", path.display());
    let staging = out::Staging::beside(path)?;
    let staged = staging.path("timeline.json");
    let mut file = BufWriter::new(File::create(&staged).or_problem(cannot)?);
    timeline::record(true);
    let outcome = timed::<E>(run, input, lab);
    let slices = timeline::drain();
    timeline::record(false);
    timeline::write_chrome(&slices, &mut file).and_then(|()| file.flush()).or_problem(cannot)?;
    out::publish(&staged, path)?;
    outcome
}

/// Takes samples on command until standard input ends.
pub(crate) fn serve<E: Exercise>(args: &E::Args, lab: &Lab, run: Run<E>) -> Result<(), Problem> {
    let (arrived, commands) = bounded::<String>(1);
    let lost = || "a cell has no pipes";
    let (commands_pipe, mut answers) = (claim_stdin().or_problem(lost)?, claim_stdout().or_problem(lost)?);
    let stop = lab.stop.clone();
    let reading = thread::Builder::new().name("lifeline".into()).spawn(move || {
        let lines = commands_pipe.lines();
        lines.map_while(Result::ok).take_while(|line| arrived.send(line.clone()).is_ok()).for_each(drop);
        drop(arrived);
        lifeline::cut(&stop)
    });
    reading.or_problem(|| "cannot start the thread that reads commands")?;

    let input = match logged(&format!("{} prepare", E::NAME), "in a cell", || E::prepare(args, lab)) {
        Ok(input) => input,
        Err(problem) => return answer(&mut answers, &Answered::Failed(problem)),
    };
    answer(&mut answers, &Answered::Ready)?;
    for command in commands {
        if let Some(old) = &lab.scratch {
            out::remove(old)
                .or_problem(|| format!("cannot remove the last sample's output {}", old.display()))?;
            fs::create_dir_all(old).or_problem(|| format!("cannot make {}", old.display()))?;
        }
        let how = format!("workers={} {command}", lab.workers);
        let outcome = logged(&format!("{} sample", E::NAME), how, || match command.split_once(' ') {
            Some(("timeline", path)) => traced::<E>(run, &input, lab, Path::new(path)),
            _ => timed::<E>(run, &input, lab),
        });
        answer(&mut answers, &outcome.and_then(digested).map_or_else(Answered::Failed, Answered::Sample))?;
    }
    Ok(())
}

fn answer(out: &mut impl Write, answered: &Answered) -> Result<(), Problem> {
    let mut line = serde_json::to_string(answered).or_problem(|| "cannot write a sample")?;
    line.push('\n');
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).or_problem(|| "the measuring program is gone")
}
