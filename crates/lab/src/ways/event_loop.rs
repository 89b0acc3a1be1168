//! One thread with an event loop.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use tracing::Instrument;

use super::Batch;
use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Tried, panic_message};
use crate::problem::Problem;

/// How long an event loop that is done waits for calls that block a helper thread, such as the lookup of a host's name.
const GOODBYE: Duration = Duration::from_millis(100);

/// Does tasks that compute on one event loop: each holds the only thread until it is done.
///
/// It is here to be measured: async is concurrency, not parallelism, and does not help work that never waits.
pub fn event_loop<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    let worker = RefCell::new(batch.worker());
    block_on(async {
        let (batch, worker) = (&batch, &worker);
        let all = (0..tasks.len()).map(|index| async move {
            tokio::task::yield_now().await;
            // The task awaits nothing while it holds the worker, so no other task can find it taken.
            batch.run(&mut worker.borrow_mut(), index);
        });
        futures::future::join_all(all).await;
    });
    drop(worker);
    batch.into_outcomes()
}

/// Does tasks that wait on one event loop, at most `at_once` unfinished at a time.
///
/// `work` is called for a task when its turn has come. A stop drops the futures in hand, wherever they wait. The outcomes
/// are in the order of `items`.
pub fn tasks<'a, T, R, F>(
    lab: &Lab,
    at_once: usize,
    items: &'a [T],
    work: impl Fn(&'a T) -> F,
) -> Vec<Tried<R>>
where
    T: Display,
    F: Future<Output = Result<R, Problem>>,
{
    let halt = lab.stop.child();
    let failure = |item: &T, cause| Err(Failure { task: item.to_string(), cause });
    let one = |(index, item): (usize, &'a T)| {
        let (halt, work, failure) = (&halt, &work, &failure);
        let span = crate::span!(Task, "task", item);
        let task = async move {
            if halt.asked() {
                return (index, failure(item, Cause::NotStarted));
            }
            // What a panic leaves broken is dropped with the future that it broke.
            let outcome = tokio::select! {
                biased;
                () = halt.wait() => failure(item, Cause::CutOff),
                outcome = AssertUnwindSafe(async { work(item).await }).catch_unwind() => match outcome {
                    Ok(Ok(reply)) => Ok(reply),
                    Ok(Err(problem)) => failure(item, Cause::Problem(problem)),
                    Err(panic) => failure(item, Cause::Panicked(panic_message(&*panic))),
                },
            };
            if lab.fail_fast && outcome.is_err() {
                halt.now();
            }
            (index, outcome)
        };
        task.instrument(span)
    };
    let mut outcomes: Vec<Option<Tried<R>>> = items.iter().map(|_| None).collect();
    block_on(async {
        let mut done = stream::iter(items.iter().enumerate()).map(one).buffer_unordered(at_once.max(1));
        while let Some((index, outcome)) = done.next().await {
            outcomes[index] = Some(outcome);
        }
    });
    let places = outcomes.into_iter().zip(items);
    places.map(|(outcome, item)| outcome.unwrap_or_else(|| failure(item, Cause::NotStarted))).collect()
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
