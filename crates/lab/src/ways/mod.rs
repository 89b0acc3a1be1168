//! The ways to do many tasks: siblings with one signature.
//!
//! Each takes the run, what the workers start from, the tasks, one at a time when their turn comes, and a sink that gets
//! the tasks' outcomes **in the order of the tasks**, while later ones are still being done. Neither has to be thought of
//! as shared: both are used by the calling thread alone. So a list of any length is done in flat memory, and a table that
//! is being read can be the source.
//!
//! A task that fails or panics costs only itself. Nothing outlives the call: every thread is joined, every process reaped.
//! [`collect`] does a list that is there already and returns all outcomes.
//!
//! | way | who works | what it costs to start |
//! |---|---|---|
//! | [`sequential`](sequential()) | the calling thread | nothing |
//! | [`threads`](threads()) | one thread for each task | a thread a task |
//! | [`pool`](pool()) | a fixed number of threads behind a bounded channel | a thread a worker |
//! | [`rayon`](rayon()) | a fixed number of threads that steal from each other | a thread a worker |
//! | [`event_loop`](event_loop()) | one thread, tasks one after another on an event loop | nothing |
//! | [`tasks`] | one thread, as many unfinished tasks as asked for | an allocation a task |
//! | [`processes`](processes()) | a fixed number of processes | a process a worker, and every task and reply copied |

mod desk;
mod event_loop;
mod pool;
mod processes;
mod sequential;
mod stealing;
mod threads;

pub(crate) use desk::{Desk, Done, Given};
pub use event_loop::{event_loop, tasks};
pub use pool::pool;
pub use processes::processes;
pub use sequential::sequential;
pub use stealing::rayon;
pub use threads::threads;

use std::fmt::Display;

use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Tried, Worker};
use crate::problem::Problem;
use crate::stop::Stop;

/// Where the tasks come from. The next one is asked for when somebody is about to be free for it, and not after a stop.
pub type Tasks<'a, T> = &'a mut dyn Iterator<Item = T>;

/// Where the outcomes go, in the order of the tasks. A sink that fails ends the work.
pub type Sink<'a, R> = &'a mut dyn FnMut(Tried<R>) -> Result<(), Problem>;

/// The signature that the siblings share. The error is the sink's; what fails in a task is that task's outcome.
pub type Way<J> = fn(
    &Lab,
    &<J as Job>::Setup,
    Tasks<'_, <J as Job>::Task>,
    Sink<'_, <J as Job>::Reply>,
) -> Result<(), Problem>;

/// Does a list of tasks in one of the ways and returns their outcomes. Those that a stop kept from being taken are
/// [`Cause::NotStarted`].
pub fn collect<J: Job>(way: Way<J>, lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>>
where
    J::Task: Clone,
{
    let mut outcomes = Vec::with_capacity(tasks.len());
    let mut keep = |outcome| {
        outcomes.push(outcome);
        Ok(())
    };
    // This sink never fails; a ledger can, and then the tasks that are missing say so.
    let why = way(lab, setup, &mut tasks.iter().cloned(), &mut keep).err();
    let cause = why.map_or(Cause::NotStarted, Cause::Problem);
    let rest = tasks[outcomes.len()..].iter();
    outcomes.extend(rest.map(|task| Err(Failure { task: task.to_string(), cause: cause.clone() })));
    outcomes
}

/// Does a task, unless the work was asked to end.
fn attempt<J: Job>(
    worker: &mut Worker<'_, J>,
    (number, task): Given<J::Task>,
    halt: &Stop,
) -> Done<J::Reply> {
    if halt.asked() { (number, not_started(&task)) } else { (number, worker.run(&task, halt)) }
}

fn not_started<R>(task: &impl Display) -> Tried<R> {
    Err(Failure { task: task.to_string(), cause: Cause::NotStarted })
}

#[cfg(test)]
mod tests;
