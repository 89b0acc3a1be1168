//! One after another: the reference answer, and the denominator of every speed-up.

use super::Batch;
use crate::context::Lab;
use crate::job::{Job, Tried};

/// Does the tasks one after another on the calling thread.
pub fn sequential<J: Job>(lab: &Lab, setup: &J::Setup, tasks: &[J::Task]) -> Vec<Tried<J::Reply>> {
    let batch = Batch::<J>::new(lab, setup, tasks);
    let mut worker = batch.worker();
    for index in 0..tasks.len() {
        batch.run(&mut worker, index);
    }
    batch.into_outcomes()
}
