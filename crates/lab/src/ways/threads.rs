//! A thread for each task.

use std::thread;

use crossbeam_channel::bounded;

use super::{Desk, Sink, Tasks, attempt};
use crate::context::Lab;
use crate::job::{Cause, Failure, Job, Worker};
use crate::problem::Problem;

/// So many threads live at once at the most: a list without end must not start threads without end.
const MOST: usize = 4_096;

/// Starts one operating-system thread for each task, all at once, however many cores there are; from 4,096 tasks on, the
/// next one when one has ended.
///
/// Good for tens of tasks that wait; for thousands, or for tasks that compute, it shows what a thread costs. Where the
/// system refuses another thread, the task it was meant for fails and the others go on.
///
/// # Errors
/// What the sink fails with.
pub fn threads<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: Tasks<'_, J::Task>,
    sink: Sink<'_, J::Reply>,
) -> Result<(), Problem> {
    let desk = Desk::new(lab, MOST, tasks, sink);
    let halt = desk.halt();
    let (put, done) = bounded(desk.at_once());
    thread::scope(|scope| {
        let start = |given: super::Given<J::Task>| {
            let (number, label) = (given.0, given.1.to_string());
            let (halt, finish) = (&halt, put.clone());
            let work = move || {
                let outcome = attempt(&mut Worker::<J>::new(setup), given, halt);
                // Somebody listens until every outcome has come.
                let _ = finish.send(outcome);
            };
            let thread = thread::Builder::new().name(format!("thread {number}"));
            if let Err(error) = thread.spawn_scoped(scope, work) {
                let problem = Problem::because("no further thread could be started", &error)
                    .hint("use the strategy `pool`, which needs a thread for each worker only");
                let _ = put.send((number, Err(Failure { task: label, cause: Cause::Problem(problem) })));
            }
        };
        desk.run(start, &done)
    })
}
