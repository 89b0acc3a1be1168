//! The pool's bounded queue and the timeline's buffers under an explorer that decides at every lock who goes on.
//!
//! The files are the same that the crate is made of, compiled once more with other locks (`sync`), so what is explored is
//! what runs. The tests draw schedules at random, from fixed seeds; a schedule that fails is printed, to be replayed. A
//! deadlock is a failure too. `STRESS_SCHEDULES=100000` makes them long.

#![allow(
    clippy::duplicate_mod,
    dead_code,
    unreachable_pub,
    reason = "what the tests here do not ask for is used by the crate itself"
)]

#[path = "../timeline/buffers.rs"]
mod buffers;
#[path = "../procs/queue.rs"]
mod queue;
mod sync;

mod pool;
mod timeline;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Runs a program under many schedules: half of them drawn step by step, half with few changes between threads, which finds
/// what needs one thread to be far behind.
fn explore(program: impl Fn() + Clone + Send + Sync + 'static) {
    const SEED: u64 = 42;
    let schedules: usize = std::env::var("STRESS_SCHEDULES").map_or(2_000, |count| count.parse().unwrap());
    let drawn = RandomScheduler::new_from_seed(SEED, schedules / 2);
    Runner::new(drawn, Config::new()).run(program.clone());
    let few_changes = PctScheduler::new_from_seed(SEED, 3, schedules / 2);
    Runner::new(few_changes, Config::new()).run(program);
}
