//! The workers, and the trainer that they work for.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lab::{OrProblem, Problem};

use super::batch::{BYTES, Batch};
use super::model::{Weights, learn};
use crate::stage::Stage;

/// In which order batches are learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In that of their numbers, prepared ahead.
    OfThePlan,
    /// In that of their numbers, each prepared only when it is needed.
    OnDemand,
    /// Whoever comes first; the first worker is slow with its first batch, so that this is never the plan's order.
    OfArrival,
}

/// What is to be learnt from, and how.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Worker processes; with 0 the trainer prepares its batches itself.
    pub(super) workers: usize,
    /// Batches that each worker may have waiting; `None` is without a bound.
    pub(super) ahead: Option<usize>,
    pub(super) order: Order,
    pub(super) batches: u64,
    pub(super) seed: u64,
    /// For how long the trainer does something else after each batch.
    pub(super) pause: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Trained {
    pub(super) weights: Weights,
    pub(super) took_ns: u64,
    /// For how long the trainer waited for batches.
    pub(super) waited_ns: u64,
    /// Batches that were prepared and not yet learnt from, at most.
    pub(super) most_ready: u64,
}

/// One of the loader's processes: reads numbers of batches from standard input and writes the batches to standard output.
#[derive(Debug, clap::Args)]
pub struct Worker {
    /// Milliseconds that the first batch takes longer
    #[arg(long, default_value_t = 0)]
    slow_start: u64,
}

impl Worker {
    /// Prepares batches until the input ends.
    ///
    /// # Errors
    /// When the trainer is gone in the middle of a batch.
    pub fn work(&self, seed: u64) -> Result<(), Problem> {
        let mut slow = Duration::from_millis(self.slow_start);
        let mut out = io::stdout().lock();
        for line in io::stdin().lock().lines() {
            let line = line.or_problem(|| "the trainer is gone")?;
            let number = line.parse().or_problem(|| format!("`{line}` is no number of a batch"))?;
            thread::sleep(std::mem::take(&mut slow));
            let bytes = Batch::prepare(seed, number).to_bytes();
            out.write_all(&bytes).and_then(|()| out.flush()).or_problem(|| "the trainer is gone")?;
        }
        Ok(())
    }
}

/// A worker process, which is ended and reaped when nobody holds it any longer.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many batches are ready, and the most that ever were.
#[derive(Default)]
struct Ready {
    now: AtomicU64,
    most: AtomicU64,
}

impl Ready {
    // Plain counts: the batches themselves travel through channels, which order them.
    fn one_more(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    fn one_less(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Learns from all batches of a plan.
pub(super) fn train(stage: &Stage, plan: &Plan) -> Result<Trained, Problem> {
    let ready = Ready::default();
    let started = Instant::now();
    let (weights, waited) = if plan.workers == 0 {
        learn_from(stage, plan, &ready, |number| {
            let batch = Batch::prepare(plan.seed, number);
            ready.one_more();
            Ok(batch)
        })?
    } else {
        with_workers(stage, plan, &ready)?
    };
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let most_ready = ready.most.load(Ordering::Relaxed);
    Ok(Trained {
        weights,
        took_ns: nanoseconds(started.elapsed()),
        waited_ns: nanoseconds(waited),
        most_ready,
    })
}

/// The trainer: asks for the next batch, learns from it, and so on.
fn learn_from(
    stage: &Stage,
    plan: &Plan,
    ready: &Ready,
    mut next: impl FnMut(u64) -> Result<Batch, Problem>,
) -> Result<(Weights, Duration), Problem> {
    let (mut weights, mut waited) = (Weights::default(), Duration::ZERO);
    for number in 0..plan.batches {
        stage.lab.stop.check()?;
        let before = Instant::now();
        let batch = {
            let _span = lab::span!(Waiting, "next batch", number).entered();
            next(number)?
        };
        waited += before.elapsed();
        let _span = lab::span!(Running, "learn", number).entered();
        learn(&mut weights, &batch);
        ready.one_less();
        // A model of more than nine weights would take its time here.
        thread::sleep(plan.pause);
    }
    Ok((weights, waited))
}

/// The trainer's end of one worker.
struct Line {
    /// A word to the attendant that the next batch is needed now.
    ask: Sender<()>,
    batches: Receiver<Batch>,
}

/// Trains with worker processes. Batch `b` is prepared by worker `b mod workers`, so each one's batches come in their order,
/// and the trainer knows whose turn it is.
fn with_workers(stage: &Stage, plan: &Plan, ready: &Ready) -> Result<(Weights, Duration), Problem> {
    let all = usize::try_from(plan.batches).unwrap_or(usize::MAX);
    // The bound is the promise of the lesson: what is ready and not yet needed fits into it.
    let room = plan.ahead.unwrap_or(all);
    // By arrival, all workers share one queue, and the trainer's order is that of the queue.
    let shared = bounded::<Batch>(room.saturating_mul(plan.workers).max(1));
    thread::scope(|scope| {
        let mut lines = Vec::new();
        for worker in 0..plan.workers {
            let (into, batches) = match plan.order {
                Order::OfArrival => shared.clone(),
                _ => bounded(room.max(1)),
            };
            let (ask, asked) = bounded::<()>(all);
            lines.push(Line { ask, batches });
            let child = start(stage, plan, worker)?;
            let attend = move || attend(plan, worker, child, &asked, &into, ready);
            let name = crate::words!(stage, "process {worker}", "processo {worker}");
            let thread = Builder::new().name(name);
            thread.spawn_scoped(scope, attend).or_problem(|| "cannot start a thread for a worker")?;
        }
        drop(shared);
        let trained = learn_from(stage, plan, ready, |number| {
            let line = &lines[usize::try_from(number).unwrap_or_default() % plan.workers];
            // The queue of words holds one for each batch, so this never waits; a lost attendant shows in the next line.
            let _ = line.ask.send(());
            line.batches.recv().or_problem(|| "a worker of the data loader ended before its last batch")
        });
        // The trainer's ends go before the threads are joined, so that no attendant waits for room any longer.
        drop(lines);
        trained
    })
}

fn start(stage: &Stage, plan: &Plan, worker: usize) -> Result<Held, Problem> {
    let slow = if worker == 0 && plan.order == Order::OfArrival { "40" } else { "0" };
    let mut command = Command::new(stage.lab.launch.clone().into_program());
    command.args(["prepare-batches", "--seed", &plan.seed.to_string(), "--slow-start", slow]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map(Held).or_problem(|| "cannot start a worker of the data loader")
}

/// Hands a worker its numbers and passes its batches on. Ends when either of the two does.
fn attend(
    plan: &Plan,
    worker: usize,
    mut child: Held,
    asked: &Receiver<()>,
    into: &Sender<Batch>,
    ready: &Ready,
) {
    let (Some(mut numbers), Some(batches)) = (child.0.stdin.take(), child.0.stdout.take()) else { return };
    let mut batches = BufReader::new(batches);
    let mut bytes = Box::new([0; BYTES]);
    for number in (0..plan.batches).skip(worker).step_by(plan.workers) {
        if plan.order == Order::OnDemand && asked.recv().is_err() {
            return;
        }
        let preparing = lab::span!(Running, "prepare", number).entered();
        if writeln!(numbers, "{number}").and_then(|()| batches.read_exact(&mut *bytes)).is_err() {
            return;
        }
        drop(preparing);
        ready.one_more();
        let _span = lab::span!(Blocked, "ready", number).entered();
        if into.send(Batch::from_bytes(&bytes)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use lab::Launch;

    use super::*;
    use crate::text::Lang;

    #[test]
    fn a_worker_that_ends_too_early_is_an_error_and_no_wait_for_ever() {
        let mut stage = Stage::silent(Lang::En);
        stage.lab.launch = Launch::program("/bin/false");
        let plan = Plan {
            workers: 2,
            ahead: Some(2),
            order: Order::OfThePlan,
            batches: 8,
            seed: 42,
            pause: Duration::ZERO,
        };
        let problem = train(&stage, &plan).map(|trained| trained.weights).unwrap_err();
        assert!(problem.to_string().contains("ended before its last batch"), "{problem}");
    }
}
