//! Work stealing.

use parking_lot::Mutex;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::Batch;
use crate::context::Lab;
use crate::job::{Job, Tried, Worker};

/// Splits the tasks in halves on a rayon pool of `lab.workers` threads; whoever runs out of work steals from another.
///
/// # Panics
/// When the system refuses the threads of the pool.
pub fn rayon<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    // One resting place for each thread's worker. The lock is never contended, because only the thread of that number
    // comes here, and never held while a task runs: a job that enters rayon itself may steal another task on this very
    // thread, which then finds the place empty and starts a worker of its own.
    let resting: Vec<Mutex<Option<Worker<'_, J>>>> = (0..lab.workers).map(|_| Mutex::new(None)).collect();
    let work = || {
        (0..tasks.len()).into_par_iter().with_max_len(1).for_each(|index| {
            let place = &resting[rayon::current_thread_index().unwrap_or_default()];
            let rested = place.lock().take();
            let mut worker = rested.unwrap_or_else(|| batch.worker());
            batch.run(&mut worker, index);
            let displaced = place.lock().replace(worker);
            drop(displaced);
        });
    };
    // A scoped pool joins its threads before it returns.
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(lab.workers)
        .thread_name(|number| format!("rayon {number}"));
    let installed = threads.build_scoped(rayon::ThreadBuilder::run, |pool| pool.install(work));
    installed.expect("the system has threads for the pool");
    batch.into_outcomes()
}
