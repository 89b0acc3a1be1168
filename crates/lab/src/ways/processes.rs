//! Worker processes.

use super::Batch;
use crate::context::Lab;
use crate::job::{Job, Tried};
use crate::procs;

/// Does the tasks in `lab.workers` worker processes. Tasks and replies are copied through pipes; a worker that dies costs
/// its task one more try. See `crates/lab/src/procs/README.md`.
pub fn processes<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    procs::map::<J>(lab, setup, tasks, &batch.halt, &|index, outcome| batch.finish(index, outcome));
    batch.into_outcomes()
}
