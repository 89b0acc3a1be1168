//! Work stealing.

use crossbeam_channel::bounded;
use parking_lot::Mutex;

use super::pool::WAITING;
use super::{Desk, Sink, Tasks, attempt};
use crate::context::Lab;
use crate::job::{Job, Worker};
use crate::problem::Problem;

/// Hands the tasks to a rayon pool of `lab.workers` threads. A thread takes the next task when it is done with one, and
/// where a job splits its task further with rayon itself, idle threads steal the pieces.
///
/// # Errors
/// What the sink fails with.
///
/// # Panics
/// When the system refuses the threads of the pool.
pub fn rayon<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: Tasks<'_, J::Task>,
    sink: Sink<'_, J::Reply>,
) -> Result<(), Problem> {
    let desk = Desk::new(lab, lab.workers * (1 + WAITING), tasks, sink);
    let halt = desk.halt();
    let (put, done) = bounded(desk.at_once());
    // One resting place for each thread's worker. The lock is never contended, because only the thread of that number
    // comes here, and never held while a task runs: a job that enters rayon itself may steal another task on this very
    // thread, which then finds the place empty and starts a worker of its own.
    let resting: Vec<Mutex<Option<Worker<'_, J>>>> = (0..lab.workers).map(|_| Mutex::new(None)).collect();
    let work = |given| {
        let place = &resting[rayon::current_thread_index().unwrap_or_default()];
        let rested = place.lock().take();
        let mut worker = rested.unwrap_or_else(|| Worker::new(setup));
        // Somebody listens until every outcome has come.
        let _ = put.send(attempt(&mut worker, given, &halt));
        let displaced = place.lock().replace(worker);
        drop(displaced);
    };
    let work = &work;
    // A scoped pool joins its threads before it returns.
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(lab.workers)
        .thread_name(|number| format!("rayon {number}"));
    let hand_out = |pool: &rayon::ThreadPool| {
        pool.in_place_scope(|scope| desk.run(|given| scope.spawn(move |_| work(given)), &done))
    };
    threads.build_scoped(rayon::ThreadBuilder::run, hand_out).expect("the system has threads for the pool")
}
