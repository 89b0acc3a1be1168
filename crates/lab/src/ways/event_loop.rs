//! One thread with an event loop.

use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Desk, Done, Given, Sink, Tasks, attempt, not_started};
use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Worker, panic_message};
use crate::problem::Problem;
use crate::stop::Stop;
use crate::timeline::Drawn as _;

/// How long an event loop that is done waits for calls that block a helper thread, such as the lookup of a host's name.
const GOODBYE: Duration = Duration::from_millis(100);

/// Does tasks that compute on one event loop: each holds the only thread until it is done.
///
/// It is here to be measured: async is concurrency, not parallelism, and does not help work that never waits.
///
/// # Errors
/// What the sink fails with.
pub fn event_loop<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: Tasks<'_, J::Task>,
    sink: Sink<'_, J::Reply>,
) -> Result<(), Problem> {
    let mut desk = Desk::new(lab, lab.workers, tasks, sink);
    let halt = desk.halt();
    let mut worker = Worker::<J>::new(setup);
    block_on(async {
        while let Some(given) = desk.take() {
            tokio::task::yield_now().await;
            desk.put(attempt(&mut worker, given, &halt));
        }
    });
    desk.close()
}

/// Does tasks that wait on one event loop, at most `at_once` unfinished at a time.
///
/// `work` is called for a task when its turn has come. A stop drops the futures in hand, wherever they wait.
///
/// # Errors
/// What the sink fails with.
pub fn tasks<T, R>(
    lab: &Lab,
    at_once: usize,
    tasks: Tasks<'_, T>,
    sink: Sink<'_, R>,
    work: &impl AsyncFn(&T) -> Result<R, Problem>,
) -> Result<(), Problem>
where
    T: Serialize + Display,
    R: Serialize + DeserializeOwned,
{
    let mut desk = Desk::new(lab, at_once, tasks, sink);
    let halt = desk.halt();
    block_on(async {
        let mut in_hand = FuturesUnordered::new();
        loop {
            while let Some(given) = desk.take() {
                let span = crate::span!(Task, "task", &given.1);
                in_hand.push(unless_stopped(given, work, &halt).drawn(span));
            }
            let Some(done) = in_hand.next().await else { break };
            desk.put(done);
        }
    });
    desk.close()
}

async fn unless_stopped<T: Display, R>(
    (number, task): Given<T>,
    work: &impl AsyncFn(&T) -> Result<R, Problem>,
    halt: &Stop,
) -> Done<R> {
    if halt.asked() {
        return (number, not_started(&task));
    }
    // What a panic leaves broken is dropped with the future that it broke.
    let outcome = tokio::select! {
        biased;
        () = halt.wait() => Err(Cause::CutOff),
        outcome = AssertUnwindSafe(async { work(&task).await }).catch_unwind() => match outcome {
            Ok(outcome) => outcome.map_err(Cause::Problem),
            Err(panic) => Err(Cause::Panicked(panic_message(&*panic))),
        },
    };
    (number, outcome.map_err(|cause| Failure { task: task.to_string(), cause }))
}

fn block_on<R>(work: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop needs no more than a few file descriptors");
    let answer = runtime.block_on(work);
    runtime.shutdown_timeout(GOODBYE);
    answer
}
