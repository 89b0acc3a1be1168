//! Mutex against atomic: what it costs when two threads want the same number.
//!
//! An atomic addition is one instruction: the cache line travels, the other thread's addition waits for it, and that is
//! all. A mutex is at least two such instructions, to take it and to let it go, and whoever finds it taken spins, or goes to
//! sleep and must be woken, which is a call into the kernel. A mutex can guard any data for any length of time, and an
//! atomic only one number for one instruction. So: a lone counter is an atomic, and everything else begins as a mutex.

use std::sync::atomic::{AtomicU64, Ordering};

use lab::Problem;
use lab::record::Threshold;
use parking_lot::Mutex;

use super::TIMES;
use crate::claim::{Claim, Source};
use crate::clock::{self, Together, each};
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "mutex-or-atomic",
    about: Text::new(
        "one counter for two threads, under a mutex and as an atomic",
        "um contador para duas threads, sob um mutex e como atômico",
    ),
    show,
    claims: &[CLAIM],
};

fn mutex(steps: u64) -> Together {
    let counter = Mutex::new(0_u64);
    let count = || (0..steps).for_each(|_| *counter.lock() += 1);
    clock::together([&count, &count])
}

fn atomic(steps: u64) -> Together {
    let counter = AtomicU64::new(0);
    // Nobody reads the counter before the threads are joined.
    let count = || (0..steps).fold(0, |_, _| counter.fetch_add(1, Ordering::Relaxed));
    clock::together([&count, &count])
}

/// The mutex when nobody else wants it.
fn alone(steps: u64) -> u64 {
    let counter = Mutex::new(0_u64);
    clock::cpu_of(|| (0..steps).for_each(|_| *counter.lock() += 1))
}

/// Additions of a round: about a millisecond, so that a busy machine leaves some rounds alone.
const STEPS: u64 = 50_000;

const CLAIM: Claim = Claim {
    id: "contended-mutex-costs-more",
    says: Text::new(
        "For a lone counter that two threads want, a mutex costs more than an atomic.",
        "Para um único contador disputado por duas threads, um mutex custa mais do que um atômico.",
    ),
    source: Source {
        title: "Mara Bos, Rust Atomics and Locks (2023), chapter 9, Building Our Own Locks",
        link: "https://marabos.nl/atomics/building-locks.html",
        number: Text::new(
            "at least two atomic operations for each lock",
            "pelo menos duas operações atômicas por trava",
        ),
    },
    unit: TIMES,
    holds: Threshold::AtLeast(1.3),
    breaks: Text::new("the counter is an atomic both times", "o contador é atômico nas duas vezes"),
    measure: |stage, mechanism| {
        let one = mechanism.pick(mutex as fn(u64) -> Together, atomic);
        Ok(clock::undisturbed_ratio(stage.lab.seed, || one(STEPS), || atomic(STEPS)))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (locked, counted) = (each(mutex(STEPS).ns, 2 * STEPS), each(atomic(STEPS).ns, 2 * STEPS));
    let alone = each(alone(STEPS), STEPS);
    say!(
        stage,
        "an addition, two threads: mutex {locked}, atomic {counted}; the mutex with one thread: {alone}",
        "uma soma, duas threads: mutex {locked}, atômico {counted}; o mutex com uma thread: {alone}"
    );
    Ok(())
}
