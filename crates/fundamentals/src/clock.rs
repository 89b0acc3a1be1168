//! What work costs a thread, however busy the machine is.

use std::fs;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use lab::measure::{nanoseconds, stats};
use lab::timeline;
use nix::time::{ClockId, clock_gettime};

use crate::measured::Measured;
use crate::others::BUSY;

/// CPU time of the calling thread so far, in nanoseconds: it stands still while the thread does not run.
pub(crate) fn cpu_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map_or(0, |time| time.tv_sec().unsigned_abs() * 1_000_000_000 + time.tv_nsec().unsigned_abs())
}

/// CPU time that `work` takes on the calling thread, in nanoseconds.
pub(crate) fn cpu_of<R>(work: impl FnOnce() -> R) -> u64 {
    let before = cpu_ns();
    let result = black_box(work());
    let after = cpu_ns();
    drop(result);
    after - before
}

/// A round of two threads that must run at the same time.
pub(crate) struct Together {
    /// From start to end, of both threads together, in nanoseconds.
    pub(crate) ns: u64,
    /// Whether the two really ran at the same time, and neither waited for a processor.
    undisturbed: bool,
}

/// Lets two threads work at the same time, as far as the machine does.
pub(crate) fn together<R>(work: [&(dyn Fn() -> R + Sync); 2]) -> Together {
    let start = Barrier::new(2);
    let run = |work: &(dyn Fn() -> R + Sync)| {
        start.wait();
        let (delay, from) = (delay_ns(), timeline::now());
        black_box(work());
        let to = timeline::now();
        (from, to, delay_ns() - delay)
    };
    let [one, two] = thread::scope(|scope| {
        let run = &run;
        work.map(|work| scope.spawn(move || run(work)))
            .map(|thread| thread.join().expect("a round does not panic"))
    });
    let longest = (one.1 - one.0).max(two.1 - two.0);
    let overlap = one.1.min(two.1).saturating_sub(one.0.max(two.0));
    let undisturbed = 10 * (one.2 + two.2) < longest && 10 * overlap > 7 * longest;
    Together { ns: (one.1 - one.0) + (two.1 - two.0), undisturbed }
}

/// How many times more `one` costs than `other`, over rounds in which nothing disturbed the two threads. Without a number
/// when a second and a half of trying does not give enough of them.
pub(crate) fn undisturbed_ratio(
    seed: u64,
    one: impl Fn() -> Together,
    other: impl Fn() -> Together,
) -> Measured {
    const ROUNDS: usize = 15;
    let until = Instant::now() + Duration::from_millis(1_500);
    let (mut these, mut reference) = (Vec::new(), Vec::new());
    while these.len().min(reference.len()) < ROUNDS && Instant::now() < until {
        let rounds: [(_, &mut Vec<u64>); 2] = [(one(), &mut these), (other(), &mut reference)];
        for (round, kept) in rounds {
            kept.extend(round.undisturbed.then_some(round.ns));
        }
    }
    let rounds = these.len().min(reference.len());
    if rounds < stats::ENOUGH {
        return Measured::nothing(BUSY);
    }
    Measured::ratio(&these[..rounds], &reference[..rounds], seed)
}

/// For how long the calling thread has waited for a processor so far, in nanoseconds; 0 where the kernel does not tell.
fn delay_ns() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// So much time a step.
pub(crate) fn each(total_ns: u64, steps: u64) -> String {
    let each = total_ns as f64 / steps.max(1) as f64;
    if each < 1000.0 { format!("{each:.1} ns") } else { nanoseconds(total_ns / steps.max(1)) }
}

/// How many times more `one` costs than `other`: both measured in turns by their own clocks, after one round that does not
/// count, so that what slows the machine down slows both.
pub(crate) fn ratio(
    rounds: usize,
    seed: u64,
    mut one: impl FnMut() -> u64,
    mut other: impl FnMut() -> u64,
) -> Measured {
    let _ = (one(), other());
    let (these, reference): (Vec<u64>, Vec<u64>) =
        (0..rounds.max(stats::ENOUGH)).map(|_| (one(), other())).unzip();
    Measured::ratio(&these, &reference, seed)
}
