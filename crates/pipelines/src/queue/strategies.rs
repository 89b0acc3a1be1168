//! The same producers and consumers over each queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use lab::{Job, Lab, OrProblem, Problem, Stop, ways};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::channel::{Put, Shared, Take};
use super::message::{Message, Processed, Production, since};
use super::{Input, Output, write};

/// Results that may wait for the one who writes them.
pub(super) const RESULTS: usize = 256;
/// Messages that go to a worker process at a time: a pipe costs two copies and two wake-ups each time.
const BATCH: usize = 64;

/// No queue: each message is processed by the one who read it.
pub(super) fn sequential(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    write(input, lab, 1, |tally, began| {
        let mut produced = Vec::new();
        for (number, source) in input.sources.iter().enumerate() {
            let mut failed = None;
            produced.push(source.produce(number_of(number), began, &lab.stop, &mut |message| {
                let taken = tally.take(message.processed(&input.needed, since(began), 0));
                failed = taken.err();
                failed.is_none()
            }));
            failed.map_or(Ok(()), Err)?;
        }
        Ok(produced)
    })
}

/// The standard library's bounded queue; its one end for taking is shared behind a lock.
pub(super) fn std_channel(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (put, take) = mpsc::sync_channel(input.room);
    over(input, lab, put, Shared(Arc::new(Mutex::new(take))))
}

/// Crossbeam's bounded queue: an array with a ticket for each place.
pub(super) fn crossbeam(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (put, take) = crossbeam_channel::bounded(input.room);
    over(input, lab, put, take)
}

/// Flume: a lock around a deque, for threads and for tasks.
pub(super) fn flume_channel(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (put, take) = flume::bounded(input.room);
    over(input, lab, put, take)
}

/// Kanal: a message is written straight to the one who waits for it.
pub(super) fn kanal_channel(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let (put, take) = kanal::bounded(input.room);
    over(input, lab, put, take)
}

/// Producers and consumers are threads. When a producer is done it drops its end; when the last one has, every consumer
/// takes what is left and ends; when the last consumer has, so does the one who writes.
fn over<P, T>(input: &Input, lab: &Lab, put: P, take: T) -> Result<Output, Problem>
where
    P: Put<Item = Message>,
    T: Take<Item = Message>,
{
    write(input, lab, lab.workers, |tally, began| {
        let (to_writer, results) = crossbeam_channel::bounded::<Processed>(RESULTS);
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            let producers: Vec<_> = (0..input.producers)
                .map(|_| {
                    let (put, next) = (put.clone(), &next);
                    scope.spawn(move || {
                        produce_all(input, next, began, &lab.stop, &mut |message| put.put(message))
                    })
                })
                .collect();
            for consumer in 0..lab.workers {
                let (take, to_writer) = (take.clone(), to_writer.clone());
                scope.spawn(move || {
                    while let Some(message) = take.take() {
                        let done = message.processed(&input.needed, since(began), number_of(consumer));
                        if to_writer.send(done).is_err() {
                            break;
                        }
                    }
                });
            }
            // The others hold the only ends: when they are done, the queues end.
            drop((put, take, to_writer));
            let taken = results.iter().try_for_each(|result| tally.take(result));
            // A disk that is full ends the writer, then the consumers, and then the producers.
            drop(results);
            let produced = join_all(
                producers
                    .into_iter()
                    .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
            );
            taken.and(produced).map(|produced| in_order(input, produced))
        })
    })
}

/// Takes source after source, until there is none; the messages of each.
pub(super) fn produce_all(
    input: &Input,
    next: &AtomicU64,
    began: Instant,
    stop: &Stop,
    put: &mut dyn FnMut(Message) -> bool,
) -> Result<Produced, Problem> {
    let mut produced = Vec::new();
    loop {
        // Only the number itself is shared, so it needs no ordering with anything else.
        let number = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
        let Some(source) = input.sources.get(number) else { return Ok(produced) };
        produced.push((number, source.produce(number_of(number), began, stop, put)));
    }
}

/// The sources that were produced, and the messages of each.
pub(super) type Produced = Vec<(usize, Production)>;

pub(super) fn join_all(all: impl Iterator<Item = Result<Produced, Problem>>) -> Result<Produced, Problem> {
    // Every thread is joined before the first problem is told.
    let all: Vec<_> = all.collect();
    Ok(all.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

pub(super) fn in_order(input: &Input, produced: Produced) -> Vec<Production> {
    let mut ordered = vec![Production::default(); input.sources.len()];
    produced.into_iter().for_each(|(number, production)| ordered[number] = production);
    ordered
}

pub(super) fn number_of(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Tokio's queue: producers and consumers take turns on one event loop. Its one end for taking is shared behind a lock that
/// suspends and does not block. A source is read a message at a time where its producer would have to wait.
pub(super) fn event_loop(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().or_problem(|| "cannot start an event loop")?;
    write(input, lab, lab.workers, |tally, began| {
        let (put, take) = tokio::sync::mpsc::channel::<Message>(input.room);
        let take = tokio::sync::Mutex::new(take);
        let tally = std::cell::RefCell::new(tally);
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            // Reading files blocks, so it is done beside the event loop, as tokio's own file functions do.
            let producers: Vec<_> = (0..input.producers)
                .map(|_| {
                    let (put, next) = (put.clone(), &next);
                    scope.spawn(move || {
                        produce_all(input, next, began, &lab.stop, &mut |message| {
                            put.blocking_send(message).is_ok()
                        })
                    })
                })
                .collect();
            drop(put);
            let consume = async |consumer: usize| {
                loop {
                    let message = take.lock().await.recv().await;
                    let Some(message) = message else { return Ok(()) };
                    let done = message.processed(&input.needed, since(began), number_of(consumer));
                    tally.borrow_mut().take(done)?;
                    tokio::task::yield_now().await;
                }
            };
            let consumers = futures::future::try_join_all((0..lab.workers).map(consume));
            let consumed = runtime.block_on(consumers).map(drop);
            // Whoever still waits for room is told that nobody takes any more.
            if consumed.is_err() {
                runtime.block_on(async { take.lock().await.close() });
            }
            let produced = join_all(
                producers
                    .into_iter()
                    .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
            );
            consumed.and(produced).map(|produced| in_order(input, produced))
        })
    })
}

/// Consumers are processes, and messages go to them through pipes, some at a time.
pub(super) fn processes(input: &Input, lab: &Lab) -> Result<Output, Problem> {
    write(input, lab, lab.workers, |tally, began| {
        let (put, take) = crossbeam_channel::bounded::<Message>(input.room);
        let next = AtomicU64::new(0);
        thread::scope(|scope| {
            let producers: Vec<_> = (0..input.producers)
                .map(|_| {
                    let (put, next) = (put.clone(), &next);
                    scope.spawn(move || {
                        produce_all(input, next, began, &lab.stop, &mut |message| put.send(message).is_ok())
                    })
                })
                .collect();
            drop(put);
            let mut batches = std::iter::from_fn(|| {
                let first = take.recv().ok()?;
                let mut batch: Vec<Message> =
                    std::iter::once(first).chain(take.try_iter().take(BATCH - 1)).collect();
                let now = since(began);
                // The clock of a worker began at another time, so what was waited is written down here.
                batch.iter_mut().for_each(|message| message.put_ns = now.saturating_sub(message.put_ns));
                Some(Batch(batch))
            });
            let setup = input.needed.clone();
            let consumed = ways::processes::<ProcessBatch>(lab, &setup, &mut batches, &mut |outcome| {
                let done = outcome.map_err(|failure| Problem::new(failure.to_string()))?;
                done.into_iter().try_for_each(|result| tally.take(result))
            });
            drop(take);
            let produced = join_all(
                producers
                    .into_iter()
                    .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
            );
            consumed.and(produced).map(|produced| in_order(input, produced))
        })
    })
}

/// Messages on their way to a worker process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch(Vec<Message>);

impl std::fmt::Display for Batch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} messages", self.0.len())
    }
}

/// The job of a worker process.
#[derive(Debug)]
pub struct ProcessBatch {
    needed: Vec<String>,
    consumer: u32,
}

impl Job for ProcessBatch {
    const NAME: &'static str = "queue";
    type Setup = Vec<String>;
    type Task = Batch;
    type Reply = Vec<Processed>;

    fn start(needed: &Vec<String>) -> Result<Self, Problem> {
        Ok(Self { needed: needed.clone(), consumer: std::process::id() })
    }

    fn run(&mut self, batch: &Batch, _: &Stop) -> Result<Vec<Processed>, Problem> {
        let each = batch.0.iter().map(|message| {
            let waited = message.put_ns;
            let message = Message { put_ns: 0, ..message.clone() };
            message.processed(&self.needed, waited, self.consumer)
        });
        Ok(each.collect())
    }
}
