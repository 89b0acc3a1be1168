//! A fixed number of threads behind a bounded channel.

use std::thread;

use crossbeam_channel::bounded;

use super::Batch;
use crate::context::Lab;
use crate::job::{Job, Tried};

/// Starts `lab.workers` threads that take the tasks, in order, from a bounded channel.
///
/// The channel holds one task for each worker: enough that nobody waits for the hand-out, and no more, so that a stop
/// takes effect after the tasks in hand.
///
/// # Panics
/// When the system refuses the threads of the pool.
pub fn pool<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    let workers = lab.workers.min(tasks.len());
    let (hand_out, take) = bounded(workers);
    thread::scope(|scope| {
        for number in 0..workers {
            let (batch, take) = (&batch, take.clone());
            let work = move || {
                let mut worker = batch.worker();
                take.iter().for_each(|index| batch.run(&mut worker, index));
            };
            let thread = thread::Builder::new().name(format!("pool {number}"));
            thread.spawn_scoped(scope, work).expect("the system has threads for the pool");
        }
        drop(take);
        // A send fails only when every worker is gone, and then their panics are on their way through the scope.
        (0..tasks.len()).take_while(|index| hand_out.send(*index).is_ok()).for_each(drop);
        drop(hand_out);
    });
    batch.into_outcomes()
}
