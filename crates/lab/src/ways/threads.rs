//! A thread for each task.

use std::thread;

use super::Batch;
use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Tried};
use crate::problem::Problem;

/// Starts one operating-system thread for each task, all at once, however many cores there are.
///
/// Good for tens of tasks that wait; for thousands, or for tasks that compute, it shows what a thread costs. Where the
/// system refuses another thread, the task it was meant for fails and the others go on.
pub fn threads<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    thread::scope(|scope| {
        for (index, task) in tasks.iter().enumerate() {
            if batch.halt.asked() {
                break;
            }
            let batch = &batch;
            let spawned = thread::Builder::new()
                .name(format!("thread {index}"))
                .spawn_scoped(scope, move || batch.run(&mut batch.worker(), index));
            if let Err(error) = spawned {
                let problem = Problem::because("no further thread could be started", &error)
                    .hint("use the strategy `pool`, which needs a thread for each worker only");
                batch.finish(index, Err(Failure { task: task.to_string(), cause: Cause::Problem(problem) }));
            }
        }
    });
    batch.into_outcomes()
}
