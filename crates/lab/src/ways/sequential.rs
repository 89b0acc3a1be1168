//! One after another: the reference answer, and the denominator of every speed-up.

use super::{Desk, Sink, Tasks, attempt};
use crate::context::Lab;
use crate::job::{Job, Worker};
use crate::problem::Problem;

/// Does the tasks one after another on the calling thread.
///
/// # Errors
/// What the sink fails with.
pub fn sequential<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: Tasks<'_, J::Task>,
    sink: Sink<'_, J::Reply>,
) -> Result<(), Problem> {
    let mut desk = Desk::new(lab, 1, tasks, sink);
    let halt = desk.halt();
    let mut worker = Worker::<J>::new(setup);
    while let Some(given) = desk.take() {
        desk.put(attempt(&mut worker, given, &halt));
    }
    desk.close()
}
