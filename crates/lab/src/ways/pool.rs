//! A fixed number of threads behind a bounded channel.

use std::thread;

use crossbeam_channel::bounded;

use super::{Desk, Sink, Tasks, attempt};
use crate::context::Lab;
use crate::job::{Job, Worker};
use crate::problem::Problem;

/// How many tasks a worker may have waiting beside the one that it does: enough that it never waits for the hand-out, and
/// no more, so that a stop takes effect after the tasks in hand.
pub(super) const WAITING: usize = 1;

/// Starts `lab.workers` threads that take the tasks, in order, from a bounded channel.
///
/// # Errors
/// What the sink fails with.
///
/// # Panics
/// When the system refuses the threads of the pool.
pub fn pool<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: Tasks<'_, J::Task>,
    sink: Sink<'_, J::Reply>,
) -> Result<(), Problem> {
    let desk = Desk::new(lab, lab.workers * (1 + WAITING), tasks, sink);
    let halt = desk.halt();
    // The desk never has more in hand than there is room for in either channel, so neither side ever waits to send.
    let (hand_out, take) = bounded::<super::Given<J::Task>>(desk.at_once());
    let (put, done) = bounded(desk.at_once());
    thread::scope(|scope| {
        let work = || {
            let (halt, take, put) = (&halt, take.clone(), put.clone());
            move || {
                let mut worker = Worker::<J>::new(setup);
                // Somebody listens until every outcome has come.
                take.iter().for_each(|given| drop(put.send(attempt(&mut worker, given, halt))));
            }
        };
        let mut started = 0;
        let give = |given| {
            // A list shorter than the pool does not start the rest of it.
            if started < lab.workers {
                let thread = thread::Builder::new().name(format!("pool {started}"));
                thread.spawn_scoped(scope, work()).expect("the system has threads for the pool");
                started += 1;
            }
            let _ = hand_out.send(given);
        };
        let outcome = desk.run(give, &done);
        drop(hand_out);
        outcome
    })
}
