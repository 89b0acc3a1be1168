//! Both halves in one process, and a pool of processes before one that stores.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use arrow_array::RecordBatch;
use crossbeam_channel::bounded;
use lab::ways::{self, Way};
use lab::{Job, Lab, Problem, Stop, Tried, span};
use serde::{Deserialize, Serialize};

use crate::handed::Handed;

use super::persist::Persister;
use super::plan::{Plan, Source};
use super::{Input, Output};

/// Batches that may wait between two threads: enough that neither stops at every unevenness of the other, few enough that
/// they stay in a cache.
const WAITING: usize = 4;

/// One batch after another: transformed, stored.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay_all(input, lab, ways::sequential::<TransformBatch>)
}

/// Two threads and a bounded channel between them.
pub(super) fn threads(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (mut persister, numbers) = open(input)?;
    let (put, get) = bounded::<Result<RecordBatch, Problem>>(WAITING);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut source = Source::new(Arc::new(input.plan.clone()));
            for number in numbers {
                let batch = transform(&mut source, number);
                let over = batch.is_err();
                // Nobody listens any longer once storing has failed.
                if put.send(batch).is_err() || over {
                    break;
                }
            }
        });
        for batch in get {
            lab.stop.check()?;
            store(&mut persister, input, &batch?)?;
        }
        Ok(())
    })?;
    input.done()
}

/// Several threads transform; the calling one stores, in order.
pub(super) fn pool(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay_all(input, lab, ways::pool::<TransformBatch>)
}

/// As `pool`, with work stealing.
pub(super) fn rayon(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay_all(input, lab, ways::rayon::<TransformBatch>)
}

/// Tasks on one event loop: no batch waits for anything, so they are made one after another.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay_all(input, lab, ways::event_loop::<TransformBatch>)
}

/// A pool of worker processes transforms; the calling process stores, in order.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    relay_all(input, lab, ways::processes::<TransformBatch>)
}

/// The open output, and the batches that it does not have yet.
fn open(input: &Input) -> Result<(Persister, Range<u64>), Problem> {
    let persister = Persister::open(&input.target, &input.columns)?;
    let from = persister.position();
    Ok((persister, from..input.plan.batches()))
}

fn transform(source: &mut Source, number: u64) -> Result<RecordBatch, Problem> {
    let _span = span!(Running, "transform", number).entered();
    source.batch(number)
}

fn store(persister: &mut Persister, input: &Input, batch: &RecordBatch) -> Result<(), Problem> {
    persister.add(batch)?;
    let number = persister.position();
    persister.end_of_batch(number, input.plan.commits_at(number + 1))
}

fn relay_all(input: &Input, lab: &Lab, way: Way<TransformBatch>) -> Result<Output, Problem> {
    let (mut persister, numbers) = open(input)?;
    let mut persist = |outcome: Tried<Handed>| match outcome {
        Ok(Handed(batch)) => store(&mut persister, input, &batch),
        Err(failure) => match failure.cause {
            lab::Cause::Problem(problem) => Err(problem),
            _ => lab.stop.check().and_then(|()| Err(Problem::new(failure.to_string()))),
        },
    };
    way(lab, &input.plan, &mut numbers.map(Number), &mut persist)?;
    drop(persister);
    lab.stop.check()?;
    input.done()
}

/// One task: the number of a batch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Number(u64);

impl fmt::Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "batch {}", self.0)
    }
}

/// The job: reads and transforms batch after batch.
pub struct TransformBatch {
    source: Source,
}

impl Job for TransformBatch {
    const NAME: &'static str = "relay";
    type Setup = Plan;
    type Task = Number;
    type Reply = Handed;

    fn start(plan: &Plan) -> Result<Self, Problem> {
        Ok(Self { source: Source::new(Arc::new(plan.clone())) })
    }

    fn run(&mut self, number: &Number, _: &Stop) -> Result<Handed, Problem> {
        transform(&mut self.source, number.0).map(Handed)
    }
}
