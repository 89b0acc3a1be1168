//! The ways to do many tasks: siblings with one signature.
//!
//! Each takes the run, what the workers start from, and the tasks, and returns the tasks' outcomes **in the order of the
//! tasks**. A task that fails or panics costs only itself. Nothing outlives the call: every thread is joined, every
//! process reaped.
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

mod event_loop;
mod pool;
mod processes;
mod sequential;
mod stealing;
mod threads;

use std::sync::OnceLock;

pub use event_loop::{event_loop, tasks};
pub use pool::pool;
pub use processes::processes;
pub use sequential::sequential;
pub use stealing::rayon;
pub use threads::threads;

use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Tried, Worker};
use crate::stop::Stop;

/// The signature that the siblings share.
pub type Way<J> = fn(&Lab, &<J as Job>::Setup, &[<J as Job>::Task]) -> Vec<Tried<<J as Job>::Reply>>;

/// The tasks of one call and a place for each outcome.
///
/// Every worker of a call shares it. A place is written once, by whoever did the task, so the outcomes need no lock and
/// no channel back, and their order is that of the tasks.
struct Batch<'a, J: Job> {
    setup: &'a J::Setup,
    tasks: &'a [J::Task],
    outcomes: Vec<OnceLock<Tried<J::Reply>>>,
    halt: Stop,
    fail_fast: bool,
}

impl<'a, J: Job> Batch<'a, J> {
    fn new(lab: &Lab, setup: &'a J::Setup, tasks: &'a [J::Task]) -> Self {
        let outcomes = tasks.iter().map(|_| OnceLock::new()).collect();
        Self { setup, tasks, outcomes, halt: lab.stop.child(), fail_fast: lab.fail_fast }
    }

    fn worker(&self) -> Worker<'a, J> {
        Worker::new(self.setup)
    }

    /// Does the task at `index`, unless the work was asked to end.
    fn run(&self, worker: &mut Worker<'_, J>, index: usize) {
        if !self.halt.asked() {
            self.finish(index, worker.run(&self.tasks[index], &self.halt));
        }
    }

    fn finish(&self, index: usize, outcome: Tried<J::Reply>) {
        if outcome.is_err() && self.fail_fast {
            self.halt.now();
        }
        // Each index is handed to one worker only, so the place is still empty.
        let _ = self.outcomes[index].set(outcome);
    }

    fn into_outcomes(self) -> Vec<Tried<J::Reply>> {
        let not_started = |task: &J::Task| Err(Failure { task: task.to_string(), cause: Cause::NotStarted });
        let places = self.outcomes.into_iter().zip(self.tasks);
        places.map(|(place, task)| place.into_inner().unwrap_or_else(|| not_started(task))).collect()
    }
}

#[cfg(test)]
mod tests;
