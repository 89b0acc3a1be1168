//! Worker processes.

use super::{Sink, Tasks};
use crate::context::Lab;
use crate::job::Job;
use crate::problem::Problem;
use crate::procs::Pool;

/// Does the tasks in `lab.workers` worker processes. Tasks and replies are copied through pipes; a worker that dies costs
/// its task one more try. See `crates/lab/src/procs/README.md`.
///
/// # Errors
/// What the sink fails with, and a setup that cannot be sent to a worker.
pub fn processes<J: Job>(
    lab: &Lab,
    setup: &J::Setup,
    tasks: Tasks<'_, J::Task>,
    sink: Sink<'_, J::Reply>,
) -> Result<(), Problem> {
    Pool::<J>::start(lab, setup)?.map(lab, tasks, sink)
}
