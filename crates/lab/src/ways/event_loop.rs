//! One thread with an event loop.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::Future;
use std::rc::Rc;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, LocalSet};
use tracing::Instrument;

use super::Batch;
use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Tried, panic_message};
use crate::problem::Problem;

/// Does tasks that compute on one event loop: each holds the only thread until it is done.
///
/// It is here to be measured: async is concurrency, not parallelism, and does not help work that never waits.
pub fn event_loop<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    let worker = RefCell::new(batch.worker());
    let (batch_ref, worker_ref) = (&batch, &worker);
    block_on(async move {
        let all = (0..tasks.len()).map(|index| async move {
            tokio::task::yield_now().await;
            batch_ref.run(&mut worker_ref.borrow_mut(), index);
        });
        futures::future::join_all(all).await;
    });
    drop(worker);
    batch.into_outcomes()
}

/// Does tasks that wait on one event loop, at most `at_once` unfinished at a time: one tokio task for each.
///
/// `work` is called for a task when its turn has come. The outcomes are in the order of `items`.
pub fn tasks<T, R, F>(
    lab: &Lab,
    at_once: usize,
    items: &[T],
    work: impl Fn(T) -> F + 'static,
) -> Vec<Tried<R>>
where
    T: Clone + Display + 'static,
    R: 'static,
    F: Future<Output = Result<R, Problem>> + 'static,
{
    let halt = lab.stop.child();
    let places = Rc::new(Semaphore::new(at_once.max(1)));
    let work = Rc::new(work);
    block_on(async {
        let spawned: Vec<_> = items
            .iter()
            .map(|item| {
                let (item, work, places, halt) = (item.clone(), work.clone(), places.clone(), halt.clone());
                let fail_fast = lab.fail_fast;
                let span = crate::span!(Task, "task", item);
                let task = async move {
                    let _place = places.acquire().await;
                    let label = item.to_string();
                    let cause = tokio::select! {
                        biased;
                        () = halt.wait() => Cause::NotStarted,
                        outcome = work(item) => match outcome {
                            Ok(reply) => return Ok(reply),
                            Err(problem) => Cause::Problem(problem),
                        },
                    };
                    if fail_fast {
                        halt.now();
                    }
                    Err(Failure { task: label, cause })
                };
                tokio::task::spawn_local(task.instrument(span))
            })
            .collect();
        let mut outcomes = Vec::with_capacity(spawned.len());
        for (task, item) in spawned.into_iter().zip(items) {
            outcomes.push(task.await.unwrap_or_else(|error| Err(panicked(item, error))));
        }
        outcomes
    })
}

fn panicked(item: &impl Display, error: JoinError) -> Failure {
    let message = error.try_into_panic().map_or_else(|_| "cancelled".into(), |panic| panic_message(&*panic));
    Failure { task: item.to_string(), cause: Cause::Panicked(message) }
}

fn block_on<R>(work: impl Future<Output = R>) -> R {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop needs no more than a few file descriptors");
    runtime.block_on(LocalSet::new().run_until(work))
}
