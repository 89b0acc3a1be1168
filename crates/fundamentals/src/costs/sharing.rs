//! False sharing: two counters that nobody shares, on a cache line that everybody does.
//!
//! A processor does not fetch bytes from memory, it fetches lines, 64 bytes on most machines. Before it writes to a line, it
//! must have the line for itself; all others lose theirs. Two threads that each count on a counter of their own do not
//! share anything in the program. If the counters lie beside each other, they share a line in the machine, and each write
//! of one thread takes the line away from the other. The mend is room: an alignment that gives each counter its line. (128
//! bytes here, because processors often fetch lines in pairs.)

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use lab::Problem;
use lab::record::Threshold;

use super::TIMES;
use crate::claim::{Claim, Source};
use crate::clock::{self, Together, each};
use crate::measured::Measured;
use crate::program::Program;
use crate::say;
use crate::stage::Stage;
use crate::text::Text;

pub(super) const PROGRAM: Program = Program {
    name: "false-sharing",
    about: Text::new(
        "two counters on one cache line, and on two",
        "dois contadores numa só linha de cache, e em duas",
    ),
    show,
    claims: &[CLAIM],
};

/// Two counters as close as the compiler puts them.
#[repr(align(128))]
#[derive(Default)]
struct Beside([AtomicU64; 2]);

/// A counter with a line, and its neighbour, for itself.
#[repr(align(128))]
#[derive(Default)]
struct Apart(AtomicU64);

/// Counts on two counters, a thread each.
fn count([one, two]: [&AtomicU64; 2], steps: u64) -> Together {
    // Nobody reads the counters before the threads are joined.
    let work = |counter: &AtomicU64| (0..steps).fold(0, |_, _| counter.fetch_add(1, Ordering::Relaxed));
    clock::together([&|| work(one), &|| work(two)])
}

fn beside(steps: u64) -> Together {
    let Beside([one, two]) = &Beside::default();
    count([one, two], steps)
}

fn apart(steps: u64) -> Together {
    let [Apart(one), Apart(two)] = &<[Apart; 2]>::default();
    count([one, two], steps)
}

/// Why there is no number where the machine has a single core.
pub const ONE_CORE: Text = Text::new(
    "the processors of this machine are halves of one core, which share their caches: there is nothing to see",
    "os processadores desta máquina são metades de um só núcleo, que compartilham os caches: não há o que ver",
);

/// Whether all processors are threads of one core. Where the system does not say, they are taken not to be.
fn one_core() -> bool {
    let siblings = |number: usize| {
        fs::read_to_string(format!("/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")).ok()
    };
    let first = siblings(0);
    first.is_some() && (1..).map_while(siblings).all(|other| Some(other) == first)
}

/// Additions of a round: about half a millisecond, so that a busy machine leaves some rounds alone.
const STEPS: u64 = 100_000;

const CLAIM: Claim = Claim {
    id: "false-sharing-costs",
    says: Text::new(
        "Two threads count more slowly when their own counters lie on one cache line.",
        "Duas threads contam mais devagar quando os seus próprios contadores ficam na mesma linha de cache.",
    ),
    source: Source {
        title: "Mara Bos, Rust Atomics and Locks (2023), chapter 7, Caching",
        link: "https://marabos.nl/atomics/hardware.html",
        number: Text::new("several times slower", "várias vezes mais lento"),
    },
    unit: TIMES,
    holds: Threshold::AtLeast(1.3),
    breaks: Text::new("each counter has a line for itself", "cada contador tem uma linha só para si"),
    measure: |stage, mechanism| {
        if one_core() {
            return Ok(Measured::nothing(ONE_CORE));
        }
        let shared = mechanism.pick(beside as fn(u64) -> Together, apart);
        Ok(clock::undisturbed_ratio(stage.lab.seed, || shared(STEPS), || apart(STEPS)))
    },
};

fn show(stage: &Stage) -> Result<(), Problem> {
    let (one, two) = (each(beside(STEPS).ns, 2 * STEPS), each(apart(STEPS).ns, 2 * STEPS));
    say!(
        stage,
        "▏AAAAAAAABBBBBBBB················▏  beside each other",
        "▏AAAAAAAABBBBBBBB················▏  lado a lado"
    );
    say!(stage, "▏AAAAAAAA········▏▏BBBBBBBB······▏  apart", "▏AAAAAAAA········▏▏BBBBBBBB······▏  separados");
    say!(
        stage,
        "An addition costs {one} on one cache line, and {two} on two.",
        "Uma soma custa {one} numa só linha de cache, e {two} em duas."
    );
    Ok(())
}
